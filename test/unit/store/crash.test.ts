/**
 * Power and processes that end at every step: a task is there entirely or not at all, and nothing that was said to be
 * durable is missing. With strace the kill, or the error, hits a chosen call to the system; without, a chosen moment.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileStore } from '../../../src/store/file/file-store.ts';
import { LONG } from '../../support/long.ts';
import { ENV, failedPipeline, OUTPUT } from '../../support/store-fixture.ts';

const CHILD = join(import.meta.dirname, '../../support/store-child.ts');
const STRACE = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true']).status === 0;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rasen-crash-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const open = () => new FileStore({ home, tasks: join(home, 'tasks'), quarantine: join(home, 'quarantine') });

/** What the child said was durable must be there; whatever else is there must be whole. */
function expectWhole(said: string, what = ''): number {
  const store = open();
  const acknowledged = new Map<string, number>();
  const lines = said.split('\n').slice(0, -1);
  for (const line of lines.filter(line => line !== 'end' && !line.startsWith('refused'))) {
    const [id = '', seq = '1'] = line.split(' ');
    acknowledged.set(id, Number(seq));
  }
  const ids = store.list();
  for (const id of acknowledged.keys()) expect(ids).toContain(id);
  for (const id of ids) {
    const loaded = store.load(id);
    expect(loaded, store.damage[0]?.message).not.toBeNull();
    expect(loaded!.state.seq).toBeGreaterThanOrEqual(Math.max(3, acknowledged.get(id) ?? 0));
    expect(store.events(id)).toHaveLength(loaded!.state.seq);
    expect(store.check(id)).toEqual([]);
    expect(store.env(id)).toEqual(ENV);
    if (what !== 'pack') continue;
    const held = store.hold(id);
    const output = join(held.tasks, id, 'attempts/login/1/output');
    // Before it was said that the task is there, its attempt may not have been.
    if (acknowledged.has(id)) expect(readFileSync(output, 'utf8')).toBe(OUTPUT);
    held.release();
  }
  expect(readdirSync(store.tasks).filter(name => name.startsWith('.'))).toEqual([]);
  // Every task has its key, and no key or head is of a task that never was.
  for (const id of ids) expect(store.keys.get(id)).toBe(id);
  store.recall();
  expect(store.damage).toEqual([]);
  return ids.length - acknowledged.size;
}

/** The next run begins with nothing. */
function forget(): void {
  for (const name of ['tasks', 'keys', 'heads']) rmSync(join(home, name), { recursive: true, force: true });
}

const ended = (child: ChildProcess) => new Promise<void>(resolve => child.once('close', () => resolve()));

