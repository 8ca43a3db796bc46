/** The table of what ends nights in test/OVERNIGHT.md: every row is shown by tests that exist, and every such test has its row. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './pages.ts';

const ROWS = 28;
const TITLE = /^\s*(?:test|it|when|night|bootTest\(\w+\))(?:\.\w+)?\(\s*(['"`])(.+?)\1,/gm;
const SHOWN = /`([\w/.-]+\.ts) › ([^`]+)`/g;
const section = readFileSync(join(root, 'test/OVERNIGHT.md'), 'utf8');
const table = section
  .split('\n## ')[0]!
  .split('\n')
  .filter(line => /^\| \d+ \|/.test(line));
const cues = section.split('\n## ')[0]!.split('| an agent that … |')[1]!;
const shown = table.flatMap((line, row) =>
  [...line.matchAll(SHOWN)].map(([, file, name]) => ({
    row: row + 1,
    file: file!,
    name: name!,
  })),
);

/** Names of the tests in a file, as a reader of its output sees them. */
function namesIn(file: string): string[] {
  const path = [join(root, 'test', file), join(root, 'test/integration', file)].find(existsSync);
  if (!path) return [];
  return [...readFileSync(path, 'utf8').matchAll(TITLE)].map(match => match[2]!.replaceAll("\\'", "'"));
}

test('has a row for each of them, in order, and each row says by what it is shown', () => {
  expect(table.map(line => Number(line.split('|')[1]))).toEqual(
    Array.from({ length: ROWS }, (_, i) => i + 1),
  );
  const rows = new Set(shown.map(({ row }) => row));
  expect(table.filter((_, i) => !rows.has(i + 1))).toEqual([]);
});

test('tells by what each cue of the misbehaving agent is shown', () => {
  const rows = cues.split('\n').filter(line => line.startsWith('| ') && line.endsWith(' |'));
  expect(rows.length).toBeGreaterThanOrEqual(12);
  const tests = rows.map(line => [...line.matchAll(SHOWN)].map(([, file, name]) => ({ file, name })));
  expect(rows.filter((_, i) => tests[i]!.length === 0)).toEqual([]);
  expect(tests.flat().filter(({ file, name }) => !namesIn(file!).includes(name!))).toEqual([]);
});

test('names only tests that exist', () => {
  expect(shown.filter(({ file, name }) => !namesIn(file).includes(name))).toEqual([]);
});

test('names every test of overnight-*.test.ts, in the row of its number', () => {
  const files = readdirSync(join(root, 'test/integration')).filter(name => name.startsWith('overnight-'));
  const tests = files.flatMap(file =>
    namesIn(file).map(name => ({ row: Number.parseInt(name, 10), file, name })),
  );
  expect(tests.length).toBeGreaterThan(20);
  expect(
    tests.filter(t => !shown.some(s => s.row === t.row && s.file === t.file && s.name === t.name)),
  ).toEqual([]);
});
