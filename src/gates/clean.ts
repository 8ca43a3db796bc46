/**
 * The gate `clean`: the attempt left a commit that can be judged and built upon. Pure; works on what sealing found.
 */
import type { Sealed } from '../git/seal.ts';
import { type Finding, type GateResult, resultOf } from './gate.ts';

export function judgeClean(
  sealed: Omit<Sealed, 'elsewhere'>,
  rules: { allow_empty: boolean; good: string },
): GateResult {
  const findings: Finding[] = [];
  const add = (kind: string, path: string | null, text: string) =>
    findings.push({ kind, path, line: null, text });
  for (const what of sealed.special) add('special', null, what);
  for (const path of sealed.unmerged) add('unmerged', path, 'has unresolved merge conflicts');
  if (!sealed.descends || sealed.parent_good !== rules.good) {
    add('not_descended', null, `${sealed.commit} does not descend from the last good commit ${rules.good}`);
  }
  for (const path of sealed.left_out) {
    const why = path.endsWith('/') ? 'is a git repository of its own' : 'could not be committed';
    add('left_out', path, `${why}; remove it, or make git ignore it`);
  }
  if (!sealed.changed && !rules.allow_empty) {
    add('unchanged', null, 'no file differs from the last good commit');
  }
  return resultOf('clean', findings, { reason: reasonOf(findings), needs_person: false });
}

function reasonOf(findings: readonly Finding[]): string {
  switch (findings[0]?.kind) {
    case 'special':
      return `Git cannot work with what is in the worktree: ${specials(findings)}.`;
    case 'unmerged':
      return 'The worktree has unresolved merge conflicts.';
    case 'not_descended':
      return 'History was rewritten: the commit does not descend from the last good one.';
    case 'left_out':
      return 'The worktree holds files that no commit can hold.';
    default:
      return 'The attempt changed nothing.';
  }
}

function specials(findings: readonly Finding[]): string {
  const texts = findings.filter(({ kind }) => kind === 'special').map(({ text }) => text);
  return texts.slice(0, 3).join('; ') + (texts.length > 3 ? '; …' : '');
}
