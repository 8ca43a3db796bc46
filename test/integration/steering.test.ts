/**
 * Words to sessions that run, answers to questions, and sessions that are gone on with: through real supervisors, runners
 * and git, with a scripted agent in the place of claude.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Event, EventOf } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { until } from '../support/instance.ts';
import { streamed } from '../support/night-faults.ts';
import { type Act, APPROVES, type Script, SeedProject, WORKS } from '../support/scripted-agent.ts';

const SPOKEN_WITH = join(import.meta.dirname, '../support/stream-json-agent.mjs');

let p: SeedProject;
afterEach(() => p.close());

/** The agent is claude as it is spoken with, unless `config` says otherwise. */
async function run(script: Script, config: object = {}): Promise<void> {
  p = new SeedProject({
    script,
    config: ([node = '', , file = '']: string[]) => ({
      agent: { backend: 'claude', command: [node, SPOKEN_WITH, file] },
      ...config,
    }),
  });
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
}

/** Everything that happened to the only task, in its order. */
function of<T extends Event['type']>(type: T): EventOf<T>[] {
  const tasks = join(p.instance.home, 'tasks');
  const [task] = readdirSync(tasks);
  const lines = readFileSync(taskFiles(tasks, task!).journal, 'utf8').trim().split('\n');
  return lines.map(line => JSON.parse(line) as Event).filter(e => e.type === type) as EventOf<T>[];
}

/** What was said to the agent after its prompt. */
function heard(): string[] {
  const file = p.beside('script.json.heard');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line));
}

const historyOf = (view: TaskView) => view.subtasks.find(s => s.id === 'token')!.history;
const over = () => p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');

/** Begins, and goes on when the test says so. */
const waits = (then: Act[] = WORKS): Act[] => [{ await: '{project}/../go' }, ...then];
const go = () => writeFileSync(p.beside('go'), '');
const told = () => of('note_told').map(({ note, how }) => [note, how]);

const limit = (seconds: number): Act[] => {
  const rejected = { status: 'rejected', resetsAt: `{epoch+${seconds}}`, rateLimitType: 'five_hour' };
  const result = { is_error: true, subtype: 'success', terminal_reason: 'api_error', api_error_status: 429 };
  return [
    { say: JSON.stringify({ type: 'rate_limit_event', rate_limit_info: rejected }) },
    { say: JSON.stringify({ type: 'result', ...result, result: 'over the limit' }) },
    { exit: 1 },
  ];
};
const option = (argv: string[], name: string) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : null);

test('a note reaches the session that runs, and is told once', async () => {
  await run({ token: [waits()] });
  await p.session('token');
  await p.seen('it runs', v => v.subtasks.some(s => s.attempt?.phase === 'running'));
  expect(await p.ok('note', 'Use tabs.')).toBe('Note 1: the session that works on token is told.\n');
  await until('it was heard', () => heard().length > 0);
  await until('it is recorded', () => told().length > 0);
  expect((await p.view()).notes).toEqual([]);
  go();
  expect((await over()).status).toBe('completed');
  expect([heard(), told(), p.sessions().length]).toEqual([['Use tabs.'], [[1, 'live']], 1]);
});

test('a note that comes too late for the turn is heard in the next one, before the session ends', async () => {
  await run({ token: [waits(), WORKS] });
  writeFileSync(p.beside('script.json.late'), '');
  await p.session('token');
  await p.seen('it runs', v => v.subtasks.some(s => s.attempt?.phase === 'running'));
  await p.ok('note', 'One more thing.');
  await until('it was heard', () => heard().length > 0);
  go();
  const view = await over();
  expect([view.status, historyOf(view).map(h => h.outcome)]).toEqual(['completed', ['ok']]);
  expect(p.sessions('token').map(s => s.prompt.slice(0, 15))).toEqual(['# One subtask: ', 'One more thing.']);
});

