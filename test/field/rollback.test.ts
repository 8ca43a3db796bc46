/** A rollback is asked for, done, and only then history: what cannot be done leaves everything as it was. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { holdRepository } from '../support/hold-repository.ts';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import type { SeedProject } from '../support/scripted-agent.ts';
import { WORKS } from '../support/scripted-agent.ts';

const project = projects();

/** `a` is done, and `b` failed. */
async function failedAtB(): Promise<SeedProject> {
  const p = project({ config: { limits: { attempts: 1 } } });
  p.script({ a: [WORKS], b: [[{ exit: 1 }], WORKS] });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  expect((await p.rasen('run')).status).toBe(3);
  return p;
}

/** After a rollback of `a`: its first work is under its ref, and the branch has that of the second time. */
async function goesOn(p: SeedProject, before: Awaited<ReturnType<SeedProject['view']>>): Promise<void> {
  expect((await p.view()).completed_subtasks).toBe(0);
  expect((await p.rasen('resume')).status).toBe(0);
  const after = await p.view();
  const log = p.git('log', '--format=%H', `${before.base}..${after.branch}`).split('\n');
  expect(log).not.toContain(before.commit);
  expect(log).toHaveLength(2);
  expect(p.git('rev-parse', `refs/rasen/${after.id}/good/1`)).toBe(before.commit);
}

test('a worktree that was removed is made again for it', async () => {
  const p = await failedAtB();
  const before = await p.view();
  rmSync(before.worktree!, { recursive: true });
  await p.ok('rollback', 'a');
  expect(p.git('rev-parse', before.branch!)).toBe(before.base);
  await goesOn(p, before);
});

test('one that cannot be made is refused, and changes nothing; asked again, it is made', async () => {
  const p = await failedAtB();
  const before = await p.view();
  renameSync(p.root, `${p.root}-away`);
  const refused = await p.instance.rasenAsync(['rollback', 'a', '--task', before.id]);
  expect(refused.status, refused.stderr).toBe(2);
  expect(refused.stderr).toContain('is not there');
  renameSync(`${p.root}-away`, p.root);
  expect(await p.view()).toMatchObject({ completed_subtasks: 1, commit: before.commit });
  expect((await p.view()).rolling_back).toBeUndefined();
  expect(p.git('rev-parse', before.branch!)).toBe(before.commit);
  await p.ok('rollback', 'a');
  await goesOn(p, before);
});

test('one that meets a lock says so and is made when the lock is gone, also by the next supervisor', async () => {
  const p = await failedAtB();
  const before = await p.view();
  const holder = await holdRepository(join(p.root, '.git'));
  const waits = await p.rasen('rollback', 'a');
  expect(waits).toMatchObject({ status: 75 });
  expect(waits.stderr).toContain('Not rolled back yet: the rollback waits: ');
  expect(await p.ok('status')).toContain('Rolling back: a');
  expect(await p.view()).toMatchObject({ completed_subtasks: 1, status: 'blocked' });
  expect(await p.rasen('retry', 'b')).toMatchObject({ status: 5 });
  await p.crash();
  await p.instance.start();
  expect((await p.view()).rolling_back).toMatchObject({ steps: expect.arrayContaining(['a']) });
  holder.kill('SIGKILL');
  await until('it is rolled back', async () => !(await p.view()).rolling_back);
  await goesOn(p, before);
});
