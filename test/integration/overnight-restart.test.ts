/** What ends nights (the table in test/OVERNIGHT.md), part 4: supervisors that come and go, and services that are no shell. */
import { chmodSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { isAlive, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const history = async (p: SeedProject, id: string) =>
  (await p.view()).subtasks.find(s => s.id === id)!.history.map(h => h.outcome);

test('7: a supervisor that a service manager started gives agents and gates the environment of the user’s shell', async () => {
  const p = project({
    env: { USER: 'alice', LOGNAME: 'alice' },
    config: { gates: [['sh', '-c', 'test "$USER" = alice && exec only-in-my-shell']] },
  });
  p.write({ '../bin/only-in-my-shell': '#!/bin/sh\nexit 0\n' });
  const { env } = p.instance;
  const shell = { ...env, PATH: `${p.beside('bin')}:${env.PATH}` };
  chmodSync(p.beside('bin/only-in-my-shell'), 0o755);
  // As launchd does: almost nothing.
  Object.assign(env, { USER: undefined, LOGNAME: undefined });
  await p.instance.start();
  Object.assign(env, shell);
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.status, ran.stderr).toBe(0);
});

test('13: a supervisor that is killed five times loses nothing: every attempt is adopted, or its end is found', async () => {
  const p = project();
  const ids = ['a', 'b', 'c', 'd', 'e'];
  p.script({ '*': [[{ await: p.beside('go-{subtask}') }, ...WORKS]] });
  await p.init(ids.map((id, i) => ({ id, needs: ids.slice(Math.max(0, i - 1), i) })));
  await p.ok('run', '--background');
  for (const [i, id] of ids.entries()) {
    const { pid } = await p.session(id);
    await p.crash();
    expect(isAlive(pid)).toBe(true);
    // Sometimes the work ends while nobody looks.
    if (i % 2) {
      writeFileSync(p.beside(`go-${id}`), '');
      await until('it ends alone', () => !isAlive(pid));
    }
    await p.instance.start();
    writeFileSync(p.beside(`go-${id}`), '');
  }
  await p.ok('wait');
  expect(p.sessions().map(s => s.key)).toEqual(ids);
  for (const id of ids) expect(await history(p, id)).toEqual(['ok']);
});

test('14: an agent that outlived its runner is dead before it is begun again', async () => {
  const p = project();
  const beat = p.beside('beat');
  p.script({ a: [[{ hang: { deaf: true, beat } }], WORKS] });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const first = await p.session('a');
  const { subtasks } = await p.seen('it runs', v => v.subtasks.find(s => s.id === 'a')?.attempt?.pid);
  const runner = subtasks.find(s => s.id === 'a')!.attempt!.pid!;
  await p.crash();
  process.kill(runner, 'SIGKILL');
  expect(isAlive(first.pid)).toBe(true);
  await p.instance.start();
  await p.session('a', 2);
  expect(isAlive(first.pid)).toBe(false);
  await p.ok('wait');
  expect(await history(p, 'a')).toEqual(['lost', 'ok']);
});

test('15: after a failure a session is a new one that is told what was done before', async () => {
  const p = project();
  p.script({
    a: [
      [
        { write: { 'a.txt': 'BROKEN\n' } },
        {
          claim: {
            status: 'done',
            summary: 'parsed it by hand',
            memory: { learnings: ['the parser is strict'] },
          },
        },
      ],
      WORKS,
    ],
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const [first, second] = p.sessions();
  expect(second!.pid).not.toBe(first!.pid);
  expect(second!.prompt).toContain(
    'attempt 1: gate_failed: sh check.sh: exit code 1 (it said: parsed it by hand)',
  );
  expect(second!.prompt).toContain('a test fails in a.txt');
  expect(second!.prompt).toContain('the parser is strict');
});
