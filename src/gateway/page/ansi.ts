/**
 * Colours of a terminal as pieces of text with class names. A piece only ever becomes a text node, so nothing that a
 * program prints is read as HTML. What is no colour is dropped. Pure.
 */
export interface Piece {
  text: string;
  classes: string;
}

interface Style {
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  fg: number | null;
  bg: number | null;
}

const PLAIN: Style = {
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  fg: null,
  bg: null,
};
const ESCAPE = /\x1b(?:\[([0-9;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** `style` is what was left by the line before; it is changed. */
export function piecesOf(line: string, style: Style = { ...PLAIN }): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const add = (text: string) => {
    const clean = text.replace(CONTROLS, '');
    if (clean !== '') pieces.push({ text: clean, classes: classesOf(style) });
  };
  for (const found of line.matchAll(ESCAPE)) {
    add(line.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[2] === 'm') apply(style, found[1] ?? '');
  }
  add(line.slice(at));
  return pieces;
}

function apply(style: Style, params: string): void {
  const codes = params.split(/[;:]/).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 90 && code <= 97) style.fg = code - 82;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 100 && code <= 107) style.bg = code - 92;
    else if (code === 39) style.fg = null;
    else if (code === 49) style.bg = null;
    else if (code === 38 || code === 48) {
      const colour = codes[i + 1] === 5 ? near(codes[i + 2] ?? 0) : ofRgb(codes.slice(i + 2, i + 5));
      if (code === 38) style.fg = colour;
      else style.bg = colour;
      i += codes[i + 1] === 5 ? 2 : 4;
    }
  }
}

/** One of the sixteen, which the page has in both of its schemes. */
function near(index: number): number | null {
  if (index < 16) return index;
  if (index >= 232) return index < 244 ? 8 : 7;
  const cube = index - 16;
  return ofRgb([Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51]);
}

function ofRgb([r = 0, g = 0, b = 0]: number[]): number | null {
  const top = Math.max(r, g, b);
  if (top < 64) return 8;
  const bit = (value: number) => (value > top * 0.6 ? 1 : 0);
  return bit(r) + bit(g) * 2 + bit(b) * 4 + (top > 200 ? 8 : 0);
}

function classesOf({ bold, dim, italic, underline, inverse, fg, bg }: Style): string {
  return [
    ...(bold ? ['a-bold'] : []),
    ...(dim ? ['a-dim'] : []),
    ...(italic ? ['a-italic'] : []),
    ...(underline ? ['a-underline'] : []),
    ...(inverse ? ['a-inverse'] : []),
    ...(fg === null ? [] : [`a-fg${fg}`]),
    ...(bg === null ? [] : [`a-bg${bg}`]),
  ].join(' ');
}
