/** The locks of sessions among real processes. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bootId } from '../../../src/runner/identity.ts';
import { SessionLocks } from '../../../src/session/lock.ts';

const TAKER = join(import.meta.dirname, '../../support/lock-taker.ts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-locks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('many that come at once, and die with it: never two have it', async () => {
  const log = join(folder, 'log');
  const takers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [TAKER, join(folder, 'locks'), log, '6'], { stdio: 'inherit' }),
  );
  const ends = await Promise.all(
    takers.map(child => new Promise(resolve => child.once('exit', (_, s) => resolve(s)))),
  );
  expect(ends).toEqual(Array(4).fill('SIGKILL'));
  const words = readFileSync(log, 'utf8').trim().split('\n');
  expect(words).toHaveLength(4 * 6 * 2);
  for (let at = 0; at < words.length; at += 2) {
    const [, pid] = words[at]!.split(' ');
    expect([words[at], words[at + 1]]).toEqual([`in ${pid}`, `out ${pid}`]);
  }
});

test('what dead processes left goes, also of other sessions, and what is none of ours stays', async () => {
  const dead = { boot: bootId(), pid: process.pid, start: '1' };
  mkdirSync(join(folder, 'locks'));
  symlinkSync(JSON.stringify(dead), join(folder, 'locks', 'codex-s.1-00000000.lock'));
  symlinkSync(JSON.stringify({ ...dead, boot: 'another' }), join(folder, 'locks', 'acp-t.1-00000000.lock'));
  symlinkSync('elsewhere', join(folder, 'locks', 'codex-s.2-00000000.lock'));
  const locks = new SessionLocks(join(folder, 'locks'), 'codex');
  expect(await locks.take('s')).toBe(true);
  expect(await locks.take('s'), 'by its holder').toBe(true);
  const other = new SessionLocks(join(folder, 'locks'), 'codex');
  expect(await other.take('s.t'), 'another session').toBe(true);
  expect(await other.take('s')).toBe(false);
  expect(readdirSync(join(folder, 'locks'))).toHaveLength(3);
  locks.release();
  other.release();
  expect(readdirSync(join(folder, 'locks'))).toEqual(['codex-s.2-00000000.lock']);
  expect(existsSync(folder)).toBe(true);
});
