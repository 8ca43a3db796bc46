/** The front page is short and true: what it names is there. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { root } from './pages.ts';

const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
const text = (page: string) => readFileSync(join(root, page), 'utf8');
/** Examples and what stands in backquotes, a line each. */
const code = (page: string) =>
  [...text(page).matchAll(/```sh\n([\s\S]*?)```|`([^`\n]+)`/g)]
    .map(([, block, word]) => block ?? word!)
    .join('\n');
const scripts = Object.keys(JSON.parse(text('package.json')).scripts);

test('README.md is at most 8 KB', () => {
  expect(statSync(join(root, 'README.md')).size).toBeLessThanOrEqual(8192);
});

test.each(PAGES)('%s links to files that are there', page => {
  const links = [...text(page).matchAll(/\]\(([^)#]+)/g)].map(([, to]) => to!);
  expect(links.filter(to => !to.startsWith('https://') && !existsSync(join(root, to)))).toEqual([]);
});

test.each(PAGES)('%s names only commands, scripts and manual pages that exist', page => {
  const names = new Set(COMMANDS.map(c => c.name.split(' ')[0]!));
  const commands = [...code(page).matchAll(/(?:^|&& )rasen ([a-z]+)/gm)].map(([, name]) => name!);
  expect(commands.filter(name => !names.has(name))).toEqual([]);
  const run = [...text(page).matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
  expect(run.filter(name => !scripts.includes(name))).toEqual([]);
  const pages = [...text(page).matchAll(/`(rasen[\w.-]*)\((\d)\)`/g)].map(([, n, s]) => `man/${n}.${s}`);
  expect(pages.filter(path => !existsSync(join(root, path)))).toEqual([]);
});

test('README.md lists every command', () => {
  const table = text('README.md').split('\n## Commands\n')[1]!.split('\n## ')[0]!;
  const names = new Set(COMMANDS.map(c => c.name.split(' ')[0]!));
  expect([...names].filter(name => !new RegExp(`\\b${name}\\b`).test(table))).toEqual([]);
});
