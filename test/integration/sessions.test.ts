/**
 * Agents that are spoken with while they work, with real supervisors, runners and session programs. In the place of
 * codex is app-server-agent.mjs: a turn of its is one session of the scripted agent.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Event, EventOf } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { attemptFolder, marked, until } from '../support/instance.ts';
import { type Act, type Script, SeedProject, WORKS } from '../support/scripted-agent.ts';

let p: SeedProject;
afterEach(() => p.close());

const spoken = (command: string[]) =>
  command.map(word => word.replace('scripted-agent.mjs', 'app-server-agent.mjs'));

async function run(script: Script, subtasks: string[] = ['token'], more: object = {}): Promise<void> {
  const config = (command: string[]) => ({ agent: { backend: 'codex', command: spoken(command) }, ...more });
  p = new SeedProject({ script, config });
  await p.init(subtasks.map(id => ({ id })));
  await p.ok('run', '--background');
}

function events<T extends Event['type']>(type: T): EventOf<T>[] {
  const tasks = join(p.instance.home, 'tasks');
  const [task] = readdirSync(tasks);
  const lines = readFileSync(taskFiles(tasks, task!).journal, 'utf8').trim().split('\n');
  return lines.map(line => JSON.parse(line)).filter(event => event.type === type);
}

const folderOf = (step: string, n: number) => {
  const tasks = join(p.instance.home, 'tasks');
  return attemptFolder(join(tasks, readdirSync(tasks)[0]!), step, n);
};

const outcomesOf = (view: TaskView) => view.subtasks.find(s => s.id === 'token')!.history.map(h => h.outcome);

/** What the agents have heard, as far as it is a request. */
const heard = () =>
  readFileSync(p.beside('script.json.heard'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));

/** A call of the model, in the words of codex. */
const used = (input: number, cached: number, output: number, of: { total: number }): Act => {
  of.total += input;
  const sum = (tokens: number) => ({ inputTokens: tokens, cachedInputTokens: cached, outputTokens: output });
  const tokenUsage = { total: sum(of.total), last: sum(input) };
  const params = { threadId: '{thread}', tokenUsage };
  return { say: JSON.stringify({ method: 'thread/tokenUsage/updated', params }) };
};

test('a task of two subtasks: each a thread of its own, the tokens counted, nothing left behind', async () => {
  const calls = { total: 0 };
  const works = [used(1000, 100, 10, calls), used(2000, 0, 0, calls), ...WORKS];
  await run({ '*': [works] }, ['a', 'b'], { models: { coder: 'model-x' } });
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect([view.verified, view.total_input_tokens, view.total_output_tokens]).toEqual([true, 6000, 10 * 2]);

  const starts = heard().filter(({ method }) => method === 'thread/start');
  expect(starts.map(({ params }) => params)).toEqual(
    Array(2).fill({
      cwd: expect.stringContaining('task-'),
      approvalPolicy: 'never',
      model: 'model-x',
    }),
  );
  expect(p.sessions().map(s => s.prompt)).toEqual([
    expect.stringContaining('Title of a'),
    expect.stringContaining('Title of b'),
  ]);
  const ended = events('attempt_ended').filter(e => e.session);
  expect(ended.map(e => [e.session!.outcome, e.session!.unknown])).toEqual(Array(2).fill(['ok', {}]));
  expect(new Set(ended.flatMap(e => e.session!.ids)).size).toBe(2);
  expect(readdirSync(join(p.instance.home, 'sessions'))).toEqual([]);
});

test('the conversation goes on while the supervisor is dead; the next one finds it and starts nothing', async () => {
  const works: Act[] = [{ await: '{project}/../go' }, ...WORKS];
  await run({ token: [works] });
  await p.session('token');
  await p.crash();
  const spoken = () => marked(p.instance.home).filter(({ command }) => command.includes('rasen-session'));
  expect(spoken()).toHaveLength(1);
  await p.instance.start();
  await p.instance.kill();
  p.write({ '../go': '' });
  await until('the session is over', () => existsSync(join(folderOf('token', 1), 'exit')));
  expect(readFileSync(join(folderOf('token', 1), 'output'), 'utf8')).toContain('"turn/completed"');
  await p.instance.start();
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect(view.verified).toBe(true);
  expect(outcomesOf(view)).toEqual(['ok']);
  expect(p.sessions()).toHaveLength(1);
  expect(heard().filter(({ method }) => method === 'thread/start')).toHaveLength(1);
});

test('a usage limit is waited out to the second that codex stated, and costs no attempt', async () => {
  const window = { usedPercent: 100, windowDurationMins: 300, resetsAt: '{epoch+2}' };
  const rateLimits = { limitId: 'codex', primary: window, secondary: null };
  const error = { message: 'You’ve hit your usage limit.', codexErrorInfo: 'usageLimitExceeded' };
  const turn = { id: 'turn', status: 'failed', error };
  const limited: Act[] = [
    { say: JSON.stringify({ method: 'account/rateLimits/updated', params: { rateLimits } }) },
    { say: JSON.stringify({ method: 'turn/completed', params: { threadId: '{thread}', turn } }) },
  ];
  await run({ token: [limited, WORKS] });
  const waiting = await p.seen('it waits', v => v.status === 'waiting');
  expect([waiting.why, waiting.reason]).toEqual(['limit', expect.stringContaining('hit your usage limit')]);
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect(Date.parse(view.ended_at!)).toBeGreaterThanOrEqual(Date.parse(waiting.resume_at!));
  expect(outcomesOf(view)).toEqual(['limit', 'ok']);
});

test('a stop interrupts the turn, so that the thread can be gone on with', async () => {
  await run({ token: [[{ write: { 'half.txt': 'half\n' } }, { hang: {} }]] });
  await p.session('token');
  await p.ok('stop');
  await p.seen('it is stopped', v => v.status === 'interrupted');
  expect(heard().map(({ method }) => method)).toContain('turn/interrupt');
  expect(readFileSync(join(folderOf('token', 1), 'output'), 'utf8')).toContain('"status":"interrupted"');
  expect(readdirSync(join(p.instance.home, 'sessions'))).toEqual([]);
});

test('a judge is spoken with as well', async () => {
  const approves: Act[] = [{ claim: { verdict: 'approved', summary: 'good' } }];
  await run({ token: [WORKS], reviewer: [approves] }, ['token'], { review: { enabled: true } });
  const view = await p.seen('it is over', v => v.status === 'completed');
  expect(view.verified).toBe(true);
  expect(p.sessions('reviewer')).toHaveLength(1);
  expect(heard().filter(({ method }) => method === 'turn/start')).toHaveLength(2);
});
