/** Relay: another agent takes over at a usage limit, in the same place, and the first one is back at the next subtask. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { APPROVES, type Script, SeedProject, WORKS } from '../support/scripted-agent.ts';

const SPOKEN_WITH = join(import.meta.dirname, '../support/stream-json-agent.mjs');

let p: SeedProject;
afterEach(() => p.close());

/** The first is any program, the second one that is known: each has a script of its own. */
function project(
  first: (p: SeedProject) => Script,
  second: (p: SeedProject) => Script,
  more = {},
): SeedProject {
  p = new SeedProject({
    config: (command: string[]) => ({
      agent: {
        command,
        relay: [{ backend: 'claude', command: [command[0], SPOKEN_WITH, second_script(command)] }],
      },
      limits: { relay_after: '1s' },
      sandbox: 'off',
      ...more,
    }),
  });
  p.script(first(p));
  writeFileSync(p.beside('second.json'), JSON.stringify(second(p)));
  return p;
}
const second_script = (command: string[]) => command.at(-1)!.replace(/[^/]*$/, 'second.json');
const secondBegan = (key: string) => {
  const log = p.beside('second.json.log');
  return existsSync(log) && p.sessionsIn(log).filter(session => session.key === key).length;
};

const LIMITED = (seconds: number) => ({
  claim: { status: 'limit', summary: 'half of it', retry_after_seconds: seconds },
});

test('at a limit the next agent goes on from what was left, and the first is back at the next subtask', async () => {
  project(
    () => ({
      one: [[{ write: { 'half.txt': 'half\n' } }, { commit: 'feat: half' }, LIMITED(12)], WORKS],
      '*': [WORKS],
    }),
    project_ => ({ '*': [WORKS], two: [[{ await: project_.beside('go') }, ...WORKS]] }),
  );
  await p.init([{ id: 'one' }, { id: 'two', needs: ['one'] }, { id: 'three', needs: ['two'] }]);
  await p.ok('run', '--background');
  const during = await p.seen(
    'the second works at two',
    view => view.subtasks.find(s => s.id === 'two')?.attempt?.pid,
  );
  expect(during.agents).toMatchObject([
    { backend: 'command', works: false, away_until: expect.any(String), why: 'limit' },
    { backend: 'claude', works: true },
  ]);
  expect(await p.ok('status')).toMatch(/^Agents: command is away until \S.* \(usage limit\); claude works$/m);
  // The first one is there again, and whoever has begun goes on.
  await p.seen('the limit is over', view => view.agents?.[0]?.away_until === undefined);
  await p.crash();
  await p.ok('resume', '--background');
  writeFileSync(p.beside('go'), '');
  const view = await p.seen('it is over', v => ['completed', 'blocked', 'failed'].includes(v.status));
  expect([view.status, view.reason]).toEqual(['completed', null]);
  expect(p.sessions().map(({ key }) => key)).toEqual(['one', 'three']);
  const others = p.sessionsIn(p.beside('second.json.log'));
  expect(others.map(({ key }) => key)).toEqual(['one', 'two']);
  // Told what was done, in the place where it was done, under the same gates.
  expect(others[0]!.prompt).toContain('Attempt 1 was interrupted: a usage limit was reached');
  expect(others[0]!.prompt).toContain('it said: half of it');
  expect(others[0]!.cwd).toBe(p.sessions()[0]!.cwd);
  expect(p.git('show', `${view.commit}:half.txt`)).toBe('half');
  const report = await p.ok('report');
  expect(report).toMatch(
    /command: 1 subtask \(three\) in 2 attempts, .*claude: 2 subtasks \(one, two\) in 2 attempts/,
  );
  expect((await p.rasen('logs', '-n', 'all')).stdout).toMatch(/by claude[\s\S]*/);
});

