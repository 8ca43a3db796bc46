/**
 * The real agents through real supervisors: only the model is ours. Nothing of the machine's own is read (HOME is the
 * test's), and nothing but loopback is spoken to.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { until } from '../support/instance.ts';
import { SeedProject } from '../support/scripted-agent.ts';
import { type Failure, ModelServer } from './model-server.ts';
import { REAL, type Real } from './setup.ts';

let model: ModelServer;
let p: SeedProject;
beforeEach(async () => {
  model = await ModelServer.start();
});
afterEach(async () => {
  await p.close();
  await model.close();
});

const MODELS: Readonly<Record<Real, string>> = {
  claude: 'claude-sonnet-4-5',
  codex: 'gpt-5.5',
  gemini: 'gemini-2.5-pro',
};

/** A provider of its own is how codex is led to another address. */
const codexProvider = (url: string) =>
  Object.entries({
    model_provider: '"test"',
    'model_providers.test.name': '"test"',
    'model_providers.test.base_url': `"${url}/v1"`,
    'model_providers.test.env_key': '"OPENAI_API_KEY"',
    'model_providers.test.wire_api': '"responses"',
    'model_providers.test.request_max_retries': '1',
    'model_providers.test.stream_max_retries': '1',
  }).flatMap(([key, value]) => ['-c', `${key}=${value}`]);

/** Keys are captured by their names alone. */
const KEYS = ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'GEMINI_API_KEY', 'OPENAI_API_KEY'];

const GEMINI_SETTINGS = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  general: { enableAutoUpdate: false },
  privacy: { usageStatisticsEnabled: false },
  telemetry: { enabled: false },
};

async function run(real: Real, subtasks: string[], env: Record<string, string> = {}): Promise<void> {
  const installed = inject('agents')[real];
  if ('missing' in installed) throw new Error(installed.missing);
  const command = [...installed.command, ...(real === 'codex' ? codexProvider(model.url) : [])];
  p = new SeedProject({
    config: { agent: { backend: real, command }, models: { coder: MODELS[real] }, pass_env: KEYS },
    env: {
      ANTHROPIC_API_KEY: 'test-key',
      ANTHROPIC_BASE_URL: model.url,
      // The program's own patience is not what is tested.
      CLAUDE_CODE_MAX_RETRIES: '1',
      GEMINI_API_KEY: 'test-key',
      GOOGLE_GEMINI_BASE_URL: model.url,
      OPENAI_API_KEY: 'test-key',
      ...env,
    },
  });
  const settings = join(p.instance.folder, '.gemini/settings.json');
  mkdirSync(dirname(settings), { recursive: true });
  writeFileSync(settings, JSON.stringify(GEMINI_SETTINGS));
  await p.init(subtasks.map(id => ({ id })));
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

/** A usage limit as the service of each agent says it, as far as the programs let know. */
const LIMITS: Readonly<Record<Real, (resets: number) => Failure>> = {
  claude: resets => ({
    status: 429,
    body: { type: 'error', error: { type: 'rate_limit_error', message: 'over the limit' } },
    headers: {
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': String(resets),
      'anthropic-ratelimit-unified-representative-claim': 'five_hour',
      'retry-after': '3600',
    },
  }),
  codex: resets_at => ({
    status: 429,
    body: { error: { type: 'usage_limit_reached', message: 'over the limit', plan_type: 'plus', resets_at } },
  }),
  gemini: () => ({
    status: 429,
    body: {
      error: {
        code: 429,
        message: 'You exceeded your current quota.',
        status: 'RESOURCE_EXHAUSTED',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
            violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }],
          },
        ],
      },
    },
  }),
};

