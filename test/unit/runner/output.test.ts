/** The growing output of an attempt: reading it by offsets, its last lines, and the cap that frees old blocks. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { capOutput, droppedBytes } from '../../../src/runner/output-cap.ts';
import { lastLines, lastLinesIn, type OutputChunk, readOutput } from '../../../src/runner/tail.ts';
import { RunnerRig, until } from '../../support/runner-rig.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rasen-output-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const MIB = 1024 * 1024;
const file = () => join(dir, 'output');
const chunk = async (from: number, max: number, options = {}) => {
  const read = await readOutput(dir, from, max, options);
  if (!('bytes' in read)) throw new Error(`no bytes: ${JSON.stringify(read)}`);
  return read;
};
/** Lines of 16 bytes that say where they are. */
const lines = (bytes: number) =>
  Array.from({ length: bytes / 16 }, (_, i) => `${String(i * 16).padStart(15)}\n`).join('');

test('chunks end with a line, else with a character, at last with whatever is there', async () => {
  expect(await chunk(0, 100)).toEqual({ offset: 0, bytes: Buffer.alloc(0), next: 0 });
  writeFileSync(file(), 'one\ntwo\nthr');
  expect((await chunk(0, 100)).bytes.toString()).toBe('one\ntwo\n');
  expect((await chunk(8, 100)).bytes.toString()).toBe('thr');
  expect((await chunk(0, 6)).bytes.toString()).toBe('one\n');
  expect((await chunk(0, 100, { final: true })).bytes.toString()).toBe('one\ntwo\nthr');
  expect(await chunk(11, 100)).toEqual({ offset: 11, bytes: Buffer.alloc(0), next: 11 });
  expect((await chunk(50, 100)).next).toBe(50);

  writeFileSync(file(), Buffer.from('a🌀').subarray(0, 4));
  expect((await chunk(0, 100)).bytes.toString()).toBe('a');
  expect((await chunk(1, 100)).next).toBe(1);
  expect((await chunk(1, 100, { final: true })).bytes).toHaveLength(3);
  appendFileSync(file(), Buffer.from('🌀').subarray(3));
  expect((await chunk(1, 100)).bytes.toString()).toBe('🌀');
});

test('any bytes can be read to the end with any size, without loss', async () => {
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3)) & 0xff));
  writeFileSync(file(), bytes);
  for (const max of [1, 4, 7, 64, 10_000]) {
    const parts: Buffer[] = [];
    for (let at = 0, read: OutputChunk; at < bytes.length; at = read.next) {
      read = await chunk(at, max);
      if (read.next === at) read = await chunk(at, max, { final: true });
      expect(read.next).toBeGreaterThan(at);
      parts.push(read.bytes);
    }
    expect(Buffer.concat(parts).equals(bytes), `in steps of ${max}`).toBe(true);
  }
});

test('the last lines, with and without an end', async () => {
  const last = async (n: number, max = MIB) => {
    const end = await lastLines(dir, n, max);
    // One that is at hand as a whole has the same end.
    const whole = existsSync(file()) ? readFileSync(file()) : Buffer.alloc(0);
    expect(lastLinesIn(whole, 0, n, max)).toEqual(end);
    return [end.offset, end.text.toString()];
  };
  expect(await last(3)).toEqual([0, '']);
  writeFileSync(file(), 'a\nbb\nccc\n');
  expect(await last(0)).toEqual([9, '']);
  expect(await last(1)).toEqual([5, 'ccc\n']);
  expect(await last(2)).toEqual([2, 'bb\nccc\n']);
  expect(await last(3)).toEqual([0, 'a\nbb\nccc\n']);
  expect(await last(99)).toEqual([0, 'a\nbb\nccc\n']);
  appendFileSync(file(), 'd');
  expect(await last(2)).toEqual([5, 'ccc\nd']);
  expect(await last(2, 3)).toEqual([7, 'c\nd'].with(0, 7));
  writeFileSync(file(), '\n\n');
  expect(await last(1)).toEqual([1, '\n']);
  writeFileSync(file(), lines(MIB));
  expect(await last(8192)).toEqual([MIB - 8192 * 16, lines(MIB).slice(-8192 * 16)]);
});

