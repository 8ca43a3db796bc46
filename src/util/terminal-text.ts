/**
 * Texts of others made safe to show: a terminal obeys what is in them, and a reader believes what is to be seen. Colours
 * may stay; everything else that moves, hides, turns or sends something is written out (`\x1b]52;…`). Pure.
 */

/**
 * Controls (C0, DEL, C1) but tab and newline; what turns the direction of text; what takes no room (soft hyphens, fillers,
 * joiners, tags); separators that some programs take for line ends; halves of surrogate pairs.
 */
const UNSAFE_CLASS = [
  '\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200e\\u200f',
  '\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb\\ud800-\\udfff\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}',
].join('');
/** Joiners belong to the words of some scripts, and to pictures that are made of several. */
const JOINER =
  '(?<![\\u0600-\\u0dff\\u1000-\\u109f\\u1780-\\u17ff])\\u200c|\\u200d(?![\\u0600-\\u0dff\\p{Extended_Pictographic}])';
const UNSAFE = new RegExp(`[${UNSAFE_CLASS}]|${JOINER}`, 'gu');
/** Most texts have none of it, and this is quick to say. */
const MAY_BE_UNSAFE = new RegExp(`[${UNSAFE_CLASS}\\u200c\\u200d]`, 'u');

const COLOUR = /\x1b\[([0-9;:]{0,64})m/g;
const COLOURS_OFF = '\x1b[0m';

/** Text of several lines. With `colours`, they end with each line; without, they are written out like all the rest. */
export function safeText(text: string, { colours = false }: { colours?: boolean } = {}): string {
  if (!MAY_BE_UNSAFE.test(text)) return text;
  const lines = text.replaceAll('\r\n', '\n');
  if (!colours || !lines.includes('\x1b[')) return escaped(lines);
  return lines.split('\n').map(colouredLine).join('\n');
}

/** Text with control characters and their like taken out, for where nothing should be seen of them. */
export function withoutControls(text: string, instead: string): string {
  return MAY_BE_UNSAFE.test(text) ? text.replace(UNSAFE, instead) : text;
}

/** What JSON.stringify made, with `\u` for what it leaves as it is. Means the same. */
export function safeJson(json: string): string {
  if (!MAY_BE_UNSAFE.test(json)) return json;
  // Line ends and the like outside of strings are of who wrote it.
  return json.replace(UNSAFE, c => (c === '\r' ? c : units(c)));
}

/** As safeJson, of YAML in double quotes, in which pairs of surrogates are no character. */
export function safeYaml(quoted: string): string {
  return quoted.replace(UNSAFE, c =>
    c.length > 1 ? `\\U${c.codePointAt(0)!.toString(16).padStart(8, '0')}` : units(c),
  );
}

export const isSafe = (text: string): boolean => !MAY_BE_UNSAFE.test(text);

const escaped = (text: string) => text.replace(UNSAFE, visible);

function colouredLine(line: string): string {
  let out = '';
  let done = 0;
  let coloured = false;
  for (const match of line.matchAll(COLOUR)) {
    if (!isColour(match[1]!)) continue;
    out += escaped(line.slice(done, match.index)) + match[0];
    done = match.index + match[0].length;
    coloured = true;
  }
  out += escaped(line.slice(done));
  return coloured && !out.endsWith(COLOURS_OFF) ? out + COLOURS_OFF : out;
}

/** Not what hides text (8). The numbers behind 38, 48 and 58 are a colour. */
function isColour(parameters: string): boolean {
  const words = parameters.split(';');
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (/^0*8(?::|$)/.test(word)) return false;
    if (/^[345]8$/.test(word)) i += words[i + 1] === '5' ? 2 : words[i + 1] === '2' ? 4 : 0;
  }
  return true;
}

function visible(c: string): string {
  const code = c.codePointAt(0)!;
  if (c === '\r') return '\\r';
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : units(c);
}

/** UTF-16, as JSON writes it. */
const units = (c: string) =>
  Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');

/** What may be the beginning of a colour or of a line end, at the end of a piece. */
const OPEN_END = /\x1b(?:\[[0-9;:]{0,64})?$|\r$/;

/** Bytes that come in pieces, made safe as they come. */
export class SafeStream {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #open = '';

  push(bytes: Uint8Array): string {
    return this.#shown(this.#open + this.#decoder.decode(bytes, { stream: true }), true);
  }

  end(): string {
    return this.#shown(this.#open + this.#decoder.decode(), false);
  }

  #shown(text: string, more: boolean): string {
    const held = more ? (OPEN_END.exec(text)?.[0] ?? '') : '';
    this.#open = held;
    return safeText(text.slice(0, text.length - held.length), { colours: true });
  }
}
