/** Triggers with the real supervisor: times, policies, kills, files that are watched. Runs are counted by what they write. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from '../../src/util/ulid.ts';
import { commandSpec, Instance, until } from '../support/instance.ts';

/** More of both for a long look: RASEN_TRIGGER_KILLS=100 RASEN_TRIGGERS=20. */
const KILLS = Number(process.env.RASEN_TRIGGER_KILLS ?? 4);
const TRIGGERS = Number(process.env.RASEN_TRIGGERS ?? 3);
const PATIENCE_MS = 120_000;

let instance: Instance;
let out: string;
let project: string;

beforeEach(() => {
  instance = new Instance();
  project = join(instance.folder, 'p');
  mkdirSync(project);
  out = join(instance.folder, 'out');
});
afterEach(() => instance.close(), PATIENCE_MS);

const lines = () =>
  existsSync(out)
    ? readFileSync(out, 'utf8')
        .trim()
        .split('\n')
        .filter(line => line !== '')
    : [];
/** A run that leaves its slot behind. */
const WRITES = ['sh', '-c', `printf '%s\\n' "$RASEN_TRIGGER_SLOT" >> ${'"$0"'}`];
const writes = () => [...WRITES, out];
const every = (every_seconds: number) => ({ kind: 'every', every_seconds, from: null });

interface Receipt {
  slot: string;
  last: string;
  count: number;
  outcome: string;
  task: string | null;
  reason: string | null;
  into: string | null;
}

async function create(name: string, when: unknown, argv: string[], policy: Record<string, unknown> = {}) {
  const definition = { name, when, policy: { tz: 'UTC', ...policy }, task: commandSpec(argv, project) };
  const params = { id: ulid(), definition, env: { PATH: process.env.PATH } };
  return await instance.call<{ trigger: { id: string } }>('trigger.create', params);
}

const log = (name: string) => instance.call<Receipt[]>('trigger.log', { trigger: name, limit: 1000 });
const show = (name: string) =>
  instance.call<{
    status: string;
    reason: string;
    live: string[];
    queued: number;
    runs: { task: string }[];
    counts: Record<string, number>;
  }>('trigger.get', { trigger: name });
const rest = (name: string) =>
  until(
    `${name} rests`,
    async () => {
      const { live, queued } = await show(name);
      return live.length + queued === 0;
    },
    PATIENCE_MS,
  );

describe('exactly once', () => {
  test(
    'the supervisor is killed again and again: slots, receipts and runs are the same',
    async () => {
      await instance.start();
      const names = Array.from({ length: TRIGGERS }, (_, i) => `t${i}`);
      for (const name of names)
        await create(name, every(2), writes(), { overlap: 'parallel', catch_up: 'all', keep: 1000 });
      for (let kill = 0; kill < KILLS; kill++) {
        const before = lines().length;
        await until('some more runs', () => lines().length > before + 3, PATIENCE_MS);
        await instance.kill();
        await instance.start();
      }
      for (const name of names) await instance.call('trigger.pause', { trigger: name });
      for (const name of names) await rest(name);
      let runs = 0;
      for (const name of names) {
        const receipts = await log(name);
        expect(receipts.filter(({ count }) => count !== 1)).toEqual([]);
        expect(receipts.filter(({ outcome }) => outcome !== 'started' && outcome !== 'late')).toEqual([]);
        // Runs that begin at once have their receipts in any order.
        const times = receipts.map(({ slot }) => Date.parse(slot)).sort((a, b) => a - b);
        // Every other second since the first has its slot.
        expect(times).toEqual(times.map((_, i) => times[0]! + i * 2000));
        runs += receipts.length;
        const slots = new Set(receipts.map(({ slot }) => slot));
        expect(slots.size).toBe(receipts.length);
      }
      const counted = new Map<string, number>();
      for (const slot of lines()) counted.set(slot, (counted.get(slot) ?? 0) + 1);
      expect(lines()).toHaveLength(runs);
      expect([...counted.values()].every(n => n <= names.length)).toBe(true);
    },
    60_000 * KILLS,
  );

  test('the same request again is the same trigger, and another one with its name is refused', async () => {
    await instance.start();
    const definition = {
      name: 'one',
      when: every(3600),
      policy: { tz: 'UTC' },
      task: commandSpec(['true'], project),
    };
    const params = { id: ulid(), definition, env: {} };
    expect(await instance.call('trigger.create', params)).toMatchObject({ created: true });
    expect(await instance.call('trigger.create', params)).toMatchObject({ created: false });
    await expect(instance.call('trigger.create', { ...params, id: ulid() })).rejects.toMatchObject({
      kind: 'trigger_exists',
    });
  });

  test('a delivery that comes twice is one slot, and its body reaches the run', async () => {
    await instance.start();
    await create('hook', { kind: 'webhook' }, ['sh', '-c', 'cat "$RASEN_TRIGGER_FILE" >> "$0"', out], {
      overlap: 'queue',
    });
    const deliver = (key: string) =>
      instance.call('trigger.deliver', { trigger: 'hook', key, body: { ref: `refs/${key}` } });
    const first = await deliver('one');
    expect(first).toMatchObject({ slot: 'delivery:one', receipt: { outcome: 'started' } });
    await instance.kill();
    await instance.start();
    expect(await deliver('one')).toEqual({ ...(first as object), again: true });
    await deliver('two');
    await rest('hook');
    expect(lines().map(line => JSON.parse(line).ref)).toEqual(['refs/one', 'refs/two']);
  });
});

