/**
 * The real codex, spoken with: what only a conversation can do. Whole tasks, refusals and the death of the supervisor
 * are tested with all agents.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { taskFiles } from '../../src/store/layout.ts';
import type { EventOf } from '../../src/task/event.ts';
import type { TaskView } from '../../src/task/view.ts';
import { until } from '../support/instance.ts';
import { SeedProject } from '../support/scripted-agent.ts';
import { ModelServer, type Turn } from './model-server.ts';

const installed = inject('agents').codex;
if ('missing' in installed) test.skip(`codex could not be installed: ${installed.missing}`, () => {});

let model: ModelServer;
let p: SeedProject;
/** Where the test says that a command may go on. */
let folder: string;
beforeEach(async () => {
  model = await ModelServer.start();
  folder = mkdtempSync(join(tmpdir(), 'rasen-go-'));
});
afterEach(async () => {
  await p.close();
  await model.close();
  rmSync(folder, { recursive: true });
});

const provider = (url: string) =>
  Object.entries({
    model_provider: '"test"',
    'model_providers.test.name': '"test"',
    'model_providers.test.base_url': `"${url}/v1"`,
    'model_providers.test.env_key': '"OPENAI_API_KEY"',
    'model_providers.test.wire_api': '"responses"',
    'model_providers.test.request_max_retries': '1',
    'model_providers.test.stream_max_retries': '1',
  }).flatMap(([key, value]) => ['-c', `${key}=${value}`]);

/** @param through a program that is started with codex and its arguments. */
async function run(through: string[] = []): Promise<void> {
  const program = 'missing' in installed ? [] : installed.command;
  const command = [...through, ...program, ...provider(model.url)];
  p = new SeedProject({
    config: {
      agent: { backend: 'codex', command },
      models: { coder: 'gpt-5.5' },
      pass_env: ['OPENAI_API_KEY'],
    },
    env: { OPENAI_API_KEY: 'test-key' },
  });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
}

const COMMIT = 'date +%N >> work.txt && git add -A && git commit -qm "the work"';
const RESULT = { path: '{result}', text: '{"status":"done","summary":"wrote work.txt"}' };
const works = (shell = COMMIT): Turn[] => [
  { say: 'I write the file.', shell },
  { say: 'Now the result.', write: RESULT },
  { say: 'All done.' },
];
/** Works when the test lets it. */
const waits = () => `touch begun.txt; until [ -e ${folder}/go ]; do sleep 0.1; done; ${COMMIT}`;
const begun = () => p.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun.txt')));
const over = () => p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
const outcomes = (view: TaskView) => view.subtasks.find(s => s.id === 'a')!.history.map(h => h.outcome);
const tasks = () => join(p.instance.home, 'tasks');
const task = () => readdirSync(tasks())[0]!;
const output = (n: number) => readFileSync(join(tasks(), task(), `attempts/a/${n}/output`), 'utf8');
const sessions = () =>
  readFileSync(taskFiles(tasks(), task()).journal, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter((e): e is EventOf<'attempt_ended'> => e.type === 'attempt_ended' && e.session)
    .map(e => e.session!);

describe.skipIf('missing' in installed)('codex app-server', () => {
  test('each call is counted, every event is known, and the commit is made in the linked worktree', async () => {
    model.turns = works();
    await run();
    const view = await over();
    expect([view.status, view.reason, view.verified]).toEqual(['completed', null, true]);
    expect(view.total_commits).toBe(1);
    expect(output(1)).toContain('thread/tokenUsage/updated');
    expect(output(1)).not.toContain('rasen/fallback');
    expect(sessions().map(s => [s.outcome, s.unknown, s.usage?.input_tokens])).toEqual([['ok', {}, 3000]]);
  });

  test('a limit ends at the second that is stated', async () => {
    const resets = Math.ceil(Date.now() / 1000) + 8;
    model.turns = works();
    model.failures = [
      {
        status: 429,
        body: { error: { type: 'usage_limit_reached', message: 'over the limit', plan_type: 'plus' } },
        headers: {
          'x-codex-primary-used-percent': '100',
          'x-codex-primary-window-minutes': '300',
          'x-codex-primary-reset-at': String(resets),
        },
      },
    ];
    await run();
    const waiting = await p.seen('it waits', v => v.status === 'waiting' || v.status === 'blocked');
    expect([waiting.status, waiting.why]).toEqual(['waiting', 'limit']);
    expect(Date.parse(waiting.resume_at!) / 1000 - resets).toBeGreaterThanOrEqual(0);
    expect(Date.parse(waiting.resume_at!) / 1000 - resets).toBeLessThan(5);
    expect(outcomes(await over())).toEqual(['limit', 'ok']);
    const ids = sessions().flatMap(s => s.ids);
    expect(new Set(ids).size, 'the thread is gone on with').toBe(1);
  });

  test('stopped in a tool and resumed: the same thread, which knows what was done', async () => {
    model.turns = [{ say: 'I begin.', shell: 'touch begun.txt; sleep 1000' }, ...works()];
    await run();
    await begun();
    await p.ok('stop');
    expect(output(1)).toContain('"interrupted"');
    await p.ok('resume', '--background');
    const view = await over();
    expect([view.status, view.reason]).toEqual(['completed', null]);
    expect(outcomes(view)).toEqual(['killed', 'ok']);
    expect(new Set(sessions().flatMap(s => s.ids)).size).toBe(1);
    // A session that begins has no results of tools in it.
    expect(model.requests.filter(request => request.turn === 0)).toHaveLength(1);
  });

  test('a note reaches it in the middle of its turn', async () => {
    model.turns = works(waits());
    await run();
    await begun();
    await p.ok('note', 'Use the blue one.');
    await until('it is told', () => output(1).includes('rasen/note_said'));
    writeFileSync(join(folder, 'go'), '');
    const view = await over();
    expect([view.status, view.reason]).toEqual(['completed', null]);
    const told = output(1)
      .split('\n')
      .filter(line => line.includes('"userMessage"') && line.includes('Use the blue one.'));
    expect(told.length).toBeGreaterThan(0);
    expect(output(1).match(/"method":"turn\/completed"/g)).toHaveLength(1);
  });

  test('a version that cannot be spoken with is run by itself, and gone on with by itself', async () => {
    const older = join(folder, 'older');
    const refuses = `case " $* " in *" app-server "*) echo "error: unrecognized subcommand 'app-server'" >&2; exit 2;; esac`;
    writeFileSync(older, `#!/bin/sh\n${refuses}\nexec "$@"\n`, { mode: 0o755 });
    model.turns = [{ say: 'I begin.', shell: 'touch begun.txt; sleep 1000' }, ...works()];
    await run([older]);
    await begun();
    await p.ok('stop');
    await p.ok('resume', '--background');
    const view = await over();
    expect([view.status, view.reason, view.verified]).toEqual(['completed', null, true]);
    expect(outcomes(view)).toEqual(['killed', 'ok']);
    for (const n of [1, 2]) expect(output(n)).toContain('{"type":"rasen/fallback"}\n');
    expect(new Set(sessions().flatMap(s => s.ids)).size).toBe(1);
    expect(sessions().map(s => s.unknown)).toEqual([{}, {}]);
  });
});
