/** A rollback is decided in the journal first; the worktree follows, at the latest with the next attempt. */
import { renameSync } from 'node:fs';
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import { WORKS } from '../support/scripted-agent.ts';

const project = projects();

test('one whose worktree is out of reach is made good by the next attempt, also of the next supervisor', async () => {
  const p = project({ config: { limits: { attempts: 1 } } });
  p.script({ a: [WORKS], b: [[{ exit: 1 }], WORKS] });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  expect((await p.rasen('run')).status).toBe(3);
  const before = await p.view();
  const away = `${before.worktree}-away`;
  renameSync(before.worktree!, away);
  const rolled = await p.rasen('rollback', 'a');
  expect(rolled.status).not.toBe(0);
  expect(rolled.stderr).toContain('is rolled back all the same');
  await p.crash();
  renameSync(away, before.worktree!);
  await p.instance.start();
  expect((await p.view()).completed_subtasks).toBe(0);
  expect((await p.rasen('resume')).status).toBe(0);
  const after = await p.view();
  // The work of the first time is under its ref, and the branch has that of the second.
  const log = p.git('log', '--format=%H', `${before.base}..${after.branch}`).split('\n');
  expect(log).not.toContain(before.commit);
  expect(log).toHaveLength(2);
  expect(p.git('rev-parse', `refs/rasen/${after.id}/good/1`)).toBe(before.commit);
});