describe('policies', { timeout: PATIENCE_MS }, () => {
  test('skip, with the reason, and replace', async () => {
    await instance.start();
    await create('skips', every(1), ['sleep', '600']);
    await until('a slot is skipped', async () =>
      (await log('skips')).some(({ outcome }) => outcome === 'skipped'),
    );
    expect((await log('skips'))[1]).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('goes on (task '),
    });
    expect((await show('skips')).runs).toHaveLength(1);
    await instance.call('trigger.pause', { trigger: 'skips' });

    await create(
      'replaces',
      { kind: 'webhook' },
      ['sh', '-c', 'echo "$RASEN_TRIGGER_SLOT" >> "$0"; sleep 600', out],
      {
        overlap: 'replace',
      },
    );
    await instance.call('trigger.deliver', { trigger: 'replaces', key: '1' });
    await until('it runs', () => lines().length === 1);
    await instance.call('trigger.deliver', { trigger: 'replaces', key: '2' });
    await until('the next one runs', () => lines().length === 2);
    const { live, runs } = await show('replaces');
    expect(live).toEqual([runs[1]!.task]);
    expect(runs[0]).toMatchObject({ end: 'cancelled' });
    for (const task of [...live, ...(await show('skips')).live])
      await instance.call('task.cancel', { task, force: true });
  });

  test('it pauses after failures, tells so once, and goes on when a person says so', async () => {
    await instance.start();
    const told = join(instance.folder, 'told');
    const notify = {
      command: ['sh', '-c', 'cat >> "$0"; echo >> "$0"', told],
      webhook: null,
      desktop: false,
    };
    const definition = {
      name: 'red',
      when: every(1),
      policy: { tz: 'UTC', pause_after: 3 },
      task: commandSpec(['false'], project, { notify }),
    };
    await instance.call('trigger.create', { id: ulid(), definition, env: { PATH: process.env.PATH } });
    await until('it is paused', async () => (await show('red')).status === 'paused');
    expect(await show('red')).toMatchObject({ reason: '3 failures in a row' });
    // Whole lines: the last one may still be written.
    const notices = () =>
      (existsSync(told) ? readFileSync(told, 'utf8') : '')
        .split('\n')
        .slice(0, -1)
        .filter(line => line !== '')
        .map(line => JSON.parse(line));
    await until('that is told', () => notices().some(({ kind }) => kind === 'trigger'));
    // It turned red once, and that is told once.
    expect(notices().filter(({ kind }) => kind === 'failed')).toHaveLength(1);
    expect(notices().find(({ kind }) => kind === 'trigger')).toMatchObject({
      reason: 'paused: 3 failures in a row',
    });
    const paused_ms = Date.now();
    await until('a slot falls due meanwhile', () => Date.now() > paused_ms + 1100);
    await instance.call('trigger.resume', { trigger: 'red' });
    await until('it runs again', async () => (await show('red')).counts.started! > 3);
    const reasons = (await log('red')).map(({ reason }) => reason);
    expect(reasons).toContain('the trigger was paused');
    expect(notices().filter(({ kind }) => kind === 'trigger')).toHaveLength(1);
  });

  test('finished runs beyond keep are removed with their tasks; max_runs ends it', async () => {
    await instance.start();
    await create('few', every(1), writes(), { keep: 2, max_runs: 4 });
    await until('it is finished', async () => (await show('few')).status === 'finished');
    await until('the first runs are removed', async () => (await show('few')).runs.length === 2);
    expect(lines()).toHaveLength(4);
    const tasks = await instance.call<{ id: string }[]>('task.list', {});
    expect(tasks.map(({ id }) => id).sort()).toEqual((await show('few')).runs.map(({ task }) => task).sort());
    await expect(instance.call('trigger.fire', { trigger: 'few', op: 'x' })).rejects.toMatchObject({
      kind: 'trigger_state',
    });
  });

  test('times that passed while no supervisor ran: one run for all of them, late', async () => {
    await instance.start();
    const from = new Date(Date.now() - 600_000).toISOString();
    await create('late', { kind: 'every', every_seconds: 100, from }, writes(), { catch_up: 'one' });
    await create('never', { kind: 'every', every_seconds: 100, from }, writes(), { catch_up: 'none' });
    await until(
      'they were looked at',
      async () => (await log('late')).length > 0 && (await log('never')).length > 0,
    );
    const [joined, run] = await log('late');
    expect(joined).toMatchObject({ outcome: 'joined', count: 6, into: run!.slot });
    expect(run!.task).not.toBeNull();
    const missed = (await log('never')).filter(({ outcome }) => outcome === 'missed');
    expect(missed[0]!.count).toBeGreaterThanOrEqual(6);
    await rest('late');
    expect(lines().filter(slot => slot === run!.slot).length).toBeGreaterThanOrEqual(1);
  });
});

