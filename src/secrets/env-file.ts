/**
 * The lines of secrets.env, in the form that systemd reads in EnvironmentFile=: NAME=VALUE, comments with # or ;, quotes
 * of both kinds, a backslash at the end of a line goes on with the next. Pure.
 */

/** The variables, or the number of the line (from 1) that is none. Its text is never told: it may be half a secret. */
export function parseEnvFile(text: string): Map<string, string> | { bad_line: number } {
  const values = new Map<string, string>();
  const start = /[ \t]*(?:[#;][^\n]*|([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*)?/y;
  let at = 0;
  while (at < text.length) {
    start.lastIndex = at;
    const [whole, name] = start.exec(text)!;
    const line = text.slice(0, at).split('\n').length;
    at += whole.length;
    if (name !== undefined) {
      const value = readValue(text, at);
      if (value === null) return { bad_line: line };
      values.set(name, value.text);
      at = value.end;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at++;
    if (at < text.length && text[at] !== '\n') return { bad_line: line };
    at++;
  }
  return values;
}

/** From `at` to the end of the line that it ends in; null where a quote is not closed. */
function readValue(text: string, at: number): { text: string; end: number } | null {
  let value = '';
  /** Length of the value up to the last character that is not blank, or was quoted or escaped. */
  let kept = 0;
  // A quote is one at the start and right behind another; inside of a word it is a character.
  let state: 'start' | 'word' | '"' | "'" = 'start';
  let i = at;
  for (; i < text.length; i++) {
    const c = text[i]!;
    if (c === state) {
      state = 'start';
      continue;
    }
    if (state === "'") value += c;
    else if (c === '\\') {
      const next = text[++i] ?? '';
      if (state === 'start') state = 'word';
      // In double quotes a backslash is only one before what it can take the meaning from.
      if (next !== '\n') value += state === '"' && !'"\\`$'.includes(next) ? `\\${next}` : next;
    } else if (state === '"') value += c;
    else if (c === '\n' || (c === '\r' && text[i + 1] === '\n')) break;
    else if (state === 'start' && (c === '"' || c === "'")) state = c;
    else if (c === ' ' || c === '\t') {
      if (state === 'word') value += c;
      continue;
    } else {
      state = 'word';
      value += c;
    }
    kept = value.length;
  }
  return state === '"' || state === "'" ? null : { text: value.slice(0, kept), end: i };
}
