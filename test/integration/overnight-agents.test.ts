/** What ends nights (the table in test/OVERNIGHT.md), part 5: agents that do on cue what no agent should. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attemptFolder, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, isAlive, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const history = async (p: SeedProject, id = 'a') => (await p.view()).subtasks.find(s => s.id === id)!.history;
const outcomes = async (p: SeedProject, id = 'a') => (await history(p, id)).map(h => h.outcome);

const TESTS = "test('one', () => check(1));\ntest('two', () => check(2));\n";
const done: Act[] = [{ commit: 'feat: all tests pass' }, { claim: { status: 'done', summary: 'all green' } }];

test('10: an agent that exits with 0 and has done nothing has completed nothing', async () => {
  const p = project({ script: { '*': [[{ exit: 0 }], WORKS] } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect((await history(p)).map(h => [h.outcome, h.reason])).toEqual([
    ['gate_failed', expect.stringMatching(/^clean: /)],
    ['ok', null],
  ]);
});

test('10: an agent that edits tests, .rasen or its own rules, and says that all is green, has completed nothing', async () => {
  const edits: Record<string, string>[] = [
    { 'test/login.test.js': TESTS.replace("test('two'", "test.skip('two'") },
    { '.rasen/config.yaml': 'gates: none\n', '.rasen/plan.json': '{}' },
    { 'rasen.yml': 'gates: none\n' },
  ];
  for (const files of edits) {
    const p = project({ files: { 'test/login.test.js': TESTS } });
    const ignored = Object.keys(files).filter(path => path.startsWith('.rasen/'));
    const force: Act[] = ignored.map(path => ({ git: ['add', '-f', path] }));
    p.script({ a: [[{ write: files }, ...force, ...done]] });
    await p.init([{ id: 'a' }]);
    const head = p.git('rev-parse', 'main');
    expect((await p.rasen('run')).status).toBe(3);
    const view = await p.view();
    expect(view).toMatchObject({ status: 'blocked', why: 'review', completed_subtasks: 0 });
    expect(view.reason).toContain(Object.keys(files)[0]!);
    expect(p.sessions()).toHaveLength(1);
    expect(p.git('rev-parse', 'main')).toBe(head);
  }
});

test('10: an agent that edits .rasen of the project itself changes neither the plan nor the gates that judge it', async () => {
  const easier = { '{project}/.rasen/config.yaml': 'gates: none\n', '{project}/rasen.yml': 'gates: none\n' };
  const p = project();
  p.script({ a: [[{ write: { ...easier, 'a.txt': 'BROKEN\n' } }, ...done], WORKS] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect((await history(p)).map(h => [h.outcome, h.reason])).toEqual([
    ['gate_failed', 'sh check.sh: exit code 1'],
    ['ok', null],
  ]);
});

test('4: an agent that ignores SIGTERM is ended all the same, and its work is judged', async () => {
  const p = project({ config: { orchestrator: { session_delay_seconds: 0, idle_timeout_seconds: 1 } } });
  p.script({ a: [[...WORKS, { hang: { deaf: true } }]] });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await p.logged(/it has left its result and does not end/);
  // The grace of thirty seconds is not what is tested.
  await p.ok('stop', '--force');
  expect(isAlive(p.sessions()[0]!.pid)).toBe(false);
  expect((await p.rasen('resume')).status).toBe(0);
});

test('18: gigabytes of output are gone through, and the newest of them kept', {
  timeout: 400_000,
}, async () => {
  const p = project({ config: { limits: { output_max: '1mb' } } });
  p.script({ a: [[{ flood: 2048 }, { say: 'the end' }, ...WORKS]] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await outcomes(p)).toEqual(['ok']);
  const { id } = await p.view();
  const { size, blocks } = statSync(join(attemptFolder(`${p.instance.home}/tasks/${id}`, 'a'), 'output'));
  expect(size).toBeGreaterThan(2 * 1024 ** 3);
  expect(blocks * 512).toBeLessThan(8 * 1024 ** 2);
  expect(await p.ok('logs', '-n', '20')).toContain('the end');
});

test('21: an agent that says itself that its prompt is too long is followed by a fresh session, not by the same', async () => {
  const result = {
    ...{ type: 'result', subtype: 'success', is_error: true, terminal_reason: 'prompt_too_long' },
    result: 'Prompt is too long',
  };
  const p = project({ config: command => ({ agent: { backend: 'claude', command } }) });
  const full: Act[] = [{ write: { 'half.txt': 'half\n' } }, { say: JSON.stringify(result) }, { exit: 1 }];
  p.script({ a: [full, [...WORKS, { replay: 'claude/a-happy' }]] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await outcomes(p)).toEqual(['context', 'ok']);
  const [first, second] = p.sessions();
  const idOf = (argv: string[]) => argv[argv.indexOf('--session-id') + 1];
  expect(idOf(second!.argv)).not.toBe(idOf(first!.argv));
  expect(second!.prompt).toContain('Prompt is too long');
});

test('13: a supervisor that is killed while it stops a session knows afterwards that it was stopped', async () => {
  const p = project();
  const begun: Act = { write: { [p.beside('begun')]: '' } };
  // The agent ends when it is told; what it leaves is deaf, and is waited for.
  p.script({ a: [[{ server: p.beside('port') }, begun, { hang: {} }], WORKS] });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await until('it works', () => p.has('../begun'));
  const { id } = await p.view();
  const stopping = p.rasen('stop');
  const exit = join(attemptFolder(`${p.instance.home}/tasks/${id}`, 'a'), 'exit');
  await until('its end is recorded', () => existsSync(exit) && readFileSync(exit, 'utf8').endsWith('\n'));
  await p.crash();
  await p.instance.start();
  await p.ok('stop', '--force');
  await stopping;
  expect(await outcomes(p)).toEqual(['killed']);
  expect((await p.rasen('resume')).status).toBe(0);
  expect(await outcomes(p)).toEqual(['killed', 'ok']);
});
