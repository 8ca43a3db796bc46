/** Files of the supervisor's log: every line that was written is in them, once, whoever moves them and however we end. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogStream } from '../../../../src/log.ts';
import { fileStream } from '../../../../src/service/runtime/log-file.ts';
import { type RollingOptions, rollingStream } from '../../../../src/service/runtime/log-rolling.ts';
import { openLogStream } from '../../../../src/service/runtime/log-stream.ts';
import { until } from '../../../support/instance.ts';

let folder: string;
let path: string;
const writers: ChildProcess[] = [];
beforeEach(() => {
  // A name that pino-roll alone would refuse.
  folder = mkdtempSync(join(tmpdir(), 'rs-log:'));
  path = join(folder, 'rasend.log');
});
afterEach(async () => {
  for (const child of writers.splice(0)) await killed(child);
  rmSync(folder, { recursive: true });
});

/** A stream that is opened sets its link once more on the next turn. */
async function rolling(options?: RollingOptions): Promise<LogStream> {
  const stream = await rollingStream(path, options);
  await new Promise(resolve => setImmediate(resolve));
  return stream;
}

/** A process that writes lines from `first` on; `said` is the last number that it has written. */
function writer(mode: 'file' | 'rolling', first: number, bytes = 0) {
  const program = new URL('../../../support/log-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, mode, path, String(first), String(bytes)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  writers.push(child);
  const seen = { said: first - 1, stderr: '' };
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    if (lines.length > 0) seen.said = Number(lines.at(-1));
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    seen.stderr += text;
  });
  return { child, seen };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise(resolve => child.once('close', resolve));
  child.kill('SIGKILL');
  await over;
}

const byNumber = (a: string, b: string) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b));
const files = () =>
  readdirSync(folder)
    .filter(name => /\d/.test(name))
    .sort(byNumber);
/** Numbers of all lines in these files. A line that was cut or mixed with another one fails. */
const numbersIn = (names: string[]) =>
  names.flatMap(name =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const number = Number(/^line (\d+) x*$/.exec(line)?.[1] ?? Number.NaN);
        expect(line).toBe(`line ${number} ${'x'.repeat(number % 200)}`);
        return number;
      }),
  );

test('rolling: N lines in, N out, over five kills', async () => {
  let next = 1;
  for (let life = 0; life < 5; life++) {
    const { child, seen } = writer('rolling', next, 50_000);
    await until(`it writes: ${seen.stderr}`, () => seen.said >= next + 3000);
    await killed(child);
    const found = numbersIn(files());
    expect(found.slice(0, 3)).toEqual([1, 2, 3]);
    expect(found.length, 'none twice').toBe(new Set(found).size);
    // The one line that was being written when the kill came may be there without having been said.
    expect(found.at(-1)).toBeGreaterThanOrEqual(seen.said);
    expect(found).toEqual(Array.from({ length: found.length }, (_, i) => i + 1));
    next = found.length + 1;
  }
  expect(files().length).toBeGreaterThan(10);
  // A kill may come between a new file and the link to it; the next start mends that.
  await rolling();
  expect(readlinkSync(path)).toBe(files().at(-1));
  for (const name of files()) {
    const { size, mode } = statSync(join(folder, name));
    // A file is left on the next turn of the event loop, and the writer says 20 lines before that.
    expect(size, name).toBeLessThan(50_000 + 20 * 220);
    expect(mode & 0o777, name).toBe(0o600);
  }
});

test('rolling: only so many files are kept', async () => {
  const stream = await rolling({ max_bytes: 1000, files: 3 });
  for (let n = 1; !existsIn(`rasend.${8}.log`); n++) {
    stream.write(`line ${n} ${'x'.repeat(n % 200)}\n`);
    await new Promise(resolve => setImmediate(resolve));
  }
  await until('the old ones are removed', () => files().length === 3);
  expect(files()).toEqual(['rasend.6.log', 'rasend.7.log', 'rasend.8.log']);
});

test('rolling: the log of another mode becomes one of the files, and a link that was lost comes back', async () => {
  writeFileSync(path, 'line 1 x\n');
  const stream = await rolling({ max_bytes: 10_000, files: 3 });
  stream.write(`line 2 xx\n`);
  expect(numbersIn(['rasend.1.log'])).toEqual([1, 2]);
  rmSync(path);
  stream.reopen();
  expect(readlinkSync(path)).toBe('rasend.1.log');
});

test('file: N lines in, N out, while it is moved away and SIGHUP is sent, and over a kill', async () => {
  const ROTATIONS = 10;
  const first = writer('file', 1);
  for (let n = 1; n <= ROTATIONS; n++) {
    const { said } = first.seen;
    await until(`it writes: ${first.seen.stderr}`, () => first.seen.said > said + 300);
    renameSync(path, join(folder, `rasend.log.${n}`));
    first.child.kill('SIGHUP');
    await until(`it has a new file: ${first.seen.stderr}`, () => existsIn('rasend.log'));
  }
  await killed(first.child);
  const { length } = numbersIn([...files(), 'rasend.log']);
  const second = writer('file', length + 1);
  await until('it goes on', () => second.seen.said > length + 100);
  await killed(second.child);
  const found = numbersIn([...files(), 'rasend.log']);
  expect(found.length).toBeGreaterThan(300 * ROTATIONS);
  expect(found).toEqual(Array.from({ length: found.length }, (_, i) => i + 1));
  expect(found.at(-1)).toBeGreaterThanOrEqual(second.seen.said);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('file: a reopen that fails loses nothing, and the next one works', () => {
  const stream = fileStream(path);
  stream.write('line 1 x\n');
  renameSync(path, join(folder, 'rasend.log.1'));
  mkdirSync(path);
  stream.reopen();
  stream.write('line 2 xx\n');
  rmSync(path, { recursive: true });
  stream.reopen();
  stream.write('line 3 xxx\n');
  expect([numbersIn(['rasend.log.1']), numbersIn(['rasend.log'])]).toEqual([[1, 2], [3]]);
});

test('file: the link of rolling files is replaced, a link of the user followed', async () => {
  (await rolling()).write('line 1 x\n');
  fileStream(path).write('line 2 xx\n');
  expect(lstatSync(path).isFile()).toBe(true);
  expect([numbersIn(['rasend.1.log']), numbersIn(['rasend.log'])]).toEqual([[1], [2]]);
  rmSync(path);
  symlinkSync('elsewhere', path);
  fileStream(path).write('line 3 xxx\n');
  expect(numbersIn(['elsewhere'])).toEqual([3]);
});

test.each(['file', 'rolling'] as const)('%s: something else at the path is refused and left', async mode => {
  mkdirSync(path);
  const handover = { journal: undefined, stderr_is_journal: false };
  await expect(openLogStream({ mode, path, handover })).rejects.toMatchObject({
    kind: 'storage',
    message: expect.stringContaining(path),
  });
  expect(readdirSync(folder)).toEqual(['rasend.log']);
});

test('the journal is refused where there is none', async () => {
  const handover = { journal: undefined, stderr_is_journal: false };
  await expect(openLogStream({ mode: 'journal', path, handover })).rejects.toMatchObject({ kind: 'config' });
});

function existsIn(name: string): boolean {
  return lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined;
}
