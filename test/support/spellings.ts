/** The ways in which shells and programs print a value, and what to look for to find one of them. */

export interface Spelling {
  what: string;
  /** Text that has the value in it. */
  printed: (value: string) => string;
  /** What must not be seen: all of it, or so much that the rest is easy. */
  told: (value: string) => string[];
}

const hex = (value: string) => Buffer.from(value).toString('hex');
const base64 = (text: string) => Buffer.from(text).toString('base64');
const each = (value: string, write: (byte: number) => string) => [...Buffer.from(value)].map(write).join('');
const two = (byte: number) => byte.toString(16).padStart(2, '0');
const json = (value: unknown) => JSON.stringify(value);
const whole = (what: string, write: (value: string) => string): Spelling => ({
  what,
  printed: write,
  told: value => [write(value)],
});

/** What two texts have in common wherever the value stands in them: base64 without its edges. */
const middle = (text: string) => text.replace(/=+$/, '').slice(2, -2);

function dump(value: string): string {
  const bytes = [...Buffer.from(value)];
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.slice(at, at + 16);
    const left = row.map(two).join(' ').padEnd(48);
    const right = row.map(b => (b > 31 && b < 127 ? String.fromCharCode(b) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${left} |${right}|`);
  }
  return lines.join('\n');
}

export const SPELLINGS: readonly Spelling[] = [
  whole('as it is', value => value),
  { what: 'base64', printed: base64, told: value => [middle(base64(value))] },
  {
    what: 'base64 of a line',
    printed: value => base64(`${value}\n`),
    told: value => [middle(base64(value))],
  },
  {
    what: 'base64 behind one character',
    printed: value => base64(`x${value}`),
    told: value => [middle(base64(`x${value}`))],
  },
  {
    what: 'base64 of a login (Basic)',
    printed: value => `Authorization: Basic ${base64(`me:${value}`)}`,
    told: value => [middle(base64(`me:${value}`)).slice(4)],
  },
  {
    what: 'base64 for addresses',
    printed: value => Buffer.from(value).toString('base64url'),
    told: value => [middle(Buffer.from(value).toString('base64url'))],
  },
  {
    what: 'base64 in short lines',
    printed: value => base64(value).replace(/(.{10})/g, '$1\n'),
    told: value => [middle(base64(value).slice(0, 10)), middle(base64(value).slice(10, 20))],
  },
  whole('percent encoding', encodeURIComponent),
  whole('percent encoding, lower case', value =>
    encodeURIComponent(value).replace(/%../g, c => c.toLowerCase()),
  ),
  whole('percent encoding of everything', value => each(value, byte => `%${two(byte)}`)),
  whole('percent encoding, twice', value => encodeURIComponent(encodeURIComponent(value))),
  whole('a form', value => encodeURIComponent(value).replace(/%20/g, '+')),
  whole('JSON', value => json(value).slice(1, -1)),
  whole('JSON in JSON', value => json(json(value)).slice(3, -3)),
  whole('JSON with \\u', value => each(value, byte => (byte < 128 ? `\\u00${two(byte)}` : '')).toString()),
  whole('$’…’ of bash', value => each(value, byte => `\\x${two(byte)}`)),
  whole('octal escapes', value => each(value, byte => `\\${byte.toString(8).padStart(3, '0')}`)),
  whole('single quotes of sh', value => value.replaceAll("'", `'\\''`)),
  whole('single quotes of dash', value => value.replaceAll("'", `'"'"'`)),
  whole('backslashes of printf %q', value => value.replace(/[^\w]/g, c => (c < '\x80' ? `\\${c}` : c))),
  whole('HTML', value =>
    value.replace(/[&<>"']/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? '&#39;'),
  ),
  whole('hexadecimal', hex),
  whole('hexadecimal in capitals', value => hex(value).toUpperCase()),
  whole('hexadecimal, bytes apart', value => each(value, byte => `${two(byte)} `).trim()),
  whole('hexadecimal with 0x', value => each(value, byte => `0x${two(byte)}, `).slice(0, -2)),
  {
    what: 'a dump',
    printed: dump,
    told: value =>
      dump(value)
        .split('\n')
        .map(line => line.slice(10, 40)),
  },
  {
    what: 'broken by line ends',
    printed: value => value.replace(/(.{7})/g, '$1\n'),
    told: value => [value.slice(0, 14).replace(/(.{7})/g, '$1\n')],
  },
  {
    what: 'with a colour in the middle',
    printed: value => `${value.slice(0, 8)}\x1b[01;31m\x1b[K${value.slice(8)}\x1b[m`,
    told: value => [`${value.slice(0, 8)}\x1b`, value.slice(8)],
  },
];

/** Spellings of the value that are in the text. */
export function found(text: string, value: string): string[] {
  return SPELLINGS.filter(({ told }) =>
    told(value).some(needle => needle.length > 5 && text.includes(needle)),
  ).map(({ what }) => what);
}