test.each(['submit', 'append', 'snapshot'])('killed at random while it does %s', async what => {
  let unsaid = 0;
  const kills = 8;
  for (let i = 0; i < kills; i++) {
    const child = spawn(process.execPath, [CHILD, home, what, '100000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const over = ended(child);
    let said = '';
    child.stdout.setEncoding('utf8');
    // After the first word, a few turns of the child later or earlier each time.
    child.stdout.on('data', text => {
      said += text;
      setTimeout(() => child.kill('SIGKILL'), i * 1.7);
    });
    await over;
    expect(child.signalCode).toBe('SIGKILL');
    unsaid += expectWhole(said);
    forget();
  }
  console.log(
    `${kills} kills during ${what}: ${unsaid} tasks whole that nobody was told of, 0 lost, 0 in part`,
  );
});

const works = ['submit', 'append', 'snapshot', 'pack'];

/** Calls by what they do; the names differ between machines, and `?` passes over those that one does not have. */
const CALLS = {
  mkdir: '?mkdir,?mkdirat',
  write: 'pwrite64',
  sync: 'fsync,fdatasync',
  rename: '?rename,?renameat,?renameat2',
};
type Call = keyof typeof CALLS;
/** More calls of a kind than any of the runs has. */
const MANY = 60;
/** From one call that is tried to the next, each kind of work beginning at another. All but syncs are few. */
const strideOf = (call: Call) => (LONG || call !== 'sync' ? 1 : 3);
const firstOf = (work: string, call: Call) => 1 + (works.indexOf(work) % strideOf(call));

/** Runs the child with a fault in its n-th call of a kind. */
function inject(what: string, call: Call, fault: string, when: number): string {
  const names = CALLS[call];
  const rule = ['-e', `trace=${names}`, '-e', `inject=${names}:${fault}:when=${when}`];
  // Faster, but it cannot kill.
  const quick = fault.startsWith('error') ? ['--seccomp-bpf'] : [];
  const child = [process.execPath, CHILD, home, what, '1'];
  const args = ['-f', ...quick, '-o', join(home, 'trace'), ...rule, ...child];
  // One thread beside the first: calls are counted by thread.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  return spawnSync('strace', args, { encoding: 'utf8', env }).stdout;
}

/** Each is dozens of processes under strace. */
const SWEEP_MS = 240_000;

test.skipIf(!STRACE).each(works)(
  'killed in the calls of %s to the system (skipped without strace)',
  work => {
    const counts: Partial<Record<Call, number>> = {};
    for (const call of Object.keys(CALLS) as Call[]) {
      for (let when = firstOf(work, call); when < MANY; when += strideOf(call)) {
        const said = inject(work, call, 'signal=KILL', when);
        if (said.endsWith('end\n')) break;
        expectWhole(said, work);
        counts[call] = when;
        forget();
      }
      forget();
    }
    console.log(`${work}, killed in its n-th call:`, JSON.stringify(counts));
    expect(counts.sync).toBeGreaterThan(7);
    expect(counts.sync).toBeLessThan(MANY - 1);
    expect(counts.rename).toBeGreaterThan(0);
  },
  SWEEP_MS,
);

test.skipIf(!STRACE).each(works)(
  'refused in the calls of %s: it says so, and again it works (skipped without strace)',
  work => {
    const counts: Partial<Record<Call, number>> = {};
    for (const call of ['write', 'sync', 'rename'] as const) {
      for (let when = firstOf(work, call); when < MANY; when += strideOf(call)) {
        // The folder is there already, so that the first calls are not those of the start.
        open();
        const said = inject(work, call, `error=${call === 'write' ? 'ENOSPC' : 'EIO'}`, when);
        const started = said !== '';
        if (started) {
          expect(said.endsWith('end\n')).toBe(true);
          // Nobody was told of a task that is there, and everything that was said is.
          expect(expectWhole(said, work)).toBe(0);
        }
        forget();
        rmSync(join(home, 'quarantine'), { recursive: true, force: true });
        if (started && !said.includes('refused')) break;
        counts[call] = when;
      }
    }
    console.log(`${work}, refused in its n-th call:`, JSON.stringify(counts));
    expect(counts.sync).toBeGreaterThan(7);
    expect(counts.write).toBeGreaterThan(3);
    expect(counts.rename).toBeGreaterThan(0);
  },
  SWEEP_MS,
);

test('what an unfinished submit or removal left is removed at start, whatever it is', () => {
  const store = open();
  const { events, state } = failedPipeline();
  store.submit(state.id, events, ENV);
  const leftovers: ((path: string) => void)[] = [
    path => mkdirSync(path),
    path => writeFileSync(path, ''),
    path => {
      mkdirSync(join(path, 'attempts/build/1'), { recursive: true });
      writeFileSync(join(path, 'env.json'), '{"env":');
      writeFileSync(join(path, 'events.jsonl'), '{"v":1,"ty');
    },
  ];
  for (const [i, make] of leftovers.entries()) make(join(store.tasks, `.new-${i}`));
  expect(store.list()).toEqual([state.id]);
  expect(open().list()).toEqual([state.id]);
  expect(readdirSync(store.tasks)).toEqual([state.id]);
  expect(existsSync(join(home, 'quarantine'))).toBe(false);
  expect(open().load(state.id)?.state).toEqual(state);
});
