/**
 * secrets.env is read as systemd reads its own files of variables. Where its generator for environment.d is there, which
 * has the same reader, it is asked about the same texts.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseEnvFile } from '../../../src/secrets/env-file.ts';

const read = (text: string) => {
  const values = parseEnvFile(text);
  return values instanceof Map ? Object.fromEntries(values) : values;
};

const TEXTS: [string, Record<string, string>][] = [
  ['A=1\nB=2\n', { A: '1', B: '2' }],
  ['A=1', { A: '1' }],
  ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['# no\n; no\n\n  A = 1  \n', { A: '1' }],
  ['A=a # b', { A: 'a # b' }],
  ['A=a#b=c;d', { A: 'a#b=c;d' }],
  ['A="a b " ', { A: 'a b ' }],
  ["A='a $b \\n \"c'", { A: 'a $b \\n "c' }],
  ['A="a \\"b\\" \\$c \\n"', { A: 'a "b" $c \\n' }],
  ['A=a\\ b\\\\', { A: 'a b\\' }],
  ['A=one\\\ntwo\nB=x', { A: 'onetwo', B: 'x' }],
  ['A="one\ntwo"\nB=x', { A: 'one\ntwo', B: 'x' }],
  ['A=\'one\'"two"three', { A: 'onetwothree' }],
  ['A=\nB=""', { A: '', B: '' }],
  ['A=1\nA=2', { A: '2' }],
  ['A="a"  b', { A: 'ab' }],
  ['A=a"b c"d', { A: 'a"b c"d' }],
  ["A=it's", { A: "it's" }],
  ['A= x y  z  \nB=1', { A: 'x y  z', B: '1' }],
  ['A="a\\\nb"', { A: 'ab' }],
  ['A=x\\', { A: 'x' }],
  ['', {}],
];

test.each(TEXTS)('%j', (text, values) => {
  expect(read(text)).toEqual(values);
});

const GENERATOR = '/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator';

test.skipIf(!existsSync(GENERATOR))('systemd reads the same', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rasen-env-d-'));
  try {
    mkdirSync(join(folder, 'environment.d'));
    for (const [text, values] of TEXTS) {
      // There, $ is a variable, and what is empty is left out.
      if (text.includes('$')) continue;
      writeFileSync(join(folder, 'environment.d/99.conf'), text);
      const said = execFileSync(GENERATOR, {
        env: { XDG_CONFIG_HOME: folder, HOME: folder },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const lines = said.split(/\n(?=[AB]=|$)/).filter(line => /^[AB]=/.test(line));
      const theirs = lines.map(line => line.replace(/="([\s\S]*)"$/, (_, quoted) => `=${unquoted(quoted)}`));
      const ours = Object.entries(values).filter(([, value]) => value !== '');
      expect([text, theirs]).toEqual([text, ours.map(([name, value]) => `${name}=${value}`)]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** As the generator quotes: a line end is \\n, and a backslash stands before what it could take the meaning from. */
const unquoted = (text: string) => text.replace(/\\([\s\S])/g, (_, c) => (c === 'n' ? '\n' : c));

test.each<[string, number]>([
  ['A=1\nsecret\n', 2],
  ['1A=x', 1],
  ['export A=x', 1],
  ['A=1\nB="open\nC=2\n', 2],
  ["A='open", 1],
])('%j is wrong in line %i, and nothing of it is told', (text, bad_line) => {
  expect(read(text)).toEqual({ bad_line });
});
