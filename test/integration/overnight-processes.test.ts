/** What ends nights (the table in test/OVERNIGHT.md), part 2: what hangs, what is left running, what floods and what kills. */
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attemptFolder, marked, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, isAlive, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const outcomes = async (p: SeedProject, id = 'a') =>
  (await p.view()).subtasks.find(s => s.id === id)!.history.map(h => h.outcome);
const attempts = (seconds: Record<string, number>) => ({
  orchestrator: { session_delay_seconds: 0, ...seconds },
});
/** Whether somebody listens on the port that the file names. */
const listens = (portfile: string) =>
  new Promise<boolean>(resolve => {
    const socket = connect(Number(readFileSync(portfile, 'utf8')), '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy()).once('connect', () => socket.end());
  });

test('4: an agent that hangs after its result has ended, and its work counts', async () => {
  const p = project({ config: attempts({ idle_timeout_seconds: 2 }) });
  p.script({ a: [[...WORKS, { hang: { deaf: false } }]] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await outcomes(p)).toEqual(['ok']);
  expect(await p.ok('logs')).toContain('it has left its result and does not end');
  expect(isAlive(p.sessions()[0]!.pid)).toBe(false);
});

test('4: what an agent leaves with its output open does not keep it from having ended', async () => {
  const p = project();
  const port = p.beside('port');
  p.script({ a: [[{ server: port }, ...WORKS]], b: [[...WORKS]] });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await listens(port)).toBe(false);
});

test('5: what each session leaves running is gone before the next one begins', async () => {
  const p = project();
  const leaves: Act[] = [{ child: p.beside('pid-{subtask}') }, { fork: 30 }, { server: p.beside('port') }];
  p.script({
    '*': [
      [...leaves, { exit: 1 }],
      [...leaves, ...WORKS],
    ],
  });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await outcomes(p, 'b')).toEqual(['failed', 'ok']);
  expect(marked(p.instance.home)).toEqual([]);
  expect(await listens(p.beside('port'))).toBe(false);
});

test('5: an agent that makes process after process is ended with all of them', async () => {
  const p = project();
  p.script({ a: [[{ fork: 200 }, { write: { [p.beside('on')]: '' } }, { hang: { deaf: true } }], WORKS] });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await until('many live', () => marked(p.instance.home).length > 50);
  await p.ok('stop', '--force');
  expect(marked(p.instance.home)).toEqual([]);
  expect((await p.rasen('resume')).status).toBe(0);
});

test('8: a question that nobody can answer gets its end at once, and a person gets the question', async () => {
  const question = 'Which database shall I use?';
  const p = project();
  p.script({ a: [[{ ask: question }, { claim: { status: 'blocked', summary: question } }]] });
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran).toMatchObject({ status: 3, stderr: expect.stringContaining(question) });
  expect(await p.view()).toMatchObject({ status: 'blocked', why: 'question' });
  const log = await p.ok('logs');
  expect(log).toContain('answers: end none');
  expect(p.sessions()).toHaveLength(2);
});

test('8: an agent that ends with a question and exit code 0 has completed nothing', async () => {
  const p = project({ script: { '*': [[{ ask: 'Shall I go on?' }, { exit: 0 }]] } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(await p.view()).toMatchObject({ status: 'blocked', why: 'attempts', completed_subtasks: 0 });
  expect(p.sessions()).toHaveLength(3);
});

test('12: a session that says nothing and works is not stalled', async () => {
  const p = project({ config: attempts({ idle_timeout_seconds: 2 }) });
  p.script({ a: [[{ spin: 6000 }, ...WORKS]] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await outcomes(p)).toEqual(['ok']);
});

test('18: an agent that floods its output fills no disk, and its work counts', async () => {
  const p = project({ config: { limits: { output_max: '1mb' } } });
  p.script({ a: [[{ flood: 200 }, { await: p.beside('capped') }, { say: 'the end' }, ...WORKS]] });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await p.session('a');
  const { id } = await p.view();
  const output = join(attemptFolder(`${p.instance.home}/tasks/${id}`, 'a'), 'output');
  await until('all is written, and old output freed', () => {
    const { size, blocks } = statSync(output);
    return size > 200e6 && blocks * 512 < 2e6;
  });
  p.write({ '../capped': '' });
  await p.ok('wait');
  expect(await outcomes(p)).toEqual(['ok']);
  expect(await p.ok('logs', '-n', '20')).toContain('the end');
});

test('20: every session is a process of its own, and none outlives its attempt', async () => {
  const p = project({ script: { '*': [[{ exit: 1 }], WORKS] } });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const pids = p.sessions().map(s => s.pid);
  expect(new Set(pids).size).toBe(4);
  expect(pids.filter(isAlive)).toEqual([]);
});

test('23: an agent that kills its supervisor is adopted by the next one, and not begun twice', async () => {
  const p = project();
  p.script({
    a: [[{ kill: 'rasend' }, { write: { [p.beside('killed')]: '' } }, { await: p.beside('go') }, ...WORKS]],
  });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const supervisor = p.instance.pid()!;
  await until('it is killed', () => p.has('../killed') && !isAlive(supervisor));
  await p.ok('resume', '--background');
  expect(p.instance.pid()).not.toBe(supervisor);
  p.write({ '../go': '' });
  await p.ok('wait');
  expect(p.sessions()).toHaveLength(1);
});

test('23: an agent that kills what holds it is swept, and done again', async () => {
  const p = project();
  p.script({ a: [[{ server: p.beside('port') }, { kill: 'runner.sh' }, { hang: { deaf: true } }], WORKS] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await outcomes(p)).toEqual(['lost', 'ok']);
  expect(isAlive(p.sessions()[0]!.pid)).toBe(false);
  expect(await listens(p.beside('port'))).toBe(false);
});

test('24: whatever reads standard input gets its end: agents, gates, setup, commands', async () => {
  const reads = ['sh', '-c', 'cat; exec sh check.sh'];
  const p = project({ config: { gates: [reads], setup: ['cat'] } });
  p.script({ a: [[{ ask: '' }, ...WORKS]] });
  await p.init([{ id: 'a' }, { id: 'b', run: ['cat'] }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect((await p.rasen('run', '--', 'cat')).status).toBe(0);
});
