/** What is too large for a line of the socket. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  clearInbox,
  INBOX_BYTES_MAX,
  putInInbox,
  readInbox,
  removeFromInbox,
} from '../../../src/host/inbox.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rasen-inbox-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

it('is read as it was put there, by nobody else, and goes', async () => {
  const kept = await putInInbox(home, 'task', 'input', [Buffer.from('a'), Buffer.from('b')]);
  expect(kept).toMatchObject({ bytes: 2 });
  expect(statSync(join(home, 'inbox/task.input')).mode & 0o777).toBe(0o600);
  expect(readInbox(home, 'task', 'input', kept!.sha256).toString()).toBe('ab');
  removeFromInbox(home, 'task', 'input');
  expect(() => readInbox(home, 'task', 'input', kept!.sha256)).toThrow(/Client and supervisor|is not there/);
});

it('is not read when it is something else, a link included', async () => {
  const kept = await putInInbox(home, 'task', 'order', [Buffer.from('a')]);
  const path = join(home, 'inbox/task.order');
  writeFileSync(path, 'b');
  expect(() => readInbox(home, 'task', 'order', kept!.sha256)).toThrow(/is not what the request says/);
  rmSync(path);
  writeFileSync(join(home, 'other'), 'a');
  symlinkSync(join(home, 'other'), path);
  expect(() => readInbox(home, 'task', 'order', kept!.sha256)).toThrow(/link/);
});

it('is not kept when it is too much', async () => {
  const chunk = Buffer.alloc(16 * 1024 * 1024);
  const chunks = Array.from({ length: INBOX_BYTES_MAX.input / chunk.length }, () => chunk);
  expect(await putInInbox(home, 'task', 'input', [...chunks, Buffer.alloc(1)])).toBeNull();
  expect(readdirSync(join(home, 'inbox'))).toEqual([]);
});

it('is removed after a day where no client came to it', async () => {
  clearInbox(home, Date.now());
  await putInInbox(home, 'old', 'input', [Buffer.from('a')]);
  await putInInbox(home, 'new', 'input', [Buffer.from('a')]);
  const yesterday = Date.now() / 1000 - 25 * 3600;
  utimesSync(join(home, 'inbox/old.input'), yesterday, yesterday);
  clearInbox(home, Date.now());
  expect([existsSync(join(home, 'inbox/old.input')), existsSync(join(home, 'inbox/new.input'))]).toEqual([
    false,
    true,
  ]);
});