test('an older version that is not spoken with after all: the next attempt is told, and the answer says so', async () => {
  const old =
    'case "$*" in *--input-format*) echo "error: unknown option" >&2; exit 1;; esac; exec "$0" "$@"';
  p = new SeedProject({
    script: { token: [waits([{ exit: 1 }]), streamed(WORKS)] },
    config: (agent: string[]) => ({ agent: { backend: 'claude', command: ['sh', '-c', old, ...agent] } }),
  });
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  await p.session('token');
  expect(await p.ok('note', 'Use tabs.')).toBe('Note 1: the next attempt is told.\n');
  go();
  expect((await over()).status).toBe('completed');
  const [first, second] = p.sessions('token').map(s => s.prompt);
  expect([first?.includes('Use tabs.'), second?.includes('Use tabs.')]).toEqual([false, true]);
  expect(told()).toEqual([[1, 'prompt']]);
});

test('rasend is killed while a note is on its way: it is heard, and known to be', async () => {
  await run({ token: [waits()] });
  await p.session('token');
  await p.seen('it runs', v => v.subtasks.some(s => s.attempt?.phase === 'running'));
  await p.ok('note', 'Use tabs.');
  await p.crash();
  await p.ok('resume', '--background');
  await until('it was heard', () => heard().length > 0);
  go();
  expect((await over()).status).toBe('completed');
  expect([new Set(heard()), told().length]).toEqual([new Set(['Use tabs.']), 1]);
});

test('where nobody can be spoken with, a note stands in the next prompt; also in one that has no place for it', async () => {
  p = new SeedProject({ script: { token: [waits([{ exit: 1 }]), WORKS] } });
  await p.init([{ id: 'token' }]);
  p.write({ '.rasen/prompts/coder.md': 'Do {subtask_title}. Result: {result_file}' });
  await p.ok('run', '--background');
  await p.session('token');
  expect(await p.ok('note', 'Use\ntabs.')).toBe('Note 1: the next attempt is told.\n');
  expect(await p.ok('status')).toContain('Note 1, not told yet: Use tabs.\n');
  go();
  expect((await over()).status).toBe('completed');
  const [first, second] = p.sessions('token').map(s => s.prompt);
  expect(first).not.toContain('The user adds');
  expect(second).toMatch(/\n\nThe user adds:\n- \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\) Use\n {2}tabs\.\n$/);
  expect(told()).toEqual([[1, 'prompt']]);
  expect(await p.ok('status')).not.toContain('not told yet');
});

test('a question is answered in one word, and the next session knows the answer', async () => {
  const asks: Act[] = [{ claim: { status: 'blocked', summary: 'Which database?' } }];
  await run({ token: [asks, asks, WORKS] });
  const early = await p.rasen('answer', 'PostgreSQL');
  expect([early.status, early.stderr]).toEqual([5, expect.stringContaining('waits for no answer')]);
  const view = await over();
  expect([view.status, view.why, view.notes]).toEqual(['blocked', 'question', []]);
  const status = await p.ok('status');
  expect(status).toContain('the agent asks: Which database?');
  expect(status).toMatch(/^Next: rasen answer \w{26} "…"$/m);
  expect((await p.rasen('answer', ' ')).stderr).toContain('there is nothing to say');

  await p.crash();
  expect(await p.ok('answer', 'PostgreSQL 17'), 'a supervisor is started').toBe(
    'Note 1: the next attempt is told. The task goes on.\n',
  );
  expect((await over()).status).toBe('completed');
  expect(p.sessions('token').at(-1)!.prompt).toContain('UTC) PostgreSQL 17\n');
  const again = await p.rasen('answer', 'SQLite');
  expect([again.status, again.stderr]).toEqual([5, expect.stringContaining('does nothing any more')]);
});

