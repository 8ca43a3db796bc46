/** What gc takes away, and what it never does: the only copy of somebody's work. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/instance.ts';
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
  expect(await gc(p, '--dry-run')).toContain('0 would be removed');
  for (const _again of [1, 2]) expect(await gc(p)).toContain('is in no branch but its own');
  const kept = rasens(p)
    .split('\n')
    .find(ref => ref.includes('/kept/'))!;
  expect(p.git('show', `${kept}:mine.txt`)).toBe('an afternoon of work');
  expect(await gc(p, '--unmerged')).toContain('1 removed');
  expect(rasens(p)).toBe('');
});

test('a repository that was put into the worktree stays, whoever asks, and a dry run says so beforehand', async () => {
  const p = project();
  const { worktree } = await done(p);
  p.git('init', '-q', join(worktree, 'inner'));
  writeFileSync(join(worktree, 'inner/mine.txt'), 'an afternoon of work\n');
  await p.ok('merge');
  expect(await gc(p, '--dry-run')).toContain('0 would be removed');
  for (const _again of [1, 2]) expect(await gc(p)).toContain('it left work that no commit can hold');
  expect(await gc(p, '--unmerged', '--dry-run')).toContain('1 would be removed');
  expect(await gc(p, '--unmerged')).toContain('1 removed');
});

test('a dry run says of a task that is known to have left something what gc says', async () => {
  const inner = 'cat >/dev/null; git init -q inner; echo work >inner/w.txt; echo done >done.txt';
  const notify = { command: ['sh', '-c', 'cat >"$RASEN_PROJECT/notice"'], on: ['completed'] };
  const p = project({ config: { agent: ['sh', '-c', inner], gates: [['true']], notify } });
  await done(p);
  const notice = await until('the notice comes', () => p.has('notice') && JSON.parse(p.read('notice')));
  expect(notice.warnings).toContainEqual(expect.stringContaining('in no commit: inner/'));
  expect(await p.ok('merge')).toContain('Not in any commit: inner/');
  const said = (text: string) => text.split('\n').find(line => line.startsWith('kept: '));
  const dry = said(await gc(p, '--dry-run'));
  expect(dry).toContain('it left work that no commit can hold');
  expect(said(await gc(p))).toBe(dry);
});

test('what somebody put into the worktree of a task that was given up is seen by a dry run, which keeps nothing', async () => {
  const p = project({ config: { agent: ['true'], gates: [['true']], limits: { attempts: 1 } } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const { worktree } = await p.view();
  await p.ok('cancel');
  expect(await gc(p, '--dry-run')).toContain('1 would be removed');
  writeFileSync(join(worktree!, 'mine.txt'), 'an afternoon of work\n');
  expect(await gc(p, '--dry-run')).toContain('its worktree holds work that is in no commit');
  expect(rasens(p)).not.toContain('/kept/');
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
