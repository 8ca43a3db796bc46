/**
 * Links that lead out of the tree, and names that some file system takes for `.git`. Used by the diff gate: only what an
 * attempt added or changed is looked at, since the project may have its own reasons for what was there before. Pure.
 */
import { posix } from 'node:path';
import type { FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';

export function judgeLinks(files: readonly FileChange[]): Finding[] {
  return files.flatMap((file): Finding[] => {
    if (file.status === 'deleted') return [];
    const at = { path: file.path, line: null };
    if (file.path.split('/').some(isGitInDisguise))
      return [{ kind: 'git_name', ...at, text: 'is taken for .git by some file systems' }];
    if (file.mode !== '120000') return [];
    const why = file.target === null ? 'names no place that could be read' : whereTo(file.path, file.target);
    return why === null ? [] : [{ kind: 'link', ...at, text: `is a link that ${why}` }];
  });
}

/** What is the matter with a link at `path`, or null. */
export function whereTo(path: string, target: string): string | null {
  if (target === '' || target.includes('\0')) return 'names no place that could be read';
  if (posix.isAbsolute(target)) return 'leads out of the tree, to an absolute path';
  const parts = target.split('/').filter(part => part !== '' && part !== '.');
  // Behind another link `..` is elsewhere than it looks.
  const back = parts.lastIndexOf('..');
  if (back > 0 && parts.slice(0, back).some(part => part !== '..'))
    return 'goes back (..) behind a name, which may be another link';
  const end = posix.normalize(posix.join(posix.dirname(path), target));
  if (end === '..' || end.startsWith('../')) return 'leads out of the tree';
  if (end.split('/').some(part => part.toLowerCase() === '.git' || isGitInDisguise(part)))
    return 'leads into .git';
  return null;
}

/** Characters that HFS+ leaves out when it compares names. */
const UNSEEN = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;

/** `.git` itself, or what HFS+ or NTFS take for it: other case, unseen characters, a short name, a stream, ends of dots. */
export function isGitInDisguise(name: string): boolean {
  return name
    .replace(UNSEEN, '')
    .toLowerCase()
    .split('\\')
    .some(part => /^(?:\.git|git~1)[ .]*(?::|$)/.test(part));
}
