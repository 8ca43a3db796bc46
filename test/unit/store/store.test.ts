/** The store's operations: submit, list, events, env, remove. */
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assess } from '../../../src/store/file/damage.ts';
import { FileStore } from '../../../src/store/file/file-store.ts';
import { ulid } from '../../../src/util/ulid.ts';
import { ENV, failedPipeline, waitingForLimit, writeLife } from '../../support/store-fixture.ts';
import { StoreRig } from '../../support/store-rig.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

let rig: StoreRig;
beforeEach(() => {
  rig = new StoreRig();
});
afterEach(() => rig.close());

test('a task is there, whole and private, when submit returns', () => {
  const store = rig.open();
  const { events, state } = waitingForLimit();
  const { id } = state;
  expect(store.has(id)).toBe(false);
  const loaded = store.submit(id, events, ENV);
  expect(loaded.state).toEqual(state);
  expect(store.has(id)).toBe(true);
  expect(rig.open().load(id)).toEqual(loaded);
  expect(rig.open().events(id)).toEqual(events);
  expect(rig.open().events(id, 5)).toEqual(events.slice(5));
  expect(rig.open().env(id)).toEqual(ENV);
  expect(readdirSync(rig.path(id, '')).sort()).toEqual([
    'env.json',
    'events.jsonl',
    'plan.1.json',
    'spec.json',
  ]);
  expect(statSync(rig.path(id, '')).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(rig.path(id, '')))
    expect(statSync(rig.path(id, name)).mode & 0o777).toBe(0o600);
});

test('an id that is there already is refused and not touched', () => {
  const store = rig.open();
  const { events, state } = waitingForLimit();
  store.submit(state.id, events, ENV);
  const before = rig.read(state.id, 'events.jsonl');
  expect(() => store.submit(state.id, events.slice(0, 2), {})).toThrow('is there already');
  expect(rig.read(state.id, 'events.jsonl').equals(before)).toBe(true);
  expect(readdirSync(store.tasks)).toEqual([state.id]);
});

test('events that make no sense are refused before anything is written', () => {
  const store = rig.open();
  const { events, state } = waitingForLimit();
  expect(() => store.submit(state.id, events.slice(1), ENV)).toThrow('first event');
  expect(readdirSync(store.tasks)).toEqual([]);
});

test('tasks are listed oldest first, and hidden names are no tasks', () => {
  const store = rig.open();
  const ids = [3, 1, 2].map(ms => ulid(Date.parse('2026-01-01') + ms));
  for (const id of ids) {
    const { events } = new TaskBuilder(specOf({ id })).claimed();
    store.submit(id, events, {});
  }
  mkdirSync(join(store.tasks, '.hidden'));
  expect(store.list()).toEqual([...ids].sort());
  expect(rig.open().list()).toEqual([ids[1], ids[2], ids[0]]);
});

test('a removed task is gone at once, with its attempts, and its id may be used again', async () => {
  const store = rig.open();
  const life = failedPipeline();
  const { id } = life.state;
  await writeLife(store, life);
  const other = waitingForLimit();
  await writeLife(store, other);
  mkdirSync(rig.path(id, 'attempts/build/1'), { recursive: true });
  writeFileSync(rig.path(id, 'attempts/build/1/output'), 'text');
  store.remove(id);
  expect(readdirSync(store.tasks)).toEqual([other.state.id]);
  expect(store.has(id)).toBe(false);
  expect(() => store.events(id)).toThrow('cannot be read');
  expect(() => store.remove(id)).toThrow(expect.objectContaining({ kind: 'storage' }));
  await writeLife(store, life);
  expect(rig.open().load(id)?.state).toEqual(life.state);
});

test('a removal that was cut short is finished at the next start', async () => {
  const store = rig.open();
  await writeLife(store, failedPipeline());
  mkdirSync(join(store.tasks, '.new-gone-x/attempts'), { recursive: true });
  writeFileSync(join(store.tasks, '.new-gone-x/attempts/output'), '');
  expect(rig.open().list()).toHaveLength(1);
  expect(readdirSync(store.tasks)).toHaveLength(1);
});

test('a home that cannot be made is said to be so', () => {
  const file = join(rig.folder, 'file');
  writeFileSync(file, '');
  const paths = {
    home: join(file, 'home'),
    tasks: join(file, 'home/tasks'),
    quarantine: join(file, 'home/q'),
  };
  expect(() => new FileStore(paths)).toThrow(expect.objectContaining({ kind: 'storage' }));
});

test.skipIf(process.getuid?.() === 0)(
  'a folder above home that is closed to us is no obstacle (skipped for root)',
  () => {
    mkdirSync(rig.paths.home);
    chmodSync(rig.folder, 0o300);
    expect(rig.open().list()).toEqual([]);
    chmodSync(rig.folder, 0o700);
  },
);

test('a start that is short of descriptors leaves sound tasks where they are', () => {
  const short = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  const moved = () => {
    throw new Error('must not be moved');
  };
  expect(assess('t', short, moved)).toMatchObject({ task: 't', moved_to: null, message: short.message });
  expect(assess('t', new Error('x', { cause: short }), moved)).toMatchObject({ moved_to: null });
});
