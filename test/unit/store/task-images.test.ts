/**
 * Every state file of a task, wrong in every place, as a start of the supervisor meets it: a clear error each, nothing
 * lost, nothing silently taken for something else, and the other task always there.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRasenError } from '../../../src/contract/errors.ts';
import type { FileStore } from '../../../src/store/file/file-store.ts';
import { encodeJournalLine } from '../../../src/store/file/journal.ts';
import { unseal } from '../../../src/store/file/seal.ts';
import { ENV, failedPipeline, waitingForLimit, writeLife } from '../../support/store-fixture.ts';
import { flipped, StoreRig, Tally } from '../../support/store-rig.ts';
import type { TaskBuilder } from '../../support/task-builder.ts';

let rig: StoreRig;
let other: string;

beforeEach(async () => {
  rig = new StoreRig();
  const neighbour = waitingForLimit();
  other = neighbour.state.id;
  await writeLife(rig.open(), neighbour);
});
afterEach(() => rig.close());

/** A task without snapshot, as one is that still lives. */
async function live(): Promise<TaskBuilder> {
  const life = failedPipeline();
  const store = rig.open();
  const { bytes } = store.submit(life.state.id, life.events.slice(0, 3), ENV);
  await store.append(life.state.id, bytes, life.events.slice(3));
  return life;
}

async function finished(): Promise<TaskBuilder> {
  const life = failedPipeline();
  await writeLife(rig.open(), life);
  return life;
}

/** The task was moved aside whole, with the very bytes, and is named; the neighbour is as ever. */
function expectAside(store: FileStore, id: string, file: string, bytes: Buffer): void {
  expect(store.damage).toHaveLength(1);
  const [damage] = store.damage;
  expect(damage).toMatchObject({ task: id, moved_to: expect.stringContaining(rig.paths.quarantine) });
  expect(readFileSync(join(damage!.moved_to!, file)).equals(bytes)).toBe(true);
  expect(existsSync(join(rig.paths.tasks, id))).toBe(false);
  expect(store.list()).toEqual([other]);
}

function expectNeighbour(store: FileStore): void {
  expect(store.load(other)?.state.status.name).toBe('waiting');
}

test('the journal of a live task, cut at any byte: damage, since it is known how far it went', async () => {
  const { state } = await live();
  const place = rig.template(state.id);
  const journal = rig.read(state.id, 'events.jsonl');
  const tally = new Tally();
  for (let size = 0; size < journal.length; size++) {
    const image = journal.subarray(0, size);
    place('events.jsonl', image);
    const store = rig.open();
    expect(store.load(state.id)).toBeNull();
    expectAside(store, state.id, 'events.jsonl', image);
    tally.add(journal[size - 1] === 10 ? 'moved aside, cut at the end of a line' : 'moved aside');
  }
  tally.print('live task, journal truncated at every byte');
}, 120_000);

test('the same where a power cut took that: it goes on from before, and what was cut is kept', async () => {
  const { events, state } = await live();
  const place = rig.template(state.id);
  const journal = rig.read(state.id, 'events.jsonl');
  const tally = new Tally();
  const first = journal.indexOf(10) + 1;
  for (let size = 0; size < journal.length; size++) {
    const image = journal.subarray(0, size);
    place('events.jsonl', image);
    rig.forget();
    const store = rig.open();
    const loaded = store.load(state.id);
    if (size < first) {
      expect(loaded).toBeNull();
      expectAside(store, state.id, 'events.jsonl', image);
      tally.add('moved aside (no event is left)');
      continue;
    }
    const end = image.lastIndexOf(10) + 1;
    expect(loaded).toMatchObject({
      bytes: end,
      state: { seq: image.subarray(0, end).filter(b => b === 10).length },
    });
    expect(rig.read(state.id, 'events.jsonl').equals(image.subarray(0, end))).toBe(true);
    const kept = store.quarantine.list();
    expect(kept).toHaveLength(end === size ? 0 : 1);
    if (kept[0])
      expect(readFileSync(join(rig.paths.quarantine, kept[0])).equals(image.subarray(end))).toBe(true);
    tally.add(end === size ? 'at the end of a line' : 'cut and kept');
    if (size % 97 > 0) continue;
    const missing = events.slice(loaded!.state.seq);
    await store.append(state.id, loaded!.bytes, missing);
    expect(rig.open().load(state.id)?.state).toEqual(state);
  }
  expectNeighbour(rig.open());
  tally.print('live task, journal truncated at every byte, its head lost');
}, 120_000);

test('the journal of a finished task, cut at any byte: the snapshot shows what is gone', async () => {
  const { state } = await finished();
  const place = rig.template(state.id);
  const journal = rig.read(state.id, 'events.jsonl');
  const tally = new Tally();
  for (let size = 0; size < journal.length; size += 3) {
    const image = journal.subarray(0, size);
    place('events.jsonl', image);
    const store = rig.open();
    expect(store.load(state.id)).toBeNull();
    expectAside(store, state.id, 'events.jsonl', image);
    tally.add('moved aside');
  }
  tally.print('finished task, journal truncated at every third byte');
}, 120_000);

