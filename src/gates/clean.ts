/**
 * The gate `clean`: the attempt left a commit that can be judged and built upon. Pure; works on what sealing found.
 */
import type { Sealed } from '../git/seal.ts';
import { type Finding, type GateResult, resultOf } from './gate.ts';

export function judgeClean(
  sealed: Omit<Sealed, 'elsewhere'> & { meddled?: readonly string[] },
  rules: { allow_empty: boolean; good: string; wanted: readonly string[] },
): GateResult {
  const findings: Finding[] = [];
  const add = (kind: string, path: string | null, text: string) =>
    findings.push({ kind, path, line: null, text });
  for (const what of sealed.meddled ?? []) add('meddled', null, what);
  for (const what of sealed.special) add('special', null, what);
  for (const path of sealed.unmerged) add('unmerged', path, 'has unresolved merge conflicts');
  if (!sealed.descends || sealed.parent_good !== rules.good) {
    add('not_descended', null, `${sealed.commit} does not descend from the last good commit ${rules.good}`);
  }
  for (const { path, why } of sealed.left_out)
    if (rules.wanted.some(pattern => concerns(pattern, path))) add('left_out', path, why);
  if (!sealed.changed && !rules.allow_empty) {
    add('unchanged', null, 'no file differs from the last good commit');
  }
  const needs_person = (sealed.meddled ?? []).length > 0;
  return resultOf('clean', findings, { reason: reasonOf(findings), needs_person });
}

/** Whether files that the plan names by a path or a pattern are, or may be, at `path`; a folder ends with a slash. */
function concerns(pattern: string, path: string): boolean {
  const literal = pattern.replace(/^:\([^)]*\)/, '').replace(/[*?[\\].*$/s, '');
  return literal.startsWith(path) || path.startsWith(literal);
}

function reasonOf(findings: readonly Finding[]): string {
  switch (findings[0]?.kind) {
    case 'meddled':
      return `Your repository was changed while the attempt ran, perhaps by it: ${listed(findings, 'meddled')}. Commits that were named there before are kept under refs/rasen/.`;
    case 'special':
      return `Git cannot work with what is in the worktree: ${listed(findings, 'special')}.`;
    case 'unmerged':
      return 'The worktree has unresolved merge conflicts.';
    case 'not_descended':
      return 'History was rewritten: the commit does not descend from the last good one.';
    case 'left_out':
      return `The plan names files that are in no commit: ${findings
        .filter(({ kind }) => kind === 'left_out')
        .slice(0, 3)
        .map(({ path, text }) => `${path} ${text}`)
        .join('; ')}.`;
    default:
      return 'The attempt changed nothing.';
  }
}

function listed(findings: readonly Finding[], which: string): string {
  const texts = findings.filter(({ kind }) => kind === which).map(({ text }) => text);
  return texts.slice(0, 3).join('; ') + (texts.length > 3 ? '; …' : '');
}
