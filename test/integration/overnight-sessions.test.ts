/**
 * What ends nights (the table in test/OVERNIGHT.md), part 5: sessions as they are heard while they go on. In the place of claude
 * is the scripted agent, which prints events as claude does.
 */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attemptFolder, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const say = (event: object): Act => ({ say: JSON.stringify(event) });
const part = (id: string, content: object[], input_tokens: number): Act =>
  say({ type: 'assistant', message: { id, content, usage: { input_tokens } } });
const uses = (id: string, tokens: number) => part(id, [{ type: 'text', text: 'on it' }], tokens);
const calls = (id: string, command: string) =>
  part(id, [{ type: 'tool_use', id: `tool-${id}`, name: 'Bash', input: { command } }], 1);
const answers = (id: string, content: string) =>
  say({ type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: `tool-${id}`, content }] } });
const models = (inputTokens: number) => ({ 'model-x': { inputTokens, costUSD: inputTokens / 1000 } });
const ends = (tokens: number): Act =>
  say({ type: 'result', subtype: 'success', is_error: false, result: 'Done.', modelUsage: models(tokens) });
const HANGS: Act = { hang: {} };

const claude = (more: Record<string, unknown>) => (command: string[]) => ({
  agent: { backend: 'claude', command },
  ...more,
});
const begun = async (p: SeedProject, subtasks: Record<string, unknown>[]) => {
  await p.init(subtasks);
  return p.ok('run', '--background');
};
const historyOf = async (p: SeedProject, id: string) =>
  (await p.view()).subtasks.find(s => s.id === id)!.history;

test('9: a session that uses its budget up is ended in the middle, and no other begins until a person allows it', async () => {
  const runaway = [uses('m1', 600), uses('m2', 700), HANGS];
  const p = project({
    config: claude({ limits: { tokens: 1000, subtask_tokens: '5k' } }),
    script: { a: [runaway, [uses('m3', 50), ...WORKS, ends(50)]] },
  });
  await begun(p, [{ id: 'a' }]);
  const blocked = await p.seen('it is blocked', v => v.status === 'blocked');
  expect(blocked).toMatchObject({ why: 'budget', total_tokens: 1300 });
  expect(blocked.reason).toContain('1,300 of 1,000 tokens used (limits.tokens)');
  expect(await p.ok('status')).toContain('1,300 of 1,000 (limits.tokens)');
  expect((await historyOf(p, 'a')).map(h => h.outcome)).toEqual(['budget']);
  await p.logged(/Budget nearly used up: .* tokens used \(limits\.tokens\)/);

  await p.ok('resume', '--background');
  const done = await p.seen('it is done', v => v.status === 'completed');
  expect([done.total_tokens, p.sessions('a').length]).toEqual([1350, 2]);
  expect(done.budgets).toContainEqual({ budget: 'tokens', used: 50, limit: 1000 });
});

