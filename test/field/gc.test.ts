/** What gc takes away, and what it never does: the only copy of somebody's work. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import type { SeedProject } from '../support/scripted-agent.ts';

const project = projects();

async function done(p: SeedProject): Promise<{ branch: string; worktree: string }> {
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { branch, worktree } = await p.view();
  return { branch: branch!, worktree: worktree! };
}
const gc = (p: SeedProject, ...more: string[]) => p.ok('gc', '--older-than', '0', ...more);
const rasens = (p: SeedProject) =>
  p.git('for-each-ref', '--format=%(refname)', 'refs/rasen', 'refs/heads/rasen');

test('of a merged task nothing is left, neither branch nor refs nor an empty folder', async () => {
  const p = project();
  await done(p);
  await p.ok('merge', '--squash');
  expect(await gc(p)).toContain('1 removed');
  expect([rasens(p), existsSync(join(p.root, '.worktrees'))]).toEqual(['', false]);
});

test('a branch that somebody went on with, or has checked out, stays', async () => {
  const p = project();
  const { branch } = await done(p);
  await p.ok('merge');
  p.git('worktree', 'add', '-q', '--force', join(p.instance.folder, 'look'), branch);
  expect(await gc(p)).toContain('1 removed');
  expect(rasens(p)).toBe(`refs/heads/${branch}`);
});

test('what was left in the worktree beside what was merged is kept, and so is its task, until --unmerged', async () => {
  const p = project();
  const { worktree } = await done(p);
  writeFileSync(join(worktree, 'mine.txt'), 'an afternoon of work\n');
  await p.ok('merge');
  for (const _again of [1, 2]) expect(await gc(p)).toContain('is in no branch but its own');
  const kept = rasens(p)
    .split('\n')
    .find(ref => ref.includes('/kept/'))!;
  expect(p.git('show', `${kept}:mine.txt`)).toBe('an afternoon of work');
  expect(await gc(p, '--unmerged')).toContain('1 removed');
  expect(rasens(p)).toBe('');
});

test('attempts of a task that was given up are work', async () => {
  const p = project({ config: { limits: { attempts: 1 } } });
  p.script({ a: [[{ write: { 'a.txt': 'BROKEN\n' } }, { claim: { status: 'done' } }]] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  await p.ok('cancel');
  expect(await gc(p)).toContain('is in no branch but its own');
  expect(rasens(p)).toContain('/attempt/a/1');
});
