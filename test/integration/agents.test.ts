/**
 * Agents whose ways are known, with real supervisors, runners and git. In the place of each program is the scripted
 * agent, which is started with its command line and prints recorded streams of the real one.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Event, EventOf } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { type Act, APPROVES, type Script, SeedProject, WORKS } from '../support/scripted-agent.ts';

let p: SeedProject;
afterEach(() => p.close());

const ONE = [{ id: 'token' }];
const backend = (name: string, more: object = {}) => ({
  config: (command: string[]) => ({ agent: { backend: name, command }, ...more }),
});

async function run(
  script: Script,
  options: object,
  subtasks: Record<string, unknown>[] = ONE,
): Promise<void> {
  p = new SeedProject({ script, ...options });
  await p.init(subtasks);
  await p.ok('run', '--background');
}

/** Everything that happened to the only task, in its order. */
function journal(): Event[] {
  const tasks = join(p.instance.home, 'tasks');
  const [task] = readdirSync(tasks);
  const lines = readFileSync(taskFiles(tasks, task!).journal, 'utf8').trim().split('\n');
  return lines.map(line => JSON.parse(line));
}

const of = <T extends Event['type']>(type: T) => journal().filter(e => e.type === type) as EventOf<T>[];

const historyOf = (view: TaskView) => view.subtasks.find(s => s.id === 'token')!.history;

const limit = (seconds: number): Act[] => {
  const hit = "You've hit your limit · resets soon";
  const rejected = { status: 'rejected', resetsAt: `{epoch+${seconds}}`, rateLimitType: 'five_hour' };
  const message = { model: '<synthetic>', content: [{ type: 'text', text: hit }] };
  const result = { is_error: true, subtype: 'success', terminal_reason: 'api_error', api_error_status: 429 };
  return [
    { say: JSON.stringify({ type: 'rate_limit_event', rate_limit_info: rejected }) },
    { say: JSON.stringify({ type: 'assistant', message, error: 'rate_limit' }) },
    { say: JSON.stringify({ type: 'result', ...result, result: hit }) },
    { exit: 1 },
  ];
};

test('claude: started by its own rules, each session alone, its tokens and cost counted', async () => {
  const works = [...WORKS, { replay: 'claude/a-happy' }];
  await run({ '*': [works] }, backend('claude', { models: { coder: 'model-x' } }), [
    { id: 'a' },
    { id: 'b' },
  ]);
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect([view.verified, view.total_input_tokens, view.total_output_tokens]).toEqual([true, 9300, 160]);
  expect(view.total_cost_usd).toBeCloseTo(0.01431, 5);

  const sessions = p.sessions();
  const id = (argv: string[]) => argv[argv.indexOf('--session-id') + 1]!;
  expect(sessions.map(s => s.argv.slice(0, 4))).toEqual(
    Array(2).fill(['-p', '--output-format', 'stream-json', '--verbose']),
  );
  expect(sessions[0]!.argv).toEqual(expect.arrayContaining(['--model', 'model-x', '--add-dir']));
  expect(new Set(sessions.map(s => id(s.argv))).size).toBe(2);
  expect(sessions[0]!.prompt).toContain('Title of a');
  const folders = sessions.map(s => s.tmpdir!);
  expect(new Set(folders).size).toBe(2);
  const { username } = userInfo();
  expect(sessions[0]!.user, 'although the shell named nobody').toEqual([
    username,
    username,
    p.instance.folder,
  ]);
  expect(folders.filter(existsSync), 'the temporary folders go with the sessions').toEqual([]);

  const ended = of('attempt_ended').filter(e => e.session);
  expect(ended.map(e => [e.session!.backend, e.session!.outcome, e.session!.ids.length])).toEqual(
    Array(2).fill(['claude', 'ok', 1]),
  );
  await p.viewed({ task_status: 'completed' });
  expect(p.json('.rasen/metrics.json').sessions.map((s: { total_tokens: number }) => s.total_tokens)).toEqual(
    [4730, 4730],
  );
});

