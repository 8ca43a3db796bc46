/**
 * `backend: acp` through real supervisors, runners, session programs and git. In the place of the agent is a program that
 * speaks the protocol (acp-agent.mjs) and works as the scripted agent does.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Act, type Script, SeedProject, WORKS } from '../support/scripted-agent.ts';

const AGENT = join(import.meta.dirname, '../support/acp-agent.mjs');

let p: SeedProject;
afterEach(() => p.close());

async function run(script: Script, subtasks: Record<string, unknown>[] = [{ id: 'a' }]): Promise<void> {
  p = new SeedProject({
    script,
    config: ([node, , file]) => ({ agent: { backend: 'acp', command: [node!, AGENT, file!] } }),
  });
  await p.init(subtasks);
  await p.ok('run', '--background');
}

interface Message {
  id?: unknown;
  method?: string;
  params?: any;
  result?: any;
}

/** What was said to the agent in the words of the protocol. */
const heard = (): Message[] =>
  readFileSync(p.beside('script.json.heard'), 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
const methods = () => heard().flatMap(message => message.method ?? []);

const over = () => p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
const historyOf = async (id: string) => (await p.view()).subtasks.find(s => s.id === id)!.history;
const error = (code: number, message: string): Act => ({
  say: `{"jsonrpc":"2.0","id":"{prompt}","error":${JSON.stringify({ code, message })}}`,
});

test('a whole task: a session of its own for each subtask, its tokens counted', async () => {
  await run({ '*': [[{ say: 'I have done it.' }, ...WORKS]] }, [{ id: 'a' }, { id: 'b' }]);
  const view = await over();
  expect([view.status, view.reason, view.verified]).toEqual(['completed', null, true]);
  expect([view.total_input_tokens, view.total_output_tokens]).toEqual([2000, 80]);
  expect(methods()).toEqual(Array(2).fill(['initialize', 'session/new', 'session/prompt']).flat());
  const [first, second] = p.sessions();
  expect([first!.key, second!.key, first!.prompt.includes('Title of a')]).toEqual(['a', 'b', true]);
  expect(first!.cwd).toBe(view.worktree);
  expect(existsSync(join(p.instance.home, 'sessions'))).toBe(true);
});

test('the supervisor is killed while the session goes on: adopted, and ended in the same session', async () => {
  await run({ a: [[{ await: '{project}/../go' }, ...WORKS]] });
  await p.session('a');
  await p.crash();
  await p.ok('resume', '--background');
  writeFileSync(p.beside('go'), '');
  const view = await over();
  expect([view.status, view.reason]).toEqual(['completed', null]);
  expect((await historyOf('a')).map(h => h.outcome)).toEqual(['ok']);
  expect(p.sessions()).toHaveLength(1);
  expect(methods().filter(method => method === 'session/new')).toHaveLength(1);
});

test('a limit is known by its code, without its end', async () => {
  await run({ a: [[error(429, 'You have exhausted your quota.')], WORKS] });
  const held = await p.seen('it meets the limit', v => v.why === 'limit');
  expect(['waiting', 'blocked']).toContain(held.status);
  await p.ok('retry', 'a');
  const view = await over();
  expect([view.status, view.reason]).toEqual(['completed', null]);
  expect((await historyOf('a')).map(h => h.outcome)).toEqual(['limit', 'ok']);
});

test('a login that is missing blocks', async () => {
  await run({ a: [[error(-32000, 'Authentication required')]] });
  const view = await over();
  expect([view.status, view.why]).toEqual(['blocked', 'auth']);
});

test('a tool that nobody is there to allow is refused, and a session that ends without a result is a question', async () => {
  const asks = {
    sessionId: '{session}',
    options: [
      { optionId: 'yes', name: 'Yes', kind: 'allow_once' },
      { optionId: 'no', name: 'No', kind: 'reject_once' },
    ],
    toolCall: { toolCallId: 'c1', kind: 'other', title: 'send_mail' },
  };
  const ask = { jsonrpc: '2.0', id: 'p1', method: 'session/request_permission', params: asks };
  await run({ a: [[{ say: JSON.stringify(ask) }]] });
  const view = await over();
  expect([view.status, view.why, view.reason]).toEqual([
    'blocked',
    'question',
    expect.stringContaining('send_mail'),
  ]);
  expect(heard().find(message => message.id === 'p1')!.result.outcome.optionId).toBe('no');
});

test('stopped: the turn is cancelled, nothing is left, and the session is gone on with', async () => {
  await run({ a: [[{ hang: {} }], WORKS] });
  await p.session('a');
  await p.ok('stop');
  expect(methods().at(-1)).toBe('session/cancel');
  await p.ok('resume', '--background');
  const view = await over();
  expect([view.status, view.reason]).toEqual(['completed', null]);
  expect((await historyOf('a')).map(h => h.outcome)).toEqual(['killed', 'ok']);
  expect(methods().slice(-3)).toEqual(['initialize', 'session/resume', 'session/prompt']);
});