test.each(['live', 'finished'])(
  'any byte of the journal, spec and plan of a %s task changed',
  async kind => {
    const { state } = kind === 'live' ? await live() : await finished();
    const place = rig.template(state.id);
    const files = ['events.jsonl', 'spec.json', 'plan.1.json'];
    for (const { file, sound } of files.map(file => ({ file, sound: rig.read(state.id, file) }))) {
      const tally = new Tally();
      for (let at = 0; at < sound.length; at++) {
        const image = flipped(sound, at, at % 2 ? 0xff : 0x01);
        place(file, image);
        const store = rig.open();
        const loaded = store.load(state.id);
        if (kind === 'finished' && file !== 'events.jsonl') {
          // The snapshot has them; nothing is taken from the file, and whoever needs it is told.
          expect(loaded?.state).toEqual(state);
          expect(() => store.events(state.id)).toThrow(`${file} is not what the journal says`);
          if (at % 20 === 0) expect(store.check(state.id).join()).toContain(file);
          expect(rig.read(state.id, file).equals(image)).toBe(true);
          tally.add('refused');
          continue;
        }
        expect(loaded).toBeNull();
        expectAside(store, state.id, file, image);
        expect(store.damage[0]!.message).toContain(file);
        tally.add('moved aside');
      }
      tally.print(`${kind} task, ${file} flipped at every byte`);
      expect(tally.images).toBe(sound.length);
    }
    expectNeighbour(rig.open());
  },
  400_000,
);

test.each(['spec.json', 'plan.1.json'])(
  '%s of a live task cut short, emptied or gone: moved aside',
  async file => {
    const { state } = await live();
    const place = rig.template(state.id);
    const sound = rig.read(state.id, file);
    const tally = new Tally();
    for (let size = 0; size < sound.length; size++) {
      const image = sound.subarray(0, size);
      place(file, image);
      const store = rig.open();
      expect(store.load(state.id)).toBeNull();
      expectAside(store, state.id, file, image);
      tally.add('moved aside');
    }
    place(file, sound);
    rmSync(rig.path(state.id, file));
    const store = rig.open();
    expect(store.load(state.id)).toBeNull();
    expect(store.damage[0]!.message).toContain(`${file} cannot be read`);
    tally.print(`live task, ${file} truncated at every byte`);
  },
  400_000,
);

test('a snapshot cut or changed at any byte: moved aside, and the journal tells the same', async () => {
  const { state } = await finished();
  const place = rig.template(state.id);
  const sound = rig.read(state.id, 'task.json');
  const places = [...sound.keys()];
  for (const at of places) {
    for (const mask of [0xff, 0x01, 0x20]) {
      // The line end is not sealed; that it is one is asked for when the file is read.
      expect(unseal(flipped(sound, at, mask).subarray(0, -1)) === null).toBe(at < sound.length - 1);
    }
  }
  const some = places.filter(at => at % 5 === 0 || at > sound.length - 40);
  const images = [
    ...some.map(size => sound.subarray(0, size)),
    ...some.map(at => flipped(sound, at, at % 2 ? 0xff : 0x01)),
  ];
  const tally = new Tally();
  const expected = JSON.stringify(state);
  for (const image of images) {
    place('task.json', image);
    const store = rig.open();
    const loaded = store.load(state.id);
    expect(JSON.stringify(loaded!.state)).toBe(expected);
    expect(store.damage).toEqual([]);
    const [kept] = store.quarantine.list();
    expect(kept).toContain(`${state.id}.task.json.`);
    expect(readFileSync(join(rig.paths.quarantine, kept!)).equals(image)).toBe(true);
    tally.add('moved aside, state the same');
  }
  tally.print('snapshot truncated and flipped at every fifth byte and near its end');
}, 120_000);

test('env.json cut or changed at any byte: refused where it is needed, and never overwritten', async () => {
  const { state } = await live();
  const place = rig.template(state.id);
  const sound = rig.read(state.id, 'env.json');
  const tally = new Tally();
  const images = [
    ...[...sound.keys()].map(size => sound.subarray(0, size)),
    ...[...sound.keys()].flatMap(at => [0xff, 0x01, 0x20, sound[at]!].map(mask => flipped(sound, at, mask))),
  ];
  for (const image of images) {
    place('env.json', image);
    const store = rig.open();
    expect(store.load(state.id)?.state).toEqual(state);
    expect(() => store.env(state.id)).toThrow('env.json is not what was written');
    expect(store.check(state.id)).toEqual([expect.stringContaining('env.json')]);
    expect(rig.read(state.id, 'env.json').equals(image)).toBe(true);
    tally.add('refused');
  }
  place('env.json', sound);
  expect(rig.open().env(state.id)).toEqual(ENV);
  rmSync(rig.path(state.id, 'env.json'));
  expect(() => rig.open().env(state.id)).toThrow('env.json cannot be read');
  tally.print('env.json truncated and flipped (4 masks) at every byte');
});

