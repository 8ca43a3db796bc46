/**
 * Secrets in added lines, by the fixed shapes that their issuers give them. No guessing by entropy: a finding stops a
 * task until a person has looked, so it has to be right. What is found is never repeated, only where and what kind.
 */
import type { FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';

interface Shape {
  what: string;
  token: RegExp;
  /** The line must also say this; for shapes that are not secret as such. */
  context?: RegExp;
}

const SHAPES: Shape[] = [
  { what: 'an AWS access key', token: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { what: 'a GitHub token', token: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})\b/ },
  { what: 'a GitLab token', token: /\bglpat-[A-Za-z0-9_-]{20,}/ },
  { what: 'an npm token', token: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { what: 'an Anthropic key', token: /\bsk-ant-[A-Za-z0-9_-]{20,}/ },
  {
    what: 'an API key (sk-…)',
    // Letters of both cases and a digit: names in style sheets (sk-fading-circle…) have no capitals.
    token: /\bsk-(?!ant-)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[A-Za-z0-9_-]{32,}/,
  },
  { what: 'a Stripe key', token: /\b[rs]k_live_[A-Za-z0-9]{20,}\b/ },
  { what: 'a Slack token', token: /\bxox[abeoprs]-[0-9A-Za-z-]{20,}/ },
  { what: 'a Google API key', token: /\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/ },
  {
    what: 'a signed token (JWT)',
    token: /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
    context: /token|authorization|bearer|secret|api[_-]?key|jwt|password/i,
  },
];

const KEY_HEADER = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/;
/** The rest of the header's line, where a key is one string with `\\n` in it. */
const INLINE_BODY = /^(?:\\[rn]|\s)*[A-Za-z0-9+/=]{40,}/;
/** A line of a key: nothing but its characters, perhaps quoted, commented or joined as in a program. */
const KEY_BODY = /^["'`\s#*/+]*[A-Za-z0-9+/=]{40,}(?:\\[rn]|["'`,;+\s\\])*$/;
/** Headers of encrypted and PGP keys, which stand between the first line and the body. */
const KEY_FIELD = /^["'`\s#*/+]*(?:(?:Proc-Type|DEK-Info|Comment|Version):.*)?(?:\\[rn]|["'`,;+\s\\])*$/;
const KEY_LINES = 6;
/** Claims of the sample token of jwt.io, in half of all documentation. */
const SAMPLE_JWT = 'eyJzdWIiOiIxMjM0NTY3ODkwIiwi';

export function judgeSecrets(files: readonly FileChange[]): Finding[] {
  return files.flatMap(file => {
    if (file.binary) return [];
    return file.added.flatMap((added, i) => {
      const what = secretIn(added.text) ?? (isPrivateKey(file, i) ? 'a private key' : null);
      if (what === null) return [];
      return [{ kind: 'secret', path: file.path, line: added.line, text: `${what} was added` }];
    });
  });
}

function secretIn(text: string): string | null {
  for (const { what, token, context } of SHAPES) {
    const found = token.exec(text)?.[0];
    if (found === undefined || isPlaceholder(found)) continue;
    if (context && !context.test(text.replace(found, ''))) continue;
    return what;
  }
  return null;
}

/** `ghp_xxxxxxxx…`, AKIAIOSFODNN7EXAMPLE and their like, as documentation writes them. */
function isPlaceholder(token: string): boolean {
  if (/example|placeholder|your|dummy|changeme/i.test(token) || token.includes(SAMPLE_JWT)) return true;
  const body = token.slice(-16).toLowerCase();
  return new Set(body).size < 5 || 'abcdefghijklmnopqrstuvwxyz0123456789'.includes(body);
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
