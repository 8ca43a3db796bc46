/**
 * Texts of agents and programs made safe to show: no terminal control, no line that pretends to be ours, no token in
 * clear. Used by everything in views/. Pure. It hides what looks like a secret; it cannot know every secret.
 */

import { withoutControls } from '../util/terminal-text.ts';

/** Escape sequences (CSI, OSC and the short ones), as programs write them to colour their output. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const LINE_ENDS = /\r\n?|[\u0085\u2028\u2029]/g;

/** What replaces a secret. */
export const HIDDEN = '[hidden]';

/** What a secret is called, also as a key of JSON, and of JSON within a string of JSON. */
const NAME =
  /\b([A-Za-z0-9_-]*(?:password|passwd|secret|api[_-]?key|access[_-]?key|token)(?:\\*["'])?\s*[=:]\s*)/;
const QUOTED = /"(?:[^"\\\n]|\\.){6,}"|\\+"[^"\\\n]{6,}\\+"|'[^'\n]{6,}'/;
/** A number alone is a count: that of tokens, mostly. */
const BARE = /(?!\d+(?:[\s"',;\\)}\]]|$))(?:\\*["'])?[^\s"',;\\]{6,}(?:\\*["'])?/;

const SECRETS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  [/\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9_-]{16,}/g, HIDDEN],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}/g, HIDDEN],
  [/\bnpm_[A-Za-z0-9]{30,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bAIza[A-Za-z0-9_-]{30,}/g, HIDDEN],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, HIDDEN],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{12,}/gi, `$1 ${HIDDEN}`],
  [/(:\/\/[^\s/:@]+:)[^\s/@]+@/g, `$1${HIDDEN}@`],
  [new RegExp(`${NAME.source}(?:${QUOTED.source}|${BARE.source})`, 'gi'), `$1${HIDDEN}`],
];

/** The text without control characters and secrets; lines and tabs stay. */
export function cleanText(text: string): string {
  let clean = withoutControls(text.replace(ESCAPES, '').replace(LINE_ENDS, '\n'), '');
  for (const [secret, instead] of SECRETS) clean = clean.replace(secret, instead);
  return clean;
}

/** The text as one line of at most `max` characters; a cut is marked by "…". */
export function oneLine(text: string, max: number): string {
  // Only so much of a huge text is looked at; a secret that begins behind it is cut anyway.
  const line = cleanText(text.slice(0, max * 8))
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= max ? line : `${whole(line.slice(0, max - 1))}…`;
}

/** The last `max` characters of a text. */
export function lastChars(text: string, max: number): string {
  const clean = cleanText(text.slice(-max * 8)).trim();
  return clean.length <= max ? clean : clean.slice(-max).replace(/^[\udc00-\udfff]/, '');
}

/** Without the half of a pair that a cut left at the end. */
const whole = (text: string) => text.replace(/[\ud800-\udbff]$/, '');