for (const real of REAL) {
  const installed = inject('agents')[real];
  if ('missing' in installed) test.skip(`${real} could not be installed: ${installed.missing}`, () => {});

  describe.skipIf('missing' in installed)(real, () => {
    test('a whole task: commits, results, tokens', async () => {
      model.turns = works();
      await run(real, ['a', 'b']);
      const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
      expect([view.status, view.reason, view.verified]).toEqual(['completed', null, true]);
      const done = view.subtasks.filter(s => ['a', 'b'].includes(s.id));
      expect(done.map(s => s.history.map(h => h.outcome))).toEqual([['ok'], ['ok']]);
      expect(view.total_commits).toBe(2);
      expect([view.total_input_tokens, view.total_output_tokens]).toEqual([6000, 240]);
      expect(view.total_cost_usd !== null).toBe(real === 'claude');
      expect(model.requests.every(request => request.key?.endsWith('test-key'))).toBe(true);
    });

    test('a key that is refused blocks the task', async () => {
      const body = {
        error: { code: 401, message: 'bad key', status: 'UNAUTHENTICATED', type: 'authentication_error' },
      };
      model.turns = works();
      model.failures = Array(50).fill({ status: 401, body });
      await run(real, ['a']);
      const view = await p.seen('it is blocked', v => v.status === 'blocked' || v.status === 'completed');
      expect([view.status, view.why]).toEqual(['blocked', 'auth']);
    });

    test('a usage limit is waited for, to the time that is stated', async () => {
      const resets = Math.ceil(Date.now() / 1000) + 20;
      model.turns = works();
      model.failures = [LIMITS[real](resets)];
      // Only a subscription has limits that end at a time.
      const token = { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'test-key' };
      await run(real, ['a'], real === 'claude' ? token : {});
      const waiting = await p.seen('it waits', v => v.status === 'waiting' || v.status === 'blocked');
      expect([waiting.status, waiting.why]).toEqual(['waiting', 'limit']);
      const late = Date.parse(waiting.resume_at!) / 1000 - resets;
      // Codex says no seconds, gemini no time at all.
      const most = { claude: 3, codex: 120, gemini: 16 * 60 }[real];
      expect(late).toBeGreaterThan(-1);
      expect(late).toBeLessThan(most);
      if (real !== 'claude') return;
      const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
      expect([view.status, view.reason]).toEqual(['completed', null]);
      const { history } = view.subtasks.find(s => s.id === 'a')!;
      expect(history.map(h => h.outcome)).toEqual(['limit', 'ok']);
    });

    test('the supervisor is killed while it works: adopted, and ended in the same session', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rasen-go-'));
      try {
        const go = join(folder, 'go');
        const [first, ...rest] = works();
        // Its own folder is the only one that every agent lets its commands write.
        const shell = `touch begun.txt; until [ -e ${go} ]; do sleep 0.1; done; ${first!.shell}`;
        model.turns = [{ ...first!, shell }, ...rest];
        await run(real, ['a']);
        const begins = await p.seen(
          'it works',
          v => v.worktree !== null && existsSync(join(v.worktree, 'begun.txt')),
        );
        expect(begins.status).toBe('running');
        process.kill(p.instance.pid()!, 'SIGKILL');
        await until('the supervisor is gone', async () =>
          (await p.rasen('status')).stdout.startsWith('Status: not_running'),
        );
        await p.ok('resume', '--background');
        writeFileSync(go, '');
        const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
        expect([view.status, view.reason]).toEqual(['completed', null]);
        expect(view.subtasks.find(s => s.id === 'a')!.history.map(h => h.outcome)).toEqual(['ok']);
        expect(model.requests.filter(request => request.turn === 0)).toHaveLength(1);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test('an answer that fails once is the program’s own to get over', async () => {
      model.turns = works();
      const body = { error: { code: 503, message: 'busy', status: 'UNAVAILABLE', type: 'overloaded_error' } };
      model.failures = [{ status: 503, body }];
      await run(real, ['a']);
      const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
      expect([view.status, view.reason]).toEqual(['completed', null]);
      expect(view.subtasks.find(s => s.id === 'a')!.history.map(h => h.outcome)).toEqual(['ok']);
      expect(model.failures).toEqual([]);
    });
  });
}
