/** The completions of each shell parse, where that shell is there, and know every command and option. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { documentText, has, root } from './pages.ts';

const SHELLS = [
  { path: 'packaging/completions/rasen.bash', check: ['bash', '-n'], long: (name: string) => name },
  { path: 'packaging/completions/_rasen', check: ['zsh', '-n'], long: (name: string) => name },
  {
    path: 'packaging/completions/rasen.fish',
    check: ['fish', '--no-execute'],
    long: (name: string) => `-l ${name.slice(2)}`,
  },
];

describe.each(SHELLS)('$path', ({ path, check: [shell, ...args], long }) => {
  test.runIf(has(shell!))('parses', () => {
    const { status, stderr } = spawnSync(shell!, [...args, join(root, path)], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  test('knows every command and option', () => {
    const text = documentText(path);
    for (const { name, options, arguments: words = [] } of COMMANDS) {
      for (const { choices = [] } of words) if (choices.length > 0) expect(text).toContain(choices.join(' '));
      for (const word of name.split(' ')) expect(text).toMatch(new RegExp(`\\b${word}\\b`));
      for (const { flags } of options)
        for (const [flag] of flags.matchAll(/--[\w-]+/g)) expect(text).toContain(long(flag));
    }
  });
});
