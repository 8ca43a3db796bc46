/**
 * Secrets in added lines: tokens, and private keys, which are more lines than one. A finding stops a task until a person
 * has looked. What is found is never repeated, only where and what kind.
 */
import type { FileChange } from '../git/changes.ts';
import { tokenIn } from '../util/secret-shapes.ts';
import type { Finding } from './gate.ts';

const KEY_HEADER = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/;
/** The rest of the header's line, where a key is one string with `\\n` in it. */
const INLINE_BODY = /^(?:\\[rn]|\s)*[A-Za-z0-9+/=]{40,}/;
/** A line of a key: nothing but its characters, perhaps quoted, commented or joined as in a program. */
const KEY_BODY = /^["'`\s#*/+]*[A-Za-z0-9+/=]{40,}(?:\\[rn]|["'`,;+\s\\])*$/;
/** Headers of encrypted and PGP keys, which stand between the first line and the body. */
const KEY_FIELD = /^["'`\s#*/+]*(?:(?:Proc-Type|DEK-Info|Comment|Version):.*)?(?:\\[rn]|["'`,;+\s\\])*$/;
const KEY_LINES = 6;

export function judgeSecrets(files: readonly FileChange[]): Finding[] {
  return files.flatMap(file => {
    if (file.binary) return [];
    return file.added.flatMap((added, i) => {
      const what = tokenIn(added.text) ?? (isPrivateKey(file, i) ? 'a private key' : null);
      if (what === null) return [];
      return [{ kind: 'secret', path: file.path, line: added.line, text: `${what} was added` }];
    });
  });
}

/** The header alone is in every program that reads keys; a key has a body. */
function isPrivateKey(file: FileChange, at: number): boolean {
  const header = KEY_HEADER.exec(file.added[at]!.text);
  if (header === null) return false;
  const rest = file.added[at]!.text.slice(header.index + header[0].length);
  if (INLINE_BODY.test(rest)) return true;
  for (let i = 1; i <= KEY_LINES; i += 1) {
    const next = file.added[at + i];
    if (next === undefined || next.line !== file.added[at]!.line + i) return false;
    if (KEY_BODY.test(next.text)) return true;
    if (!KEY_FIELD.test(next.text)) return false;
  }
  return false;
}