test('a short limit is waited for, and one without anybody left as ever', async () => {
  project(
    () => ({ one: [[LIMITED(2)], WORKS] }),
    () => ({ '*': [APPROVES] }),
    { limits: { relay_after: '1h', wait: true } },
  );
  await p.init([{ id: 'one' }]);
  await p.ok('run', '--background');
  await p.seen('it waits', view => view.status === 'waiting' && view.why === 'limit');
  await p.seen('it is over', view => view.status === 'completed');
  expect([p.sessions().length, secondBegan('one')]).toEqual([2, false]);
});

test('where all are away the task blocks as with one agent, and resume asks the first again', async () => {
  project(
    () => ({ one: [[LIMITED(3600)], WORKS] }),
    () => ({ one: [[LIMITED(7200)]] }),
    { limits: { relay_after: '1s', wait: false } },
  );
  await p.init([{ id: 'one' }]);
  await p.ok('run', '--background');
  const view = await p.seen('it is blocked', v => v.status === 'blocked');
  expect(view.reason).toMatch(/usage limit/);
  expect(view.agents?.map(({ away_until }) => typeof away_until)).toEqual(['string', 'string']);
  await p.ok('resume', '--background');
  await p.seen('it is over', v => v.status === 'completed');
  expect([p.sessions().length, secondBegan('one')]).toEqual([2, 1]);
});

test('the budget is of the work, whoever does it, and once more by a person', async () => {
  const used = (tokens: number) => ({ usage: { input_tokens: tokens, output_tokens: 0 } });
  project(
    () => ({
      one: [[{ claim: { status: 'limit', retry_after_seconds: 3600, ...used(900) } }]],
      '*': [WORKS],
    }),
    () => ({
      one: [
        [
          { write: { 'one.txt': 'one\n' } },
          { commit: 'feat: one' },
          { claim: { status: 'done', ...used(200) } },
        ],
      ],
      '*': [WORKS],
    }),
    { limits: { relay_after: '1s', tokens: 1000 } },
  );
  await p.init([{ id: 'one' }, { id: 'two', needs: ['one'] }]);
  await p.ok('run', '--background');
  const view = await p.seen('it is blocked', v => v.status === 'blocked');
  expect(view).toMatchObject({ why: 'budget', agents: [{ tokens: 900 }, { tokens: 200 }] });
  await p.ok('resume', '--background');
  await p.seen('it is over', v => v.status === 'completed');
});

test('a limit of the second that is longer than anybody waits is no block while the first is only waited for', async () => {
  project(
    () => ({ one: [[LIMITED(4)], WORKS] }),
    () => ({ one: [[LIMITED(5 * 86_400)]] }),
    { limits: { relay_after: '1s', max_wait: '26h' } },
  );
  await p.init([{ id: 'one' }]);
  await p.ok('run', '--background');
  const view = await p.seen('it is over', v => ['completed', 'blocked'].includes(v.status));
  expect([view.status, p.sessions().length, secondBegan('one')]).toEqual(['completed', 2, 1]);
});

test.each([
  ['[]', /agent.backend|backend/],
  ['[claude, nobody]', /nobody/],
  ['[claude, {command: [x]}]', /has no backend/],
  ['[claude, command]', /any program: write which one/],
  ['[claude, {backend: codex, colour: red}]', /colour/],
])('backend: %s is refused in words', async (text, words) => {
  p = new SeedProject();
  p.write({ 'rasen.yml': `backend: ${text}\n` });
  const { status, stdout, stderr } = await p.rasen('config', 'check');
  expect(status).toBe(2);
  expect(stdout + stderr).toMatch(words);
});

test('backend: [claude, codex] names the first, and those that take over', async () => {
  p = new SeedProject();
  p.write({ 'rasen.yml': 'backend: [claude, codex, {backend: gemini, model: pro}]\ngates: none\n' });
  const { settings } = loadConfig({ project: p.root, env: {} });
  expect(settings['agent.backend']).toBe('claude');
  expect(settings['agent.relay']).toEqual([
    { backend: 'codex', command: null, model: null },
    { backend: 'gemini', command: null, model: 'pro' },
  ]);
  expect(settings['limits.relay_after']).toBe(900);
  expect((await p.rasen('config', 'check')).status).toBe(0);
});
