/** What is checked in is what the code of today would generate. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { DOCUMENTS, root } from './pages.ts';

function checkedIn(path: string): string | null {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return null;
  }
}

test('every generated file is up to date', () => {
  const stale = DOCUMENTS.filter(({ path, text }) => checkedIn(path) !== text).map(({ path }) => path);
  expect(stale, 'run: npm run docs').toEqual([]);
});

test('nothing else lies among the generated files', () => {
  for (const folder of ['man', 'packaging/completions']) {
    const generated = DOCUMENTS.filter(({ path }) => path.startsWith(`${folder}/`)).map(({ path }) =>
      basename(path),
    );
    expect(readdirSync(join(root, folder)).sort()).toEqual(generated.sort());
  }
});

test.each(DOCUMENTS.map(d => [d.path, d.text] as const))('%s has no loose ends', (path, text) => {
  expect(text.endsWith('\n') && !text.endsWith('\n\n')).toBe(true);
  expect(text.split('\n').filter(line => /[ \t]$/.test(line))).toEqual([]);
  if (/\.\d$/.test(path)) expect(text, 'a man page is ASCII').toMatch(/^[\n\x20-\x7e]*$/);
});
