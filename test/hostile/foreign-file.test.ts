import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openForeign, readForeign, replaceForeign, statForeign } from '../../src/host/foreign-file.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rf.'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const make = (script: string) => execFileSync('sh', ['-c', script], { cwd: root });

describe('reading a file that somebody else can write', () => {
  it.each([
    ['a FIFO', 'mkfifo x', 'x', 'not_a_file'],
    ['a link to a file', 'ln -s /etc/hostname x', 'x', 'not_a_file'],
    ['a link to an endless device', 'ln -s /dev/zero x', 'x', 'not_a_file'],
    ['a link to itself', 'ln -s x x', 'x', 'not_a_file'],
    ['a folder', 'mkdir x', 'x', 'not_a_file'],
    ['a sparse file of 10 GB', 'truncate -s 10G x', 'x', 'too_large'],
    ['a file behind a linked folder', 'mkdir d; echo a >d/x; ln -s d l', 'l/x', 'outside'],
    ['a file behind a file', 'echo a >x', 'x/y', 'outside'],
    ['a path that climbs out', 'true', '../x', 'outside'],
    ['nothing', 'true', 'x', 'missing'],
  ])('%s is an outcome', (_what, script, path, fault) => {
    make(script);
    expect(readForeign({ root, path }, 1000)).toMatchObject({ ok: false, fault });
  });

  it('gives the bytes of a regular file, also of one with two names', () => {
    make('mkdir d; echo hello >d/x; ln d/x d/y');
    const read = readForeign({ root, path: 'd/y' }, 1000);
    expect(read.ok && read.value.bytes.toString()).toBe('hello\n');
  });
});

describe('writing a file that somebody else can write', () => {
  const APPEND = constants.O_WRONLY | constants.O_APPEND;
  it.each([
    ['a link', 'ln -s mine x'],
    ['a hard link', 'ln mine x'],
    ['a FIFO', 'mkfifo x'],
  ])('%s is not appended to', (_what, script) => {
    writeFileSync(join(root, 'mine'), 'mine\n');
    make(script);
    expect(openForeign({ root, path: 'x' }, APPEND)).toMatchObject({ ok: false, fault: 'not_a_file' });
    expect(readFileSync(join(root, 'mine'), 'utf8')).toBe('mine\n');
  });

  it.each([
    ['a link', 'ln -s mine x'],
    ['a hard link', 'ln mine x'],
    ['a FIFO', 'mkfifo x'],
  ])('%s is replaced, and what it led to stays as it is', (_what, script) => {
    writeFileSync(join(root, 'mine'), 'mine\n');
    make(script);
    expect(replaceForeign({ root, path: 'x' }, 'new')).toMatchObject({ ok: true });
    expect(readFileSync(join(root, 'x'), 'utf8')).toBe('new');
    expect(readFileSync(join(root, 'mine'), 'utf8')).toBe('mine\n');
    expect(statForeign({ root, path: 'x' })).toMatchObject({ ok: true });
  });

  it('goes nowhere through a linked folder', () => {
    make('mkdir d; ln -s d l');
    expect(replaceForeign({ root, path: 'l/x' }, 'new')).toMatchObject({ ok: false, fault: 'outside' });
  });
});
