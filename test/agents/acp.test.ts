/**
 * The real OpenCode, by its own command and over the Agent Client Protocol, and the real gemini over the protocol:
 * through real supervisors, with a model of ours.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { until } from '../support/instance.ts';
import { SeedProject } from '../support/scripted-agent.ts';
import { ModelServer, NEVER } from './model-server.ts';

let model: ModelServer;
let p: SeedProject;
beforeEach(async () => {
  model = await ModelServer.start();
});
afterEach(async () => {
  await p?.close();
  await model.close();
});

interface Way {
  of: 'gemini' | 'opencode';
  backend: 'acp' | 'opencode';
  args: string[];
  model: string;
  /** Over the protocol OpenCode tells those of the last call alone. */
  tokens: [number, number];
  cost: boolean;
}

const WAYS: Readonly<Record<string, Way>> = {
  opencode: {
    of: 'opencode',
    backend: 'opencode',
    args: [],
    model: 'test/test-model',
    tokens: [3000, 120],
    cost: true,
  },
  'opencode over acp': {
    of: 'opencode',
    backend: 'acp',
    args: ['acp'],
    model: 'test/test-model',
    tokens: [1000, 40],
    cost: true,
  },
  'gemini over acp': {
    of: 'gemini',
    backend: 'acp',
    args: ['--acp'],
    model: 'gemini-2.5-pro',
    tokens: [3000, 120],
    cost: false,
  },
};

const GEMINI_SETTINGS = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  general: { enableAutoUpdate: false },
  privacy: { usageStatisticsEnabled: false },
};

/** A provider of its own leads OpenCode to another address. */
const opencodeConfig = (url: string) => ({
  share: 'disabled',
  small_model: 'test/test-model',
  provider: {
    test: {
      npm: '@ai-sdk/openai-compatible',
      options: { baseURL: `${url}/v1`, apiKey: 'test-key' },
      models: {
        'test-model': {
          limit: { context: 200_000, output: 32_000 },
          cost: { input: 3, output: 15 },
          tool_call: true,
        },
      },
    },
  },
});

async function run(way: Way, config: Record<string, unknown> = {}): Promise<void> {
  const installed = inject('agents')[way.of];
  if ('missing' in installed) throw new Error(installed.missing);
  p = new SeedProject({
    config: {
      agent: { backend: way.backend, command: [...installed.command, ...way.args] },
      models: { coder: way.model },
      pass_env: ['GEMINI_API_KEY', 'OPENCODE_CONFIG_CONTENT'],
      ...config,
    },
    env: {
      GEMINI_API_KEY: 'test-key',
      GOOGLE_GEMINI_BASE_URL: model.url,
      OPENCODE_CONFIG_CONTENT: JSON.stringify(opencodeConfig(model.url)),
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
    },
  });
  const settings = join(p.instance.folder, '.gemini/settings.json');
  mkdirSync(dirname(settings), { recursive: true });
  writeFileSync(settings, JSON.stringify(GEMINI_SETTINGS));
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
}

const works = () => [
  { say: 'I write the file.', shell: 'date +%N >> work.txt && git add -A && git commit -qm "the work"' },
  {
    say: 'Now the result.',
    write: { path: '{result}', text: '{"status":"done","summary":"wrote work.txt"}' },
  },
  { say: 'All done.' },
];

/** OpenCode makes a database in a home that is new, which takes its time where others work. */
const SLOW_MS = 240_000;
const seen = (what: string, fits: (view: TaskView) => unknown): Promise<TaskView> =>
  until(
    what,
    async () => {
      const view = await p.view();
      return fits(view) ? view : null;
    },
    SLOW_MS,
  );
const begun = () => seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun.txt')));
const outcomesOf = (view: TaskView) => view.subtasks.find(s => s.id === 'a')!.history.map(h => h.outcome);
const over = () => seen('it is over', v => v.status === 'completed' || v.status === 'blocked');

