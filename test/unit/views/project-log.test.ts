/** rasen.log on a real disk: every line once across restarts and crashes, rotation, and what people do to the file. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Event } from '../../../src/contract/event.ts';
import { nearFiles } from '../../../src/host/far-files.ts';
import { ProjectViews } from '../../../src/views/project-views.ts';
import { specOf, TaskBuilder, VIEWS } from '../../support/task-builder.ts';

const run = promisify(execFile);
const LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (?:INFO|WARNING|ERROR) - \S.*$/;

let root: string;
let project: string;
let views: ProjectViews;
let warnings: unknown[];
let reads: number;
const journals = new Map<string, Event[]>();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rasen-log-'));
  project = join(root, 'project');
  await mkdir(project);
  warnings = [];
  reads = 0;
  journals.clear();
  views = supervisor();
});
afterEach(async () => {
  await views.close();
  await rm(root, { recursive: true, force: true });
});

function supervisor(): ProjectViews {
  return new ProjectViews({
    pid: 1,
    files: nearFiles,
    log: { warn: (...args) => warnings.push(args) },
    eventsAfter: (id, after) => {
      reads++;
      return (journals.get(id) ?? []).filter(event => event.seq > after);
    },
  });
}

const newTask = (over: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
  new TaskBuilder(
    specOf({ project, gates: [], limits: { max_iterations: 10_000 }, views: { ...VIEWS, ...over }, ...more }),
  )
    .claimed()
    .plan(['a'])
    .started();

const told = new WeakMap<TaskBuilder, number>();
async function show(life: TaskBuilder): Promise<void> {
  const from = told.get(life) ?? 0;
  told.set(life, life.events.length);
  journals.set(life.state.id, [...life.events]);
  views.changed(life.state, life.events.slice(from));
  await views.flush();
}
/** One attempt that is lost: two lines at its start and one at its end. */
const attempt = (life: TaskBuilder) =>
  life.begin('a').end('a', { outcome: 'lost', sealed: null }).close('a', 'lost');

const at = (name: string) => join(project, '.rasen', name);
const log = () => readFile(at('rasen.log'), 'utf8');
const linesIn = (text: string) => text.split('\n').slice(0, -1);
const numbered = async () =>
  (await readdir(at('logs')))
    .filter(n => n.endsWith('.log'))
    .sort((a, b) => Number(a.split('.')[1]) - Number(b.split('.')[1]));
const all = async () =>
  linesIn((await Promise.all((await numbered()).map(n => readFile(at(`logs/${n}`), 'utf8')))).join(''));
const iterations = (lines: string[]) =>
  lines.flatMap(line => /Iteration (\d+)\//.exec(line)?.[1] ?? []).map(Number);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('every line has the form of the guide, and an event says the local time', async () => {
  const life = newTask();
  for (let i = 0; i < 5; i++) attempt(life);
  await show(life);
  const lines = linesIn(await log());
  for (const line of lines) expect(line).toMatch(LINE);
  const t = new Date(life.events[0]!.t);
  const two = (n: number) => String(n).padStart(2, '0');
  expect(lines[0]).toBe(
    `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())} - INFO - Task submitted: auth`,
  );
  expect(iterations(lines)).toEqual([1, 2, 3, 4, 5]);
  expect(reads).toBe(0);
});

describe('rotation', () => {
  test('by size; while the limit is not reached no line is missing and none comes twice', async () => {
    const life = newTask({ log_max_bytes: 2048, log_keep: 100 });
    for (let i = 0; i < 60; i++) await show(attempt(life));
    const names = await numbered();
    expect(names.length).toBeGreaterThan(3);
    expect(iterations(await all())).toEqual(upTo(60));
    for (const name of names.slice(0, -1)) {
      const { size } = await lstat(at(`logs/${name}`));
      expect(size).toBeGreaterThanOrEqual(2048);
      expect(size).toBeLessThan(2048 + 600);
    }
    expect(await readlink(at('rasen.log'))).toBe(`logs/${names.at(-1)}`);
    expect(warnings).toEqual([]);
  });

  test('one big batch is cut into files too', async () => {
    const life = newTask({ log_max_bytes: 2048, log_keep: 100 });
    for (let i = 0; i < 60; i++) attempt(life);
    await show(life);
    expect((await numbered()).length).toBeGreaterThan(3);
    expect(iterations(await all())).toEqual(upTo(60));
  });

  test.each([0, 2])('keeps %i closed files, the newest', async keep => {
    const life = newTask({ log_max_bytes: 1024, log_keep: keep });
    for (let i = 0; i < 80; i++) await show(attempt(life));
    await vi.waitFor(async () => expect(await numbered()).toHaveLength(keep + 1), { interval: 5 });
    const kept = iterations(await all());
    expect(kept.at(-1)).toBe(80);
    expect(kept).toEqual(upTo(80).slice(-kept.length));
    expect(await readlink(at('rasen.log'))).toBe(`logs/${(await numbered()).at(-1)}`);
  });

  test('files of an earlier supervisor count', async () => {
    const life = newTask({ log_max_bytes: 1024, log_keep: 1 });
    for (let i = 0; i < 40; i++) {
      await show(attempt(life));
      if (i % 10 === 9) {
        await views.close();
        views = supervisor();
      }
    }
    await vi.waitFor(async () => expect(await numbered()).toHaveLength(2), { interval: 5 });
    expect(iterations(await all()).at(-1)).toBe(40);
  });

  test('works in a folder whatever its name', async () => {
    project = join(root, 'a: "b"?<c>|*');
    await mkdir(project);
    const life = newTask({ log_max_bytes: 1024, log_keep: 2 });
    for (let i = 0; i < 40; i++) await show(attempt(life));
    await vi.waitFor(async () => expect(await numbered()).toHaveLength(3), { interval: 5 });
    expect(warnings).toEqual([]);
  });
});

