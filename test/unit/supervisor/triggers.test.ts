/** Triggers against a store on the disk and tasks that are only names: deliveries, holds, tasks that cannot be used. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RasenError } from '../../../src/contract/errors.ts';
import type { When } from '../../../src/contract/trigger.ts';
import { TriggerStore } from '../../../src/store/file/trigger-store.ts';
import { Triggers, type TriggersOptions } from '../../../src/supervisor/triggers/triggers.ts';
import type { RunEnd } from '../../../src/triggers/event.ts';
import { ulid } from '../../../src/util/ulid.ts';
import { aDefinition } from '../../support/trigger-builder.ts';

const WATCH: When = { kind: 'watch', patterns: ['**'], ignore: [], outputs: [], debounce_ms: 10 };

/** A watcher in miniature begins so: it takes its order, and says that from now on it tells of each change. */
const READY = `read order; echo '{"ready":{"files":1}}'`;

let home: string;
let triggers: Triggers;
/** Tasks that were submitted, and how they ended. */
let tasks: Map<string, RunEnd | null>;
let bodies: unknown[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rasen-triggers-'));
  tasks = new Map();
  bodies = [];
});
afterEach(async () => {
  await triggers.close();
  rmSync(home, { recursive: true, force: true });
});

function open(options: Partial<TriggersOptions> = {}): void {
  triggers = new Triggers({
    store: new TriggerStore({ home, quarantine: join(home, 'quarantine') }),
    log: pino({ level: 'silent' }),
    watch_program: ['false'],
    hold: () => null,
    endOf: task => tasks.get(task) ?? null,
    taskOf: () => null,
    submit: async ({ id }, { RASEN_TRIGGER_FILE }) => {
      tasks.set(id, null);
      if (RASEN_TRIGGER_FILE) bodies.push(JSON.parse(readFileSync(RASEN_TRIGGER_FILE, 'utf8')));
    },
    cancel: async () => {},
    remove: async () => null,
    tell: async () => ({ ok: true, detail: null }),
    ...options,
  });
  triggers.start();
}

const create = (when: When, policy: Record<string, unknown>) =>
  triggers.create(ulid(), aDefinition(when, policy), {});
const deliver = (key: string) => triggers.deliver('test', key, { key }, AbortSignal.timeout(60_000));
const end = (how: RunEnd) => {
  for (const [task, was] of tasks)
    if (was === null) {
      tasks.set(task, how);
      triggers.taskChanged(task);
    }
};

test('replace: of deliveries that come while the run is being cancelled, the last one runs, with its body', async () => {
  open();
  create({ kind: 'webhook' }, { overlap: 'replace' });
  await deliver('1');
  for (const key of ['2', '3', '4']) await deliver(key);
  expect(triggers.get('test').queue).toMatchObject([{ slot: 'delivery:4' }]);
  end('cancelled');
  await vi.waitFor(() => expect(bodies).toEqual([{ key: '1' }, { key: '4' }]), 10_000);
  for (const [key, into] of [
    ['2', 'delivery:3'],
    ['3', 'delivery:4'],
  ] as const)
    expect(await deliver(key)).toMatchObject({ receipt: { outcome: 'joined', into } });
});

test('the first run starts when the files are watched, and once: not again when the watcher starts again', async () => {
  const go = join(home, 'go');
  const waits = `while [ ! -e ${go} ]; do sleep 0.01; done`;
  const watched: (number | null)[] = [];
  open({
    watch_program: ['sh', '-c', `${waits}; ${READY}; read end`],
    submit: async ({ id }) => {
      tasks.set(id, null);
      watched.push(triggers.watching(triggers.get('test').id)!.files);
    },
  });
  create(WATCH, { overlap: 'queue' });
  const pid = await vi.waitFor(() => triggers.watching(triggers.get('test').id)!.pid!, 10_000);
  writeFileSync(go, '');
  await vi.waitFor(() => expect(watched).toEqual([1]), 10_000);
  end('completed');
  process.kill(pid, 'SIGKILL');
  const again = () => triggers.watching(triggers.get('test').id)!;
  await vi.waitFor(() => expect([again().pid === pid, again().files]).toEqual([false, 1]), 10_000);
  await vi.waitFor(() => expect(triggers.get('test').runs[0]?.end).toBe('completed'), 10_000);
  expect(watched).toEqual([1]);
});