test('what a stop interrupted goes on in its session, once, and in its worktree', async () => {
  await run({
    token: [[{ write: { 'half.txt': 'half\n' } }, { hang: {} }], [{ hang: {} }], WORKS],
  });
  const first = await p.session('token');
  await p.seen('it runs', v => v.subtasks.some(s => s.attempt?.phase === 'running'));
  await until('half of it is there', () => existsSync(join(first.cwd, 'half.txt')));
  await p.ok('stop');
  await p.ok('note', 'Mind the gap.');
  await p.ok('resume', '--background');
  const second = await p.session('token', 2);
  expect(second.argv).toContain('--resume');
  const [a] = of('attempt_ended').map(e => e.session?.ids[0]);
  expect(of('attempt_created').map(e => e.resume ?? null)).toEqual([null, null, a]);
  expect(option(second.argv, '--resume')).toBe(a);
  expect(second.prompt).toMatch(
    /^Attempt 1 was interrupted: it was stopped from outside\. This is the same session/,
  );
  expect(second.prompt).toContain('UTC) Mind the gap.');
  expect(second.prompt).not.toContain('# One subtask');
  expect(existsSync(join(second.cwd, 'half.txt'))).toBe(true);

  await p.seen('it runs', v => v.subtasks.some(s => s.attempt?.phase === 'running'));
  await p.ok('stop');
  await p.ok('resume', '--background');
  const view = await over();
  expect([view.status, historyOf(view).map(h => h.outcome)]).toEqual([
    'completed',
    ['killed', 'killed', 'ok'],
  ]);
  const third = p.sessions('token')[2]!;
  expect(option(third.argv, '--resume'), 'a session is gone on with once').toBeNull();
  expect(third.prompt).toContain('# One subtask: token');
  expect(third.prompt).toMatch(
    /Attempt 2 was interrupted: it was stopped from outside\. What it did is in the working/,
  );
  expect(third.prompt, 'what an earlier session was told').toContain('UTC) Mind the gap.');
});

test('a session that is not there any more costs nothing: a new one goes on from what is there', async () => {
  await run({ token: [[{ write: { 'half.txt': 'half\n' } }, ...limit(2)], WORKS] });
  await p.seen('it waits', v => v.status === 'waiting');
  rmSync(p.beside('script.json.sessions'));
  const view = await over();
  expect([view.status, historyOf(view).map(h => h.outcome)]).toEqual([
    'completed',
    ['limit', 'session_lost', 'ok'],
  ]);
  const [, last] = p.sessions('token');
  expect(option(last!.argv, '--resume')).toBeNull();
  expect(last!.prompt).toMatch(
    /Attempt 1 was interrupted: a usage limit was reached \(over the limit\)\. What it did is/,
  );
  expect(existsSync(join(last!.cwd, 'half.txt'))).toBe(true);
});

test('a session whose time is running out is told to come to an end, once', async () => {
  const limits = { orchestrator: { session_delay_seconds: 0, session_timeout_seconds: 20 } };
  await run({ token: [waits()] }, limits);
  await until('it was heard', () => heard().length > 0);
  go();
  const view = await over();
  expect([view.status, historyOf(view).map(h => h.outcome)]).toEqual(['completed', ['ok']]);
  expect(heard()).toEqual([expect.stringContaining('Most of the time for this session is used')]);
  expect(of('note_added').map(({ by, to }) => [by, to])).toEqual([['rasen', { step: 'token', n: 1 }]]);
  expect(told()).toEqual([[1, 'live']]);
});

test('an agent that cannot be spoken with is told in no other way that its time is running out', async () => {
  const limits = {
    orchestrator: { session_delay_seconds: 0, session_timeout_seconds: 1 },
    limits: { attempts: 1 },
  };
  p = new SeedProject({ script: { token: [[{ hang: {} }]] }, config: limits });
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  const view = await over();
  expect(historyOf(view).map(h => h.outcome)).toEqual(['timeout']);
  expect(of('note_added')).toEqual([]);
});

test('a session that hangs in its turn after its result is ended, and the result counts: of work and of judges', {
  timeout: 400_000,
}, async () => {
  const hangs: Act = { hang: {} };
  await run(
    { token: [[...WORKS, hangs], WORKS], reviewer: [[...APPROVES, hangs], APPROVES] },
    {
      orchestrator: { session_delay_seconds: 0, idle_timeout_seconds: 3 },
      review: { enabled: true, per_subtask: true },
    },
  );
  const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked', 80_000);
  expect([view.status, ...historyOf(view).map(h => h.outcome)]).toEqual(['completed', 'ok']);
  expect(of('attempt_ended').find(e => e.step === 'token')).toMatchObject({
    outcome: 'ok',
    claim: { summary: 'did token' },
    session: { outcome: 'failed' },
  });
});