describe('watching files', { timeout: 2 * PATIENCE_MS }, () => {
  const paths = (file: string) => JSON.parse(readFileSync(file, 'utf8')).changed as string[];
  /** A run that leaves behind which files it was told of, and what is in the last one. */
  const COPY =
    'if [ -n "$RASEN_TRIGGER_FILE" ]; then cp "$RASEN_TRIGGER_FILE" "$0/$(date +%s%N)"; fi; cat src/a.ts >> "$0/seen"; echo >> "$0/seen"';
  let seen: string;

  beforeEach(async () => {
    seen = join(instance.folder, 'seen');
    mkdirSync(seen);
    mkdirSync(join(project, 'src/deep'), { recursive: true });
    writeFileSync(join(project, 'src/a.ts'), 'first');
    writeFileSync(join(project, '.gitignore'), 'ignored/\n*.tmp\n');
    await instance.start();
  });

  const last = () =>
    existsSync(join(seen, 'seen'))
      ? readFileSync(join(seen, 'seen'), 'utf8').trim().split('\n').at(-1)
      : null;
  const count = () =>
    existsSync(join(seen, 'seen')) ? readFileSync(join(seen, 'seen'), 'utf8').trim().split('\n').length : 0;
  const watching = (more: Record<string, unknown> = {}, argv = ['sh', '-c', COPY, seen]) =>
    create(
      'w',
      { kind: 'watch', patterns: ['src/**', '*.json'], ignore: [], outputs: [], debounce_ms: 50, ...more },
      argv,
      {
        overlap: 'queue',
      },
    );
  const ready = () =>
    until('it watches', async () => {
      const { watching: state } = await instance.call<{ watching: { files: number | null } | null }>(
        'trigger.get',
        { trigger: 'w' },
      );
      return state && state.files !== null;
    });
  const save = (text: string) => writeFileSync(join(project, 'src/a.ts'), text);

  test('it runs at once, and after each change, with the paths in a file', async () => {
    await watching();
    await until('the first run', () => last() === 'first');
    await ready();
    save('second');
    await until('a run for the change', () => last() === 'second');
    writeFileSync(join(project, 'src/deep/b.ts'), 'new');
    await until('a run for a new file', () => count() === 3);
    writeFileSync(join(project, 'x.json'), '{}');
    await until('a run for a base name', () => count() === 4);
    await rest('w');
    const { readdirSync } = await import('node:fs');
    const told = readdirSync(seen)
      .filter(name => name !== 'seen')
      .sort()
      .map(name => paths(join(seen, name)));
    expect(told).toEqual([['src/a.ts'], ['src/deep/b.ts'], ['x.json']]);
  });

  test('ways in which editors save: each is one run that sees the new text', async () => {
    await watching();
    await until('the first run', () => last() === 'first');
    await ready();
    const file = join(project, 'src/a.ts');
    const ways: Record<string, (text: string) => void> = {
      vim: text => {
        renameSync(file, `${file}~`);
        writeFileSync(file, text);
        rmSync(`${file}~`);
      },
      atomic: text => {
        writeFileSync(join(project, 'src/.a.ts.tmp'), text);
        renameSync(join(project, 'src/.a.ts.tmp'), file);
      },
      truncated: text => {
        writeFileSync(file, '');
        appendFileSync(file, text);
      },
      removed: text => {
        rmSync(file);
        writeFileSync(file, text);
      },
      folder: text => {
        renameSync(join(project, 'src'), join(project, 'old'));
        mkdirSync(join(project, 'src'));
        writeFileSync(file, text);
        rmSync(join(project, 'old'), { recursive: true });
      },
    };
    for (const [name, write] of Object.entries(ways)) {
      write(name);
      await until(`a run for ${name}`, () => last() === name);
      await rest('w');
    }
  });

  test('what git ignores, what it is told to ignore, and outputs start nothing', async () => {
    await watching({ patterns: ['**'], ignore: ['*.md'], outputs: ['dist/**'] });
    await until('the first run', () => count() === 1);
    await ready();
    for (const folder of ['ignored', '.git', 'dist', '.rasen']) mkdirSync(join(project, folder));
    for (const path of [
      'ignored/x',
      'src/y.tmp',
      '.git/index',
      'README.md',
      'dist/out.js',
      '.rasen/status.json',
    ])
      writeFileSync(join(project, path), 'x');
    save('told');
    await until('a run for what counts', () => last() === 'told');
    await rest('w');
    expect(count()).toBe(2);
  });

  test('a change while watcher and supervisor are dead is found', async () => {
    await watching();
    await until('the first run', () => last() === 'first');
    await ready();
    await rest('w');
    const { watching: state } = await instance.call<{ watching: { pid: number } }>('trigger.get', {
      trigger: 'w',
    });
    process.kill(state.pid, 'SIGKILL');
    save('meanwhile');
    await until('a run by the next watcher', () => last() === 'meanwhile');
    await ready();
    await instance.kill();
    save('while nobody ran');
    await instance.start();
    await until('a run by the next supervisor', () => last() === 'while nobody ran');
    await rest('w');
    // And not again without a change.
    await instance.kill('SIGTERM');
    await instance.start();
    await ready();
    save('at the end');
    await until('the last run', () => last() === 'at the end');
    expect(count()).toBe(4);
  });

  test('changes during a run are one more run at its end', async () => {
    await watching({}, [
      'sh',
      '-c',
      'cat src/a.ts >> "$0/seen"; echo >> "$0/seen"; while [ ! -e "$0/go" ]; do sleep 0.02; done',
      seen,
    ]);
    await until('it runs', () => last() === 'first');
    await ready();
    save('2');
    await until('a slot waits', async () => (await show('w')).queued === 1);
    save('3');
    await until('another joins it', async () => (await log('w')).some(({ outcome }) => outcome === 'joined'));
    writeFileSync(join(seen, 'go'), '');
    await until('one more run', () => last() === '3');
    await rest('w');
    expect(count()).toBe(2);
  });

  test('runs that start each other are stopped, with the reason', async () => {
    await watching({}, ['sh', '-c', 'echo x >> src/a.ts; echo >> "$0/seen"', seen]);
    await until('it pauses', async () => (await show('w')).status === 'paused');
    expect(await show('w')).toMatchObject({
      reason: '3 runs in a row were started by changes that were made during the run before: src/a.ts',
    });
    await rest('w');
  });
});