test('replace: files that were changed while the run is being cancelled all reach the next one', async () => {
  // Tells of a change, and of the next one when it is acknowledged.
  const says = (id: number, path: string) =>
    `echo '${JSON.stringify({ changed: { id, paths: [path], first_ms: 0, last_ms: 0 } })}'; read ack`;
  const goes_on = join(home, 'goes-on');
  const waits = `while [ ! -e ${goes_on} ]; do sleep 0.01; done`;
  const script = [READY, waits, says(1, 'a'), says(2, 'b'), says(3, 'c'), 'read end'].join('; ');
  open({ watch_program: ['sh', '-c', script] });
  create(WATCH, { overlap: 'replace' });
  await vi.waitFor(() => expect(tasks.size).toBe(1), 10_000);
  writeFileSync(goes_on, '');
  await vi.waitFor(() => expect(triggers.get('test').counts.joined).toBe(2), 10_000);
  end('cancelled');
  await vi.waitFor(() => expect(bodies).toEqual([{ changed: ['a', 'b', 'c'], count: 3 }]), 10_000);
});

test('replace: the run that is cancelled has not dealt with its files, which reach the one in its place', async () => {
  const says = (id: number, path: string) =>
    `echo '${JSON.stringify({ changed: { id, paths: [path], first_ms: 0, last_ms: 0 } })}'; read ack`;
  const at = (path: string) => join(home, path);
  const waits = (path: string) => `while [ ! -e ${at(path)} ]; do sleep 0.01; done`;
  const script = [READY, waits('a'), says(1, 'a'), waits('b'), says(2, 'b'), 'read end'].join('; ');
  open({ watch_program: ['sh', '-c', script] });
  create(WATCH, { overlap: 'replace' });
  for (const [runs, path] of [
    [1, 'a'],
    [2, 'b'],
  ] as const) {
    await vi.waitFor(() => expect(tasks.size).toBe(runs), 10_000);
    writeFileSync(at(path), '');
    await vi.waitFor(() => expect(triggers.get('test').queue).toHaveLength(1), 10_000);
    end('cancelled');
  }
  await vi.waitFor(
    () =>
      expect(bodies).toEqual([
        { changed: ['a'], count: 1 },
        { changed: ['a', 'b'], count: 2 },
      ]),
    10_000,
  );
});

test('deliveries that are skipped in a row are found again each, and are no new ones', async () => {
  open();
  create({ kind: 'webhook' }, { overlap: 'skip' });
  await deliver('1');
  for (const key of ['2', '3', '4']) await deliver(key);
  for (const key of ['2', '3', '4'])
    expect(await deliver(key)).toMatchObject({
      receipt: { slot: `delivery:${key}`, outcome: 'skipped', count: 1 },
    });
  expect(triggers.get('test').counts).toMatchObject({ started: 1, skipped: 3 });
});

test('a slot whose task is damaged has its receipt with the reason, and the next one runs', async () => {
  let damaged = true;
  let looks = 0;
  open({
    // As the registry says it of a task that was there before a crash and cannot be read since.
    taskOf: () => {
      looks++;
      if (damaged) throw new RasenError('damaged', 'task x is damaged: a line of its journal is torn');
      return null;
    },
    endOf: task => (tasks.has(task) ? tasks.get(task)! : 'gone'),
  });
  create({ kind: 'webhook' }, { overlap: 'queue' });
  expect(await deliver('1')).toMatchObject({
    receipt: { outcome: 'started', reason: 'task x is damaged: a line of its journal is torn' },
  });
  expect(looks).toBe(1);
  damaged = false;
  expect(await deliver('2')).toMatchObject({ receipt: { outcome: 'started', reason: null } });
  expect(bodies).toEqual([{ key: '2' }]);
});

describe.each([
  ['the supervisor ends', () => triggers.close()],
  ['the trigger is edited', () => triggers.edit('test', aDefinition(WATCH, { keep: 1 }), null)],
])('%s', (_, ends) => {
  test('what was acknowledged to the watcher is written down', async () => {
    const acks = join(home, 'acks');
    const said = JSON.stringify({ changed: { id: 1, paths: ['a'], first_ms: 0, last_ms: 0 } });
    const script = `[ -e "$0" ] && exec cat; ${READY}; echo '${said}'; read ack; sleep 0.3; echo "$ack" > "$0"`;
    open({ watch_program: ['sh', '-c', script, acks] });
    create(WATCH, {});
    await vi.waitFor(() => expect(triggers.get('test').counts.skipped).toBe(1), 10_000);
    expect(existsSync(acks)).toBe(false);
    await ends();
    expect(readFileSync(acks, 'utf8')).toBe('{"ack":1}\n');
  });
});
