/**
 * Lines of a log that are longer than the terminal is wide. The terminal would go on in the first column, where a line of
 * ours begins: what a program printed could look like one. So they are broken here, and what goes on says so. Pure.
 */

/** In front of what goes on. No line of a log begins with a blank. */
const GOES_ON = '    ↳ ';
/** Less is no width to read in. */
const COLUMNS_MIN = 20;
const TAB_COLUMNS = 8;
const COLOUR = /\x1b\[[0-9;:]*m/y;
const COLOURS_OFF = '\x1b[0m';
/** Two columns wide in terminals. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\p{Extended_Pictographic}|[\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** `text`: safe for a terminal, of whole lines. */
export function wrapLines(text: string, columns: number): string {
  if (columns < COLUMNS_MIN) return text;
  return text
    .split('\n')
    .map(line => (line.length * 2 <= columns && !line.includes('\t') ? line : wrapped(line, columns)))
    .join('\n');
}

function wrapped(line: string, columns: number): string {
  let out = '';
  let column = 0;
  /** Colours that hold here, to go on with in the next line. */
  let colours = '';
  for (let i = 0; i < line.length; ) {
    COLOUR.lastIndex = i;
    const colour = COLOUR.exec(line)?.[0];
    if (colour !== undefined) {
      colours = /^\x1b\[0*m$/.test(colour) ? '' : colours + colour;
      out += colour;
      i += colour.length;
      continue;
    }
    const c = String.fromCodePoint(line.codePointAt(i)!);
    const width = c === '\t' ? TAB_COLUMNS : c > '~' && WIDE.test(c) ? 2 : 1;
    if (column + width > columns) {
      out += `${colours === '' ? '' : COLOURS_OFF}\n${GOES_ON}${colours}`;
      column = GOES_ON.length;
    }
    out += c;
    column += width;
    i += c.length;
  }
  return out;
}