test('below the cap nothing happens', async () => {
  writeFileSync(file(), lines(MIB));
  expect(await capOutput(dir, MIB, 0)).toEqual({ dropped_bytes: 0, supported: true });
  expect(droppedBytes(dir)).toBe(0);
});

test('above the cap old blocks are freed: offsets stay, the rest is untouched, the gap is told', async () => {
  const all = Buffer.from(lines(4 * MIB));
  writeFileSync(file(), all);
  const before = statSync(file());
  const { dropped_bytes, supported } = await capOutput(dir, MIB, 0);
  if (!supported) {
    // A filesystem or system without holes: nothing may have changed.
    expect(readFileSync(file()).equals(all)).toBe(true);
    expect(droppedBytes(dir)).toBe(0);
    return;
  }
  expect(all.length - dropped_bytes).toBeLessThanOrEqual(MIB);
  expect(all.length - dropped_bytes).toBeGreaterThan(MIB / 2);
  const after = statSync(file());
  expect(after.size).toBe(before.size);
  expect((before.blocks - after.blocks) * 512).toBeGreaterThanOrEqual(dropped_bytes - 64 * 1024);
  expect(droppedBytes(dir)).toBe(dropped_bytes);
  expect(readFileSync(file()).subarray(dropped_bytes).equals(all.subarray(dropped_bytes))).toBe(true);

  expect(await readOutput(dir, 0, 100)).toEqual({ gap: { from: 0, to: dropped_bytes }, next: dropped_bytes });
  expect(await readOutput(dir, dropped_bytes - 1, 100)).toMatchObject({ gap: { to: dropped_bytes } });
  expect((await chunk(dropped_bytes, 16)).bytes.toString()).toBe(`${String(dropped_bytes).padStart(15)}\n`);
  const tail = await lastLines(dir, 1e9, 1e9);
  expect([tail.offset, tail.text.length]).toEqual([dropped_bytes, all.length - dropped_bytes]);
  expect(lastLinesIn(readFileSync(file()), dropped_bytes, 1e9, 1e9)).toEqual(tail);

  // Nothing new: nothing to do, also for a caller that forgot what was dropped.
  expect(await capOutput(dir, MIB, 0)).toEqual({ dropped_bytes, supported: true });
});

test('a count that was written before a crash frees its blocks with the next call', async () => {
  writeFileSync(file(), lines(4 * MIB));
  writeFileSync(join(dir, 'dropped'), `${2 * MIB}\n`);
  const { dropped_bytes, supported } = await capOutput(dir, MIB, 0);
  if (!supported) return;
  expect(dropped_bytes).toBeGreaterThan(3 * MIB);
  expect(statSync(file()).blocks * 512).toBeLessThan(1.2 * MIB);
});

test('a writer at full speed loses nothing behind the hole', async () => {
  const rig = new RunnerRig();
  const own = dir;
  try {
    const script =
      'const fs=require("fs");for(let i=0;i<16*2**20;i+=65536){let s="";for(let j=i;j<i+65536;j+=16)s+=String(j).padStart(15)+"\\n";fs.writeSync(1,s)}';
    const attempt = await rig.make([process.execPath, '-e', script]);
    dir = attempt.dir;
    await rig.start(attempt);
    let dropped = 0;
    let calls = 0;
    for (let over = false; !over; ) {
      over = rig.facts(attempt).exit !== null;
      const capped = await capOutput(dir, MIB, dropped);
      if (!capped.supported) return;
      expect(capped.dropped_bytes).toBeGreaterThanOrEqual(dropped);
      if (capped.dropped_bytes > dropped) calls++;
      dropped = capped.dropped_bytes;
    }
    expect(calls).toBeGreaterThan(0);
    const bytes = readFileSync(file());
    expect(bytes.length).toBe(16 * MIB);
    expect(bytes.subarray(dropped).toString()).toBe(lines(16 * MIB).slice(dropped));
    expect(statSync(file()).blocks * 512).toBeLessThan(1.5 * MIB);
    await until('the end', () => rig.members(attempt).length === 0);
  } finally {
    dir = own;
    await rig.close();
  }
});