describe('what people do to rasen.log', () => {
  test('tail -F goes on over a rotation', async () => {
    const life = newTask({ log_max_bytes: 1024, log_keep: 50 });
    await show(attempt(life));
    const tail = execFile('tail', ['-n', '+1', '-s', '0.05', '-F', at('rasen.log')]);
    let seen = '';
    tail.stdout!.on('data', (text: string) => (seen += text));
    try {
      for (let i = 2; i <= 12; i++) {
        await show(attempt(life));
        await vi.waitFor(() => expect(seen).toContain(`Iteration ${i}/`), { interval: 5, timeout: 10_000 });
      }
      expect((await numbered()).length).toBeGreaterThan(1);
    } finally {
      tail.kill();
    }
  });

  test('> empties it: the log goes on from there', async () => {
    const life = newTask();
    await show(attempt(life));
    await run('sh', ['-c', '> .rasen/rasen.log'], { cwd: project });
    await show(attempt(life));
    expect(iterations(linesIn(await log()))).toEqual([2]);
    await views.close();
    views = supervisor();
    await show(attempt(life));
    expect(iterations(linesIn(await log()))).toEqual([2, 3]);
  });

  test('mv rotates it: the old one stays as it is, the new one begins empty', async () => {
    const life = newTask();
    await show(attempt(life));
    await run('sh', ['-c', 'mv .rasen/rasen.log .rasen/rasen.log.old'], { cwd: project });
    await show(attempt(life));
    await show(attempt(life));
    expect(iterations(linesIn(await readFile(at('rasen.log.old'), 'utf8')))).toEqual([1]);
    expect(iterations(linesIn(await log()))).toEqual([2, 3]);
  });

  test('removed, with or without its files: made again at the next line', async () => {
    const life = newTask();
    await show(attempt(life));
    await rm(at('rasen.log'));
    await show(attempt(life));
    expect(iterations(linesIn(await log()))).toEqual([2]);
    await rm(at('logs'), { recursive: true });
    await show(attempt(life));
    expect(iterations(linesIn(await log()))).toEqual([3]);
    await rm(at(''), { recursive: true });
    await show(attempt(life));
    expect(iterations(linesIn(await log()))).toEqual([4]);
    expect(warnings).toEqual([]);
  });

  test('a file or a link of somebody in its place is moved aside, not lost and not written to', async () => {
    await mkdir(at(''));
    await writeFile(at('rasen.log'), 'the log of another program\n');
    const life = newTask();
    await show(life);
    expect(await readFile(at('rasen.log.old'), 'utf8')).toBe('the log of another program\n');
    expect((await lstat(at('rasen.log'))).isSymbolicLink()).toBe(true);
    await writeFile(join(root, 'precious'), 'precious');
    await run('ln', ['-sf', join(root, 'precious'), at('rasen.log')]);
    await show(attempt(life));
    expect(await readFile(join(root, 'precious'), 'utf8')).toBe('precious');
    expect(iterations(linesIn(await log()))).toEqual([1]);
  });
});

