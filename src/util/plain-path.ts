/**
 * Which texts are the path of a file, or a glob that cannot mean everything: entries of `files` and `tests` in plans. The
 * reader of plans refuses the others with their place; the gate `diff`, which also sees plans that came another way, lets
 * them permit nothing. Pure.
 */

const MAX_PATH = 4096;

/** What keeps the text from being a path below the project, or a glob that begins with a folder's name; null: it is one. */
export function pathProblem(text: string): string | null {
  if (text.trim() === '') return 'is empty';
  if (text.length > MAX_PATH) return `is longer than ${MAX_PATH} characters`;
  if (/[\x00-\x1f\x7f]/.test(text)) return 'has a control character in it';
  if (/^[:!]/.test(text)) return 'begins with the sign of a pathspec; write a path';
  if (/^[/~\\]/.test(text)) return 'is not below the project; write it relative to that';
  const parts = text.replace(/^(?:\.\/+)+/, '').split('/');
  if (parts.includes('..')) return 'leads out of a folder (..)';
  const [first] = parts as [string];
  if (first === '' || first === '.') return 'names everything; name files or folders';
  if (/[*?[\]{}\\]/.test(first))
    return 'is a glob that begins with no folder; write one before it, such as test/';
  if (/[{}]/.test(text)) return 'has braces, which mean nothing here; write one path for each';
  if (/\s/.test(text) && !/\/|\.\w+$/.test(text)) return 'is a text and no path';
  return null;
}