for (const [name, way] of Object.entries(WAYS)) {
  const installed = inject('agents')[way.of];
  if ('missing' in installed) test.skip(`${way.of} could not be installed: ${installed.missing}`, () => {});

  describe.skipIf('missing' in installed)(name, { timeout: 2 * SLOW_MS }, () => {
    test('a key that is refused blocks the task', async () => {
      const body = {
        error: { code: 401, message: 'Invalid API key', status: 'UNAUTHENTICATED', type: 'auth' },
      };
      model.turns = works();
      model.failures = Array(50).fill({ status: 401, body });
      await run(way);
      const view = await over();
      expect([view.status, view.why]).toEqual(['blocked', 'auth']);
    });

    test('a whole task, and the supervisor is killed in the middle: adopted, ended in the same session', async () => {
      const [first, ...rest] = works();
      const shell = `touch begun.txt; until [ -e $HOME/go ]; do sleep 0.1; done; ${first!.shell}`;
      model.turns = [{ ...first!, shell }, ...rest];
      await run(way);
      const begins = await begun();
      expect(begins.status).toBe('running');
      await p.crash();
      await p.ok('resume', '--background');
      writeFileSync(join(p.instance.folder, 'go'), '');
      const view = await over();
      expect([view.status, view.reason, view.verified]).toEqual(['completed', null, true]);
      expect(outcomesOf(view)).toEqual(['ok']);
      expect(view.total_commits).toBe(1);
      expect([view.total_input_tokens, view.total_output_tokens]).toEqual(way.tokens);
      expect(view.total_cost_usd !== null).toBe(way.cost);
      expect(model.requests.filter(request => request.turn === 0)).toHaveLength(1);
      expect(model.requests.every(request => request.key?.endsWith('test-key'))).toBe(true);
    });

    test('stopped in the middle: nothing is left of it, and the work is gone on with', async () => {
      const [first, ...rest] = works();
      const shell = `touch begun.txt; [ -e $HOME/go ] || sleep 1000; ${first!.shell}`;
      model.turns = [{ ...first!, shell }, ...rest];
      await run(way);
      await begun();
      writeFileSync(join(p.instance.folder, 'go'), '');
      await p.ok('stop');
      await p.ok('resume', '--background');
      const view = await over();
      expect([view.status, view.reason]).toEqual(['completed', null]);
      expect(outcomesOf(view)).toEqual(['killed', 'ok']);
    });
  });
}

describe.skipIf('missing' in inject('agents').opencode)(
  'opencode, by itself',
  { timeout: 2 * SLOW_MS },
  () => {
    const way = WAYS.opencode!;

    test('an answer that fails once is its own to get over', async () => {
      model.turns = works();
      model.failures = [{ status: 503, body: { error: { message: 'busy', type: 'server_error' } } }];
      await run(way);
      const view = await over();
      expect([view.status, view.reason]).toEqual(['completed', null]);
      expect(outcomesOf(view)).toEqual(['ok']);
      expect(model.failures).toEqual([]);
      expect(model.begun).toBe(2);
    });

    test('a request that nobody answers is ended by the watchdog, and the next attempt does the work', async () => {
      model.turns = works();
      model.failures = [NEVER];
      await run(way, { orchestrator: { session_delay_seconds: 0, idle_timeout_seconds: 10 } });
      const view = await over();
      expect([view.status, view.reason]).toEqual(['completed', null]);
      expect(outcomesOf(view)).toEqual(['network', 'ok']);
      expect(model.failures).toEqual([]);
    });

    test('a budget of tokens ends it in the middle', async () => {
      model.turns = [{ say: 'And on I go.', shell: 'sleep 1' }];
      await run(way, { limits: { attempt_tokens: 2500 } });
      const view = await over();
      expect([view.status, view.why]).toEqual(['blocked', 'budget']);
      expect(outcomesOf(view)).toEqual(['budget']);
      expect(view.total_tokens).toBeGreaterThan(2500);
    });
  },
);
