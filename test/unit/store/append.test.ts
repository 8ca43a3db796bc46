/** Appends that fail: the journal is as before, nothing that was refused is ever seen, and later ones work. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event } from '../../../src/contract/event.ts';
import { MAX_LINE_BYTES } from '../../../src/store/file/journal.ts';
import { ENV, failedPipeline } from '../../support/store-fixture.ts';
import { StoreRig } from '../../support/store-rig.ts';

const CHILD = join(import.meta.dirname, '../../support/store-full-disk.ts');
const life = failedPipeline();
const { id } = life.state;
let rig: StoreRig;

beforeEach(() => {
  rig = new StoreRig();
});
afterEach(() => rig.close());

/** What the child found after the disk was full; it asserts nothing itself. */
interface Report {
  refused: { kind: string; message: string; hint: string }[];
  same: boolean;
  seen_events: number;
  loaded_seq: number;
  then: number;
}

function expectHarmless(report: Report, errno: RegExp): void {
  expect(report.refused.length).toBeGreaterThan(0);
  for (const error of report.refused) {
    expect(error).toMatchObject({ kind: 'storage', message: expect.stringMatching(errno) });
    expect(error.hint).not.toBe('');
  }
  expect(report.same).toBe(true);
  expect(report.seen_events).toBe(report.loaded_seq);
  expect(report.then).toBeGreaterThan(report.loaded_seq);
}

const MOUNT = 'mount -t tmpfs -o size=256k none "$0" && exec "$@"';
const canMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-m', 'sh', '-c', MOUNT, tmpdir(), 'true']).status === 0;

test.skipIf(!canMount)(
  'a full disk: append, snapshot and submit are refused (skipped where tmpfs cannot be mounted)',
  () => {
    const home = mkdtempSync(join(tmpdir(), 'rasen-full-'));
    try {
      const args = ['-m', 'sh', '-c', MOUNT, home, process.execPath, CHILD, home, 'disk'];
      const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
      expect(stderr).toBe('');
      expectHarmless(JSON.parse(stdout), /ENOSPC/);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
);

test('a file that may not grow any more (ulimit -f): append is refused', () => {
  const home = mkdtempSync(join(tmpdir(), 'rasen-limit-'));
  try {
    // 16 blocks of 512 bytes; the signal that goes with it is ignored by Node.
    const args = ['-c', 'ulimit -S -f 16; exec "$@"', 'sh', process.execPath, CHILD, home, 'limit'];
    const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    expectHarmless({ ...JSON.parse(stdout) }, /EFBIG/);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test('bytes behind the acknowledged end are never read, and are kept when the next append cuts them', async () => {
  const store = rig.open();
  const { bytes } = store.submit(id, life.events.slice(0, 3), ENV);
  const path = rig.path(id, 'events.jsonl');
  // As an append leaves it whose fsync failed and that could not be taken back: whole lines that nobody was told of.
  const unsaid = readFileSync(path);
  appendFileSync(path, unsaid);
  expect(store.events(id)).toHaveLength(3);
  expect(store.load(id)).toMatchObject({ bytes, state: { seq: 3 } });
  expect(store.check(id)).toEqual([]);
  const end = await store.append(id, bytes, life.events.slice(3, 4));
  expect(rig.read(id, 'events.jsonl')).toHaveLength(end);
  const [kept] = store.quarantine.list();
  expect(kept).toContain(`${id}.torn.`);
  expect(readFileSync(join(rig.paths.quarantine, kept!)).equals(unsaid)).toBe(true);
  expect(rig.open().load(id)?.state.seq).toBe(4);
});

test('an event that is being written is not seen before it is on the disk', async () => {
  const store = rig.open();
  const { bytes } = store.submit(id, life.events.slice(0, 3), ENV);
  const written = store.append(id, bytes, life.events.slice(3, 4));
  expect(rig.read(id, 'events.jsonl').length).toBeGreaterThan(bytes);
  expect(store.events(id)).toHaveLength(3);
  expect(store.load(id)).toMatchObject({ bytes, state: { seq: 3 } });
  await expect(store.append(id, bytes, life.events.slice(3, 4))).rejects.toThrow('two appends at once');
  await written;
  expect(store.events(id)).toHaveLength(4);
  expect(store.events(id, 3)).toEqual(life.events.slice(3, 4));
  await expect(store.append(id, bytes, life.events.slice(4, 5))).rejects.toThrow(`append at ${bytes}`);
});

test('an event that is too long for a line is kept whole beside the journal, and damage of it is seen', async () => {
  const store = rig.open();
  const { bytes } = store.submit(id, life.events.slice(0, 4), ENV);
  const message = '\u0000"é'.repeat(MAX_LINE_BYTES);
  const resume_at = '2026-01-28T00:00:00Z';
  const long = { ...life.events[4]!, type: 'task_waiting', why: 'limit', resume_at, message } as Event;
  const end = await store.append(id, bytes, [long]);
  expect(end - bytes).toBeLessThan(400);
  const again = rig.open();
  const loaded = again.load(id)!;
  expect('message' in loaded.state.status && loaded.state.status.message === message).toBe(true);
  expect(isDeepStrictEqual(again.events(id, 4), again.events(id).slice(4))).toBe(true);
  expect(await again.append(id, loaded.bytes, [{ ...life.events[3]!, seq: 6 }])).toBeGreaterThan(end);
  expect(rig.open().load(id)!.state.status.name).toBe('running');
  appendFileSync(rig.path(id, 'event.5.json'), ' ');
  const last = rig.open();
  expect(last.load(id)).toBeNull();
  expect(last.damage[0]!.message).toContain('event.5.json is not what the journal says');
});

test('a file in the way of a new artifact is not overwritten', async () => {
  const store = rig.open();
  const { bytes } = store.submit(id, life.events.slice(0, 2), ENV);
  appendFileSync(rig.path(id, 'plan.1.json'), 'mine');
  await store.append(id, bytes, life.events.slice(2));
  const kept = readdirSync(rig.paths.quarantine);
  expect(kept).toEqual([expect.stringContaining(`${id}.artifact.`)]);
  expect(readFileSync(join(rig.paths.quarantine, kept[0]!), 'utf8')).toBe('mine');
  expect(rig.open().load(id)?.state).toEqual(life.state);
});
