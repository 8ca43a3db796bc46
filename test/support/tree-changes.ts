/** What git would say has changed between two trees, without git: for the gate `diff`. */
import { isCompared } from '../../src/gates/config/judge.ts';
import type { FileChange } from '../../src/git/changes.ts';
import type { Tree } from './cheats.ts';

/** The lines that git would call added and removed: those outside of the longest common run of both. */
function diff(before: string, after: string) {
  const [a, b] = [before, after].map(text => text.replace(/\n$/, '').split('\n')) as [string[], string[]];
  const length = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i]![j] =
        a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
  const added: FileChange['added'] = [];
  const removed: FileChange['removed'] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && length[i + 1]![j]! >= length[i]![j + 1]!))
      removed.push({ line: i + 1, text: a[i++]! });
    else added.push({ line: j + 1, text: b[j++]! });
  }
  return { added, removed };
}

export function changes(before: Tree, after: Tree): FileChange[] {
  return Object.entries(after).map(([path, text]) => {
    const was = before[path] ?? null;
    const lines = diff(was ?? '', text ?? '');
    return {
      status: was === null ? 'added' : text === null ? 'deleted' : 'modified',
      path,
      old_path: null,
      mode: text === null ? '000000' : '100644',
      added: text === null ? [] : lines.added,
      removed: was === null ? [] : lines.removed,
      target: null,
      bytes: text?.length ?? 0,
      binary: false,
      ...(isCompared(path) ? { whole: { before: was, after: text } } : {}),
    };
  });
}
