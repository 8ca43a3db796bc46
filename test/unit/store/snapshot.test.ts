/** Snapshots: a shortcut that is used when it fits the journal to the byte, with the generation before kept. */
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskState } from '../../../src/engine/state.ts';
import { writeDocument } from '../../../src/store/file/document.ts';
import type { FileLoaded, FileStore } from '../../../src/store/file/file-store.ts';
import { seal, unseal } from '../../../src/store/file/seal.ts';
import { completedGit, ENV } from '../../support/store-fixture.ts';
import { flipped, StoreRig } from '../../support/store-rig.ts';
import { TaskBuilder } from '../../support/task-builder.ts';

const life = completedGit();
const { id } = life.state;
/** Events up to the completion; the merge comes after the first snapshot, as in a supervisor. */
const completed = life.events.findIndex(event => event.type === 'task_completed') + 1;
let rig: StoreRig;
let store: FileStore;
let first: FileLoaded;

beforeEach(async () => {
  rig = new StoreRig();
  store = rig.open();
  store.submit(id, life.events.slice(0, completed), ENV);
  first = store.load(id)!;
  await store.snapshot(id, first);
});
afterEach(() => rig.close());

async function merge(): Promise<{ state: TaskState }> {
  await store.append(id, first.bytes, life.events.slice(completed));
  const loaded = { state: life.state };
  await store.snapshot(id, loaded);
  return loaded;
}

/** Puts another name into a snapshot, with a right seal: seen only by who uses it. */
function mark(file: string): void {
  const sealed = unseal(rig.read(id, file).subarray(0, -1)) as { crc?: string; state: TaskState };
  const state = { ...sealed.state, spec: { ...sealed.state.spec, name: 'from the snapshot' } };
  writeFileSync(rig.path(id, file), `${seal({ ...sealed, state })}\n`);
}

test('it is used when it fits the journal, and not when the journal went on', async () => {
  mark('task.json');
  expect(rig.open().load(id)!.state.spec.name).toBe('from the snapshot');
  await store.append(id, first.bytes, life.events.slice(completed));
  expect(rig.open().load(id)!.state).toEqual(life.state);
});

test('the generation before is kept, and stands in for one that cannot be read', async () => {
  const before = rig.read(id, 'task.json');
  await merge();
  expect(rig.read(id, 'task.json.prev').equals(before)).toBe(true);
  const current = rig.read(id, 'task.json');
  await store.snapshot(id, { state: life.state });
  expect(rig.read(id, 'task.json.prev').equals(current)).toBe(true);
  mark('task.json.prev');
  writeFileSync(rig.path(id, 'task.json'), flipped(current, 99));
  const again = rig.open();
  expect(again.check(id)).toEqual([expect.stringContaining('task.json is not what was written')]);
  expect(again.load(id)!.state.spec.name).toBe('from the snapshot');
  expect(again.quarantine.list()).toEqual([expect.stringContaining(`${id}.task.json.`)]);
});

test('an unreadable one does not push out the good one before it', async () => {
  await merge();
  const good = rig.read(id, 'task.json.prev');
  writeFileSync(rig.path(id, 'task.json'), 'garbage');
  store = rig.open();
  const loaded = store.load(id)!;
  await store.snapshot(id, loaded);
  expect(rig.read(id, 'task.json.prev').equals(good)).toBe(true);
  expect(rig.open().load(id)!.state).toEqual(life.state);
});

test('both unreadable: both are moved aside, and the journal decides', async () => {
  await merge();
  for (const file of ['task.json', 'task.json.prev']) writeFileSync(rig.path(id, file), '');
  store = rig.open();
  expect(store.load(id)!.state).toEqual(life.state);
  expect(store.quarantine.list()).toHaveLength(2);
  expect(readdirSync(rig.path(id, '')).filter(name => name.startsWith('task.json'))).toEqual([]);
  expect(store.damage).toEqual([]);
});

test('even the generation before shows that a journal has lost what was acknowledged', async () => {
  await merge();
  rmSync(rig.path(id, 'task.json'));
  writeFileSync(rig.path(id, 'events.jsonl'), rig.read(id, 'events.jsonl').subarray(0, first.bytes - 1));
  rig.forget();
  store = rig.open();
  expect(store.load(id)).toBeNull();
  expect(store.damage[0]!.message).toContain(`event ${completed} was acknowledged`);
});

test('one that fits in size and not in bytes does not hide a damaged journal', async () => {
  const journal = rig.read(id, 'events.jsonl');
  writeFileSync(rig.path(id, 'events.jsonl'), flipped(journal, 500));
  store = rig.open();
  expect(store.load(id)).toBeNull();
  expect(store.damage[0]).toMatchObject({
    message: expect.stringContaining('checksum'),
    moved_to: expect.any(String),
  });
});

test('one of other code is not used, not damage, and may be replaced', async () => {
  const sealed = unseal(rig.read(id, 'task.json').subarray(0, -1))!;
  for (const other of [{ state_format: 0 }, { format: 99 }]) {
    const text = `${seal({ ...sealed, ...other, state: { of: 'another shape' } })}\n`;
    writeFileSync(rig.path(id, 'task.json'), text);
    store = rig.open();
    expect(store.load(id)!.state).toEqual(first.state);
    expect(store.quarantine.list()).toEqual([]);
  }
});

test('a snapshot of anything but the end of the journal is a bug', async () => {
  await expect(store.snapshot(id, { state: { ...first.state, seq: first.state.seq - 1 } })).rejects.toThrow(
    'snapshot of',
  );
});

test('a torn end is cut before a snapshot is made of what is left', async () => {
  const running = new TaskBuilder().claimed().plan(['login']).started();
  store.submit(running.state.id, running.events, ENV);
  appendFileSync(rig.path(running.state.id, 'events.jsonl'), '{"seq":5,"t":"20');
  store = rig.open();
  const loaded = store.load(running.state.id)!;
  await store.snapshot(running.state.id, loaded);
  mark('task.json');
  expect(rig.open().load(running.state.id)).toEqual(loaded);
});

test('a document is replaced at once and private', async () => {
  const path = rig.path(id, 'other.json');
  await writeDocument(path, 'one', { keepPrevious: true });
  await writeDocument(path, 'two', { keepPrevious: true });
  expect([rig.read(id, 'other.json'), rig.read(id, 'other.json.prev')].map(String)).toEqual(['two', 'one']);
  await expect(writeDocument(rig.path(id, 'no/such'), '')).rejects.toMatchObject({ kind: 'storage' });
});