describe('exactly once', () => {
  test('over orderly restarts, with and without news', async () => {
    const life = newTask();
    for (let i = 0; i < 10; i++) {
      await show(attempt(life));
      await views.close();
      views = supervisor();
      views.changed(life.state, []);
      await views.flush();
    }
    expect(iterations(linesIn(await log()))).toEqual(upTo(10));
    expect((await log()).match(/Task submitted/g)).toHaveLength(1);
  });

  test('what happened while nobody wrote the log is made up for', async () => {
    const life = newTask();
    await show(attempt(life));
    await views.close();
    views = supervisor();
    told.set(attempt(attempt(life)), life.events.length);
    await show(attempt(life));
    expect(iterations(linesIn(await log()))).toEqual([1, 2, 3, 4]);
  });

  test.each(['between two lines', 'inside a line', 'after the last line'])(
    'a crash %s, before the cursor',
    async where => {
      const life = newTask();
      await show(attempt(life));
      await views.close();
      const cursor = await readFile(at('logs/cursor.json'));
      views = supervisor();
      for (let i = 0; i < 5; i++) attempt(life);
      await show(life);
      const whole = await log();
      await views.close();
      const cut = {
        'between two lines': whole.lastIndexOf('\n', whole.length - 2) + 1,
        'inside a line': whole.length - 30,
        'after the last line': whole.length,
      }[where]!;
      await truncate(at('logs/rasen.1.log'), cut);
      await writeFile(at('logs/cursor.json'), cursor);
      views = supervisor();
      views.changed(life.state, []);
      await views.flush();
      expect(await log()).toBe(whole);
    },
  );

  test('a crash between a rotation and the cursor', async () => {
    const life = newTask({ log_max_bytes: 1024, log_keep: 50 });
    await show(attempt(life));
    const cursor = await readFile(at('logs/cursor.json'));
    for (let i = 0; i < 20; i++) await show(attempt(life));
    const before = await all();
    await views.close();
    await writeFile(at('logs/cursor.json'), cursor);
    views = supervisor();
    views.changed(life.state, []);
    await views.flush();
    expect(await all()).toEqual(before);
  });

  test('lines that look the same in the same second are all kept', async () => {
    const life = newTask();
    await show(life);
    const cursor = await readFile(at('logs/cursor.json'));
    life.wait(-1000).add({ type: 'clock_jumped', ms: 60_000 });
    life.wait(-1000).add({ type: 'clock_jumped', ms: 60_000 });
    life.wait(-1000).add({ type: 'clock_jumped', ms: 60_000 });
    await show(life);
    await views.close();
    const whole = await log();
    expect(whole.match(/jumped/g)).toHaveLength(3);
    // Two of the three were written when it crashed.
    await truncate(at('logs/rasen.1.log'), whole.lastIndexOf('\n', whole.length - 2) + 1);
    await writeFile(at('logs/cursor.json'), cursor);
    views = supervisor();
    views.changed(life.state, []);
    await views.flush();
    expect(await log()).toBe(whole);
  });

  test('a cursor that is lost or nonsense: the text of the log decides', async () => {
    const life = newTask();
    await show(attempt(life));
    for (const text of [null, '{"version":1,', '{"version":9}', '[]']) {
      await views.close();
      if (text === null) await rm(at('logs/cursor.json'));
      else await writeFile(at('logs/cursor.json'), text);
      views = supervisor();
      await show(attempt(life));
    }
    expect(iterations(linesIn(await log()))).toEqual([1, 2, 3, 4, 5]);
  });

  test('two tasks of one project share the log, each with its own cursor', async () => {
    const one = newTask();
    const two = newTask({}, { id: '01kfz3b0000000000000000000', name: 'other' });
    for (let i = 0; i < 3; i++) {
      await show(attempt(one));
      await show(attempt(two));
      await views.close();
      views = supervisor();
    }
    expect(iterations(linesIn(await log()))).toEqual([1, 1, 2, 2, 3, 3]);
  });

  test('a journal that cannot be read does not stop the lines of other tasks', async () => {
    const one = newTask();
    const two = newTask({}, { id: '01kfz3b0000000000000000000' });
    await show(one);
    await views.close();
    views = supervisor();
    journals.delete(one.state.id);
    views.changed(attempt(one).state, []);
    await show(attempt(two));
    expect(iterations(linesIn(await log()))).toEqual([1]);
  });

  test('a kill in the middle of everything', { timeout: 400_000 }, async () => {
    const life = newTask({ log_max_bytes: 4096, log_keep: 1000 });
    for (let i = 0; i < 400; i++) attempt(life);
    journals.set(life.state.id, life.events);
    const events = join(root, 'events.json');
    const journal = join(root, 'journal');
    await writeFile(events, JSON.stringify(life.events));
    await writeFile(journal, '1');
    const child = new URL('feed.ts', import.meta.url).pathname;
    for (let bytes = 2000; bytes <= 10_000; bytes += 2000) {
      const fed = execFile(process.execPath, [child, events, journal]);
      const exit = new Promise(resolve => fed.once('exit', (_, signal) => resolve(signal)));
      await vi.waitFor(
        async () => expect((await all().catch(() => [])).join('').length).toBeGreaterThan(bytes),
        { interval: 1, timeout: 20_000 },
      );
      fed.kill('SIGKILL');
      expect(await exit).toBe('SIGKILL');
    }
    expect(iterations(await all()).length).toBeLessThan(400);
    views.changed(life.state, []);
    await views.flush();
    expect(iterations(await all())).toEqual(upTo(400));
  });
});

test('a disk that takes nothing does not disturb, and nothing is missing afterwards', async () => {
  const life = newTask();
  await show(attempt(life));
  const before = createHash('sha256')
    .update(await log())
    .digest('hex');
  await rm(at('logs'), { recursive: true });
  await writeFile(at('logs'), 'in the way');
  for (let i = 0; i < 5; i++) await show(attempt(life));
  expect(warnings).toHaveLength(1);
  await rm(at('logs'));
  await show(attempt(life));
  // The files were deleted, and the cursor with them: the log is made again from the journal.
  expect(iterations(await all())).toEqual(upTo(7));
  expect(
    createHash('sha256')
      .update((await log()).slice(0, (await log()).indexOf(' - INFO - Iteration 2') - 19))
      .digest('hex'),
  ).toBe(before);
  await appendFile(at('rasen.log'), '');
});
