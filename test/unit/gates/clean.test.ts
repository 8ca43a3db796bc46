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
const rules = { allow_empty: false, good: 'a'.repeat(40) };

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
  ['what no commit holds', { left_out: ['inner/'] }, 'left_out'],
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