test('9: dollars are counted too, by rasen and by the program, and judges with the work', async () => {
  const judge: Act[] = [{ claim: { verdict: 'approved' } }, ends(900)];
  const p = project({
    config: claude({ limits: { attempt_usd: 1.5 }, review: { enabled: true, per_subtask: true } }),
    script: { a: [[...WORKS, ends(700)]], b: [[...WORKS, ends(1600)]], reviewer: [judge] },
  });
  await begun(p, [{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  const blocked = await p.seen('it is blocked', v => v.status === 'blocked');
  expect(blocked.reason).toContain('b: $1.60 of $1.50 used (limits.attempt_usd)');
  expect(blocked.subtasks.map(s => s.status)).toContain('completed');
  expect(p.sessions().map(s => s.key)).toEqual(['a', 'reviewer', 'b']);
  const left = p.sessions().map(({ argv }) => argv[argv.indexOf('--max-budget-usd') + 1]);
  expect(left).toEqual(['1.5000', '0.8000', '1.5000']);

  await p.ok('resume', '--background');
  await p.seen('it is done', v => v.status === 'completed');
  expect(
    p.sessions().map(s => s.key),
    'the work is not done again',
  ).toEqual([...['a', 'reviewer', 'b', 'reviewer']]);
});

test('9: what all tasks may use in a day is waited for, by the next supervisor if need be', async () => {
  const p = project({
    config: claude({ limits: { tokens_per_day: 1000 } }),
    script: { a: [[...WORKS, ends(1200)]] },
  });
  await begun(p, [{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  const waiting = await p.seen('it waits', v => v.status === 'waiting');
  expect(waiting).toMatchObject({
    why: 'budget',
    reason: 'b: 1,200 of 1,000 tokens used today by all tasks (limits.tokens_per_day)',
  });
  const next = new Date(waiting.resume_at!);
  expect([next.getHours(), next.getMinutes(), next.getSeconds()], 'midnight').toEqual([0, 0, 0]);
  expect(next.getTime() - Date.now()).toBeLessThanOrEqual(25 * 3_600_000);
  expect((await p.rasen('wait')).status).toBe(75);
  await p.crash();
  await p.instance.start();
  expect(await p.view()).toMatchObject({ status: 'waiting', resume_at: waiting.resume_at });
  expect(p.sessions('b')).toEqual([]);
});

test('9: limits in dollars of a program that does not say what it costs are told to have no effect', async () => {
  const p = project({ config: { limits: { usd: 5, tokens: 1_000_000 } } });
  await p.init([{ id: 'a' }]);
  const { stderr } = await p.rasen('run', '--wait');
  expect(stderr).toContain('limits in dollars do not count sessions of command');
  expect(stderr).toContain('limits in tokens count sessions of command only when they end');
});

test('11: a session that makes the same call again and again is stopped in the middle, and the next one is told', async () => {
  const release = (p: SeedProject, k: number) => p.beside(`go${k}`);
  const circles = (p: SeedProject): Act[] => [
    ...[1, 2].flatMap(k => [calls(`a${k}`, 'npm test'), answers(`a${k}`, 'red')]),
    { await: release(p, 1) },
    ...[1, 2, 3, 4, 5, 6, 7, 8].flatMap(k => [calls(`b${k}`, 'npm test'), answers(`b${k}`, 'red')]),
    HANGS,
  ];
  const p = project({ config: claude({}) });
  p.script({ a: [circles(p), [...WORKS, ends(10)]] });
  await begun(p, [{ id: 'a' }]);
  await p.session('a');
  // Heard once before the rest comes: the supervisor has looked at the worktree then.
  const since = Date.now();
  await until('the supervisor has heard the first calls', () => Date.now() - since > 2500);
  writeFileSync(release(p, 1), '');
  await p.seen('it is done', v => v.status === 'completed');
  const [first, second] = await historyOf(p, 'a');
  expect([first!.outcome, second!.outcome]).toEqual(['stalled', 'ok']);
  expect(first!.reason).toContain('the same call again and again');
  expect(p.sessions('a')[1]!.prompt).toContain('the same call again and again');
  expect(p.sessions('a')[1]!.prompt).toContain('npm test');
});

test('12: a tool that only waits is not silence: it may take longer than the model may think', async () => {
  const orchestrator = { idle_timeout_seconds: 2, tool_idle_timeout_seconds: 600, session_delay_seconds: 0 };
  const p = project({ config: claude({ orchestrator }) });
  const done = p.beside('remote-build-is-done');
  const waits: Act[] = [
    calls('m1', 'wait-for-remote-build'),
    { await: done },
    answers('m1', 'built'),
    ...WORKS,
    ends(10),
  ];
  p.script({ a: [[uses('m1', 1), HANGS], waits] });
  await begun(p, [{ id: 'a' }]);
  await p.session('a', 2);
  expect(
    (await historyOf(p, 'a')).map(h => h.outcome),
    'silent without a tool',
  ).toEqual(['stalled']);
  const { home } = p.instance;
  const [task] = await p.instance.call<{ id: string }[]>('task.list', {});
  const output = join(attemptFolder(join(home, 'tasks', task!.id), 'a', 2), 'output');
  await until('it was silent for three times as long', () => Date.now() - statSync(output).mtimeMs > 6000);
  writeFileSync(done, '');
  await p.seen('it is done', v => v.status === 'completed');
  expect((await historyOf(p, 'a')).map(h => h.outcome)).toEqual(['stalled', 'ok']);
});
