/** The gate `clean`, rule by rule. */
import { expect, test } from 'vitest';
import { judgeClean } from '../../../src/gates/clean.ts';
import type { Sealed } from '../../../src/git/seal.ts';

const sealed = (more: Partial<Sealed> = {}): Sealed => ({
  elsewhere: [],
  commit: 'c'.repeat(40),
  tree: 'e'.repeat(40),
  parent_good: 'a'.repeat(40),
  changed: true,
  commits: 1,
  leftovers: 0,
  on_branch: true,
  descends: true,
  unmerged: [],
  left_out: [],
  special: [],
  ...more,
});
const rules = { allow_empty: false, wanted: ['src/a.ts', 'inner/'], good: 'a'.repeat(40) };

test('a commit on top of the last good one passes', () => {
  expect(judgeClean(sealed(), rules)).toEqual({
    gate: 'clean',
    passed: true,
    reason: null,
    findings: [],
    needs_person: false,
  });
  // Where HEAD was is put right when sealing; it is no fault.
  expect(judgeClean(sealed({ on_branch: false }), rules).passed).toBe(true);
});

test.each<[string, Partial<Sealed>, string]>([
  ['conflicts', { unmerged: ['a.txt'] }, 'unmerged'],
  ['rewritten history', { descends: false }, 'not_descended'],
  ['another start', { parent_good: 'b'.repeat(40) }, 'not_descended'],
  ['what no commit holds', { left_out: [{ path: 'inner/', why: 'is a repository' }] }, 'left_out'],
  ['nothing changed', { changed: false }, 'unchanged'],
])('%s fails, and the agent is told', (_, more, kind) => {
  const result = judgeClean(sealed(more), rules);
  expect(result).toMatchObject({ passed: false, needs_person: false, reason: expect.stringMatching(/\.$/) });
  expect(result.findings.map(f => f.kind)).toEqual([kind]);
});

test('allow_empty allows nothing but that', () => {
  const empty = sealed({ changed: false });
  expect(judgeClean(empty, { ...rules, allow_empty: true }).passed).toBe(true);
  expect(judgeClean({ ...empty, unmerged: ['x'] }, { ...rules, allow_empty: true }).passed).toBe(false);
});

test('what no commit holds is no fault where the plan does not name it', () => {
  const left_out = [{ path: 'vendor/tool/', why: 'is a repository of its own' }];
  expect(judgeClean(sealed({ left_out }), rules).passed).toBe(true);
  for (const wanted of ['vendor/tool/a.c', 'vendor/**/*.c', 'vendor/', '*.c'])
    expect(judgeClean(sealed({ left_out }), { ...rules, wanted: [wanted] }).passed, wanted).toBe(false);
  expect(judgeClean(sealed({ left_out }), { ...rules, wanted: ['src/a.c', 'src/*.c'] }).passed).toBe(true);
});

test('what a linked worktree lets an attempt do to the user’s branches is for a person to judge', () => {
  const meddled = ['refs/heads/precious is gone; it was abc'];
  const result = judgeClean({ ...sealed(), meddled }, rules);
  expect(result).toMatchObject({ passed: false, needs_person: true });
  expect(result.reason).toContain('precious is gone; it was abc');
});
