/** Values are found in every spelling, whole and in pieces, and nothing else is taken for one. */
import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { Mask } from '../../../src/secrets/mask.ts';
import { found, SPELLINGS } from '../../support/spellings.ts';

const PLAIN = 'correct-horse-battery-9';
const ODD = `it's "a" $tr\\nge pass/w%41rd+&<é>`;
const PEM = [
  '-----BEGIN PRIVATE KEY-----',
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj',
  'MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu',
  '-----END PRIVATE KEY-----',
].join('\n');
const mask = new Mask([
  ['DB_PASS', PLAIN],
  ['ODD', ODD],
  ['KEY', PEM],
]);

describe.each([
  ['a plain value', PLAIN],
  ['a value of odd characters', ODD],
])('%s', (_what, value) => {
  it.each(SPELLINGS.map(spelling => [spelling.what, spelling] as const))('%s', (_name, { printed, told }) => {
    const text = `before ${printed(value)}\nafter\n`;
    // `\u` for the ASCII of it alone is another value.
    if (!printed(value).includes('\\u00') || value === PLAIN) {
      expect(mask.text(text)).toContain('[masked: ');
      for (const needle of told(value)) expect(mask.text(text)).not.toContain(needle);
    }
    expect(mask.text(text)).toMatch(/^before [\s\S]*\nafter\n$/);
  });
});

test('each line of a key is one, however the key is printed', () => {
  const line = PEM.split('\n')[1]!;
  for (const text of [
    PEM,
    JSON.stringify({ key: PEM }),
    `export KEY='${PEM}'`,
    line,
    PEM.replaceAll('\n', ' '),
  ]) {
    expect(mask.text(text)).not.toContain(line.slice(0, 20));
    expect(mask.text(text)).toContain('[masked: KEY]');
  }
  expect(found(mask.text(Buffer.from(PEM).toString('base64')), PEM)).toEqual([]);
});

test('a very long value is found in pieces, and holds nothing up', () => {
  const part = (_: unknown, i: number) => createHash('sha512').update(String(i)).digest('base64');
  const long = Array.from({ length: 700 }, part).join('');
  const looks = new Mask([['LONG', long]]);
  expect(looks.text(`before ${long} after`)).toMatch(/^before (?:\[masked: LONG\])+ after$/);
  const begun = looks.window(Buffer.from(`x${long.slice(0, 40_000)}`), { context: 0, more: true });
  expect(begun.taken).toBeGreaterThan(38_000);
  expect(begun.bytes.toString()).toMatch(/^x(?:\[masked: LONG\])+$/);
});

test('JSON stays JSON', () => {
  const value = { a: PLAIN, b: [ODD, { c: `x${ODD}y` }], d: PEM };
  const masked = {
    a: '[masked: DB_PASS]',
    b: ['[masked: ODD]', { c: 'x[masked: ODD]y' }],
    d: '[masked: KEY]',
  };
  expect(JSON.parse(mask.text(JSON.stringify(value)))).toEqual(masked);
  expect(mask.deep(value)).toEqual(masked);
  const every = [PLAIN, ODD].flatMap(each => SPELLINGS.map(({ printed }) => printed(each))).join('\n');
  for (const text of [every, `n${every}`, `\\${every}`]) JSON.parse(mask.text(JSON.stringify({ text })));
});

test('a value in the words of several events leaves their frames whole', () => {
  const event = (text: string) =>
    JSON.stringify({ method: 'session/update', params: { update: { content: { type: 'text', text } } } });
  const said = mask.text(['a correct-ho', 'rse-batt', 'ery-9 z'].map(event).join('\n'));
  const texts = said.split('\n').map(line => JSON.parse(line).params.update.content.text);
  expect(texts).toEqual(['a [masked: DB_PASS]', '', ' z']);
});

test('a value that is cut at an edge of the text is found, a word of it is not', () => {
  expect(mask.text('horse-battery-9 then')).toBe('[masked: DB_PASS] then');
  expect(mask.text('then correct-hors')).toBe('then [masked: DB_PASS]');
  expect(mask.text('then correct-hors…')).toBe('then [masked: DB_PASS]…');
  for (const text of ['a correct answer', 'a horse', 'the battery-9 model', 'a BEGIN PRIVATE KEY line'])
    expect(mask.text(text)).toBe(text);
});

test('short values, usual words and numbers that say nothing are not looked for', () => {
  const none = new Mask(Object.entries({ A: 'true', B: '1', C: 'abc12', D: 'production', E: '000000' }));
  expect(none.isEmpty).toBe(true);
  expect(none.text('true 1 abc12 production 000000')).toBe('true 1 abc12 production 000000');
});

/** As a follower reads: what comes, with what was shown before it. */
function follow(pieces: readonly string[], { waits }: { waits: boolean }): string[] {
  let all = '';
  let shown = 0;
  return pieces.map((piece, i) => {
    all += piece;
    const from = Math.max(0, shown - mask.reach);
    const last = i === pieces.length - 1;
    const bytes = Buffer.from(all.slice(from));
    const read = mask.window(bytes, { context: shown - from, more: waits && !last });
    shown += read.taken;
    return read.bytes.toString();
  });
}

describe('a stream', () => {
  it.each([1, 2, 3, 7, 22])('in pieces of %i', size => {
    const text = `start\n+ curl -u me:${PLAIN} url\ncorrect answer ${Buffer.from(PLAIN).toString('base64')}\nend\n`;
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g'))!;
    expect(follow(pieces, { waits: true }).join('')).toBe(
      'start\n+ curl -u me:[masked: DB_PASS] url\ncorrect answer [masked: DB_PASS]\nend\n',
    );
  });

  it('gives at once what is no beginning of a value, and what cannot be one any more', () => {
    expect(follow(['name: ', 'corr', 'idor\n', 'next'], { waits: true })).toEqual([
      'name: ',
      '',
      'corridor\n',
      'next',
    ]);
  });

  it('that must not wait masks what it can be sure of, and the rest of it when that comes', () => {
    expect(follow(['me:correct-h', 'orse-battery-9 bye\n'], { waits: false })).toEqual([
      'me:[masked: DB_PASS]',
      ' bye\n',
    ]);
    expect(follow(['me:corr', 'ect-horse-battery-9 bye\n'], { waits: false })).toEqual(['me:corr', ' bye\n']);
  });

  it('keeps bytes that are no text', () => {
    const bytes = Buffer.from([0, 255, 0xc3, 10, 128]);
    expect(mask.window(bytes, { context: 0, more: false }).bytes.equals(bytes)).toBe(true);
  });
});