test('claude: a usage limit is waited out to the second that was stated, and costs no attempt', async () => {
  const works = [...WORKS, { replay: 'claude/a-happy' }];
  await run({ token: [limit(2), works] }, backend('claude'));
  const waiting = await p.seen('it waits', v => v.status === 'waiting');
  expect([waiting.why, waiting.reason]).toEqual(['limit', expect.stringContaining('hit your limit')]);
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect(Date.parse(view.ended_at!)).toBeGreaterThanOrEqual(Date.parse(waiting.resume_at!));
  expect(historyOf(view).map(h => h.outcome)).toEqual(['limit', 'ok']);
  expect(new Set(p.sessions().map(s => s.argv.join(' '))).size, 'another session').toBe(2);
});

test('claude: not logged in blocks the task and says so', async () => {
  await run({ '*': [[{ replay: 'claude/d1-auth-401-apikey-maxretries1' }, { exit: 1 }]] }, backend('claude'));
  const view = await p.seen('it is blocked', v => v.status === 'blocked');
  expect([view.why, view.reason]).toEqual(['auth', expect.stringContaining('Invalid API key')]);
  expect(p.sessions()).toHaveLength(1);
});

test('claude: refused tools and no result are a question, and after the second time one to a person', async () => {
  await run({ '*': [[{ replay: 'claude/g3-no-permission' }]] }, backend('claude'));
  const view = await p.seen('it is blocked', v => v.status === 'blocked');
  expect([view.why, view.reason]).toEqual(['question', expect.stringContaining('the use of Write, Bash')]);
});

test('codex: overloaded, and then not; what was refused by the service costs no attempt', async () => {
  const overloaded: Act[] = [{ replay: 'codex/c1-429-503-500-midstream-then-ok' }, { exit: 1 }];
  await run({ token: [overloaded, [...WORKS, { replay: 'codex/a-happy' }]] }, backend('codex'));
  const waiting = await p.seen('it waits', v => v.status === 'waiting');
  expect([waiting.why, waiting.reason]).toEqual(['overloaded', expect.stringContaining('at capacity')]);
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect(historyOf(view).map(h => h.outcome)).toEqual(['overloaded', 'ok']);
  const { argv } = p.sessions()[0]!;
  const roots = argv.find(word => word.startsWith('sandbox_workspace_write.writable_roots='))!;
  expect(JSON.parse(roots.split('=')[1]!)).toEqual([
    expect.stringContaining('/results/'),
    join(view.worktree!, '.git'),
  ]);
});

test('gemini: a session that was cut off and exits with 0 has failed, whatever it claimed', async () => {
  const cut = [...WORKS, { replay: 'gemini/f-SIGTERM-in-model' }];
  const whole: Act[] = [
    { append: { 'token.txt': 'more\n' } },
    { commit: 'more' },
    { claim: {} },
    { replay: 'gemini/a-happy' },
  ];
  await run({ token: [cut, whole] }, backend('gemini'));
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect(historyOf(view).map(h => h.outcome)).toEqual(['failed', 'ok']);
  expect(historyOf(view)[0]!.reason).toContain('without a result');
});

test('a reviewer of another kind; one that meets its limit has judged nothing, and the coder is left in peace', async () => {
  const script = {
    '*': [[...WORKS, { replay: 'claude/a-happy' }]],
    reviewer: [limit(1), [...APPROVES, { replay: 'claude/a-happy' }]],
    qa: [[...APPROVES, { replay: 'gemini/a-happy' }]],
  };
  const config = (command: string[]) => ({
    agent: { backend: 'claude', command },
    review: { enabled: true },
    qa: { agent: { backend: 'gemini', command } },
    models: { default: 'model-x' },
  });
  await run(script, { config });
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect(p.sessions().map(s => [s.key, s.model])).toEqual([
    ['token', 'model-x'],
    ['reviewer', 'model-x'],
    ['reviewer', 'model-x'],
    ['qa', null],
  ]);
  expect(p.sessions('qa')[0]!.argv).toContain('--skip-trust');
  expect(of('gate_dropped').map(e => e.outcome)).toEqual(['limit']);
  // Two sessions of claude and one of gemini that came to their ends.
  expect(view.total_input_tokens).toBe(2 * 4650 + 6000);
});