const shapes: Record<string, (path: string) => void> = {
  emptied: path => truncateSync(path),
  missing: path => rmSync(path),
  'a directory': path => {
    rmSync(path);
    mkdirSync(path);
  },
  'the journal of another task': path => writeFileSync(path, rig.read(other, 'events.jsonl')),
  'a FIFO that nobody writes': path => {
    rmSync(path);
    execFileSync('mkfifo', [path]);
  },
  'only zeros': path => writeFileSync(path, Buffer.alloc(4096)),
  'one huge line': path => writeFileSync(path, Buffer.alloc(8 * 1024 * 1024, 'x')),
  'not a journal': path => writeFileSync(path, '{"version":1}\n'),
};

test.each(Object.entries(shapes))(
  'a journal that is %s: moved aside, named, and the rest goes on',
  async (_, spoil) => {
    const { state } = await live();
    spoil(rig.path(state.id, 'events.jsonl'));
    const store = rig.open();
    const ids = store.list();
    expect(ids).toContain(state.id);
    expect(ids.flatMap(id => store.load(id)?.state.id ?? [])).toEqual([other]);
    expect(store.damage).toMatchObject([{ task: state.id, moved_to: expect.any(String) }]);
    expect(readdirSync(store.damage[0]!.moved_to!)).toContain('spec.json');
    expect(store.damage[0]!.hint).toContain(store.damage[0]!.moved_to);
    expect(rig.open().list()).toEqual([other]);
  },
);

test.skipIf(process.getuid?.() === 0)(
  'a journal that may not be read: moved aside (skipped for root)',
  async () => {
    const { state } = await live();
    chmodSync(rig.path(state.id, 'events.jsonl'), 0);
    const store = rig.open();
    expect(store.load(state.id)).toBeNull();
    expect(store.damage[0]).toMatchObject({
      message: expect.stringContaining('EACCES'),
      moved_to: expect.any(String),
    });
  },
);

test('a task folder under another name is not that task a second time', async () => {
  const { state } = await live();
  const copy = `${state.id.slice(0, -1)}9`;
  cpSync(join(rig.paths.tasks, state.id), join(rig.paths.tasks, copy), { recursive: true });
  const store = rig.open();
  expect(store.load(copy)).toBeNull();
  expect(store.damage[0]!.message).toContain(`holds task ${state.id}`);
  expect(store.load(state.id)?.state).toEqual(state);
});

test('what a newer rasen wrote is left alone and named as such', async () => {
  const { state, events } = await live();
  const place = rig.template(state.id);
  const sound = rig.read(state.id, 'events.jsonl');
  const next = { seq: events.length + 1, t: 'x', mono: 1, epoch: 1 };
  const newer = {
    'an event of unknown type': { ...next, type: 'task_teleported' },
    'a newer format': { v: 99, ...next, type: 'task_resumed' },
  };
  for (const [what, line] of Object.entries(newer)) {
    const image = Buffer.concat([sound, Buffer.from(encodeJournalLine(line))]);
    place('events.jsonl', image);
    const store = rig.open();
    expect(store.load(state.id), what).toBeNull();
    expect(store.damage).toMatchObject([
      { task: state.id, moved_to: null, hint: expect.stringContaining('newer') },
    ]);
    expect(rig.read(state.id, 'events.jsonl').equals(image)).toBe(true);
    const thrown = catching(() => store.events(state.id));
    expect(isRasenError(thrown) && thrown.kind).toBe('version');
    expect(() => store.submit(state.id, events, ENV)).toThrow('is there already');
    expectNeighbour(store);
  }
});

test('a journal whose checksums are right and that makes no sense is left alone and named', async () => {
  const { state, events } = await live();
  const line = encodeJournalLine({ seq: events.length + 1, t: 'x', mono: 1, epoch: 1, type: 'task_started' });
  writeFileSync(rig.path(state.id, 'events.jsonl'), line, { flag: 'a' });
  const store = rig.open();
  expect(store.load(state.id)).toBeNull();
  expect(store.damage).toMatchObject([
    { moved_to: null, message: expect.stringContaining('is not a transition') },
  ]);
});

test('a finished task whose folder is spoilt while the supervisor runs: named at once, nothing is shown in part', async () => {
  const life = await finished();
  const { id } = life.state;
  const store = rig.open();
  expect(store.load(id)?.state).toEqual(life.state);
  const path = rig.path(id, 'events.jsonl');
  const size = statSync(path).size;
  truncateSync(path, size - 1);
  expect(() => store.events(id)).toThrow(`has ${size - 1} bytes, and ${size} were acknowledged`);
  expect(store.check(id)).toHaveLength(1);
  await expect(store.append(id, size, life.events.slice(-1))).rejects.toMatchObject({ kind: 'damaged' });
  expect(statSync(path).size).toBe(size - 1);
  expect(store.load(id)).toBeNull();
  expect(store.load(id)).toBeNull();
  expect(store.damage).toHaveLength(1);
});

function catching(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
}
