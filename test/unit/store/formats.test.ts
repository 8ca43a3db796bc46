/** Journals of every format that was ever released stay readable; what is newer than this code is refused. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { viewOf } from '../../../src/engine/view.ts';
import { encodeEvents } from '../../../src/store/file/artifact.ts';
import { FileStore } from '../../../src/store/file/file-store.ts';
import { readJournal } from '../../../src/store/file/journal.ts';
import { FORMATS, type Formats } from '../../../src/store/file/migrate.ts';
import { STATE_FORMAT } from '../../../src/store/file/snapshot.ts';
import { FORMAT } from '../../../src/version.ts';
import { DATA, ENV, VIEW_NOW, VIEW_PID, waitingForLimit, writeLife } from '../../support/store-fixture.ts';
import { StoreRig } from '../../support/store-rig.ts';

let rig: StoreRig;
beforeEach(() => {
  rig = new StoreRig();
});
afterEach(() => rig.close());

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const released = readdirSync(DATA).filter(name => /^v\d+$/.test(name));

test('there is a folder of data for every format', () => {
  expect(released).toEqual(Array.from({ length: FORMAT }, (_, i) => `v${i + 1}`));
  for (let v = 1; v < FORMATS.current; v++) expect(FORMATS.migrations[v]).toBeTypeOf('function');
});

test.each(released)('tasks of %s load, and their views say what they always said', name => {
  const views = json(join(DATA, name, 'views.json'));
  cpSync(join(DATA, name, 'tasks'), rig.paths.tasks, { recursive: true });
  for (const snapshots of [true, false]) {
    const store = rig.open();
    expect(store.list()).toEqual(Object.keys(views).sort());
    for (const id of store.list()) {
      if (!snapshots) rmSync(rig.path(id, 'task.json'), { force: true });
      expect(store.check(id)).toEqual([]);
      const loaded = store.load(id);
      expect(loaded, store.damage[0]?.message).not.toBeNull();
      // A field may be added to a view; what is there keeps its meaning.
      expect(JSON.parse(JSON.stringify(viewOf(loaded!.state, VIEW_PID, VIEW_NOW)))).toMatchObject(views[id]);
      expect(store.events(id)).toHaveLength(loaded!.state.seq);
      expect(store.env(id)).toEqual(ENV);
    }
    expect(store.quarantine.list()).toEqual([]);
  }
});

test('the shape of the state is the one that snapshots are marked with', () => {
  const file = join(DATA, `states.${STATE_FORMAT}.json`);
  const help =
    'TaskState or fold changed: raise STATE_FORMAT in snapshot.ts, then node test/support/store-fixture.ts';
  expect(existsSync(file), help).toBe(true);
  cpSync(join(DATA, `v${FORMAT}`, 'tasks'), rig.paths.tasks, { recursive: true });
  const store = rig.open();
  for (const [id, state] of Object.entries(json(file))) {
    rmSync(rig.path(id, 'task.json'), { force: true });
    expect(JSON.parse(JSON.stringify(store.load(id)!.state)), help).toEqual(state);
  }
});

/** A format of the future, in which the reason of a wait is called otherwise. */
const next: Formats = {
  current: FORMAT + 1,
  migrations: {
    ...FORMATS.migrations,
    [FORMAT]: line => {
      const { note, ...rest } = line;
      return line.type === 'task_waiting' ? { ...rest, message: `${note}, migrated` } : line;
    },
  },
};

test('an older journal is migrated as it is read, stays as it is, and says where newer lines begin', async () => {
  const life = waitingForLimit();
  const { id } = life.state;
  const renamed = life.events.map(event =>
    event.type === 'task_waiting' ? { ...event, note: 'limit' } : event,
  );
  await writeLife(rig.open(), { ...life, events: renamed, state: life.state } as typeof life);
  const before = rig.read(id, 'events.jsonl');

  let newer = new FileStore(rig.paths, next);
  const message = () => {
    const { status } = newer.load(id)!.state;
    return 'message' in status ? status.message : null;
  };
  expect(message()).toBe('limit, migrated');
  expect(rig.read(id, 'events.jsonl').equals(before)).toBe(true);

  // What is appended now is of today's form and must not be migrated again.
  const { bytes } = newer.load(id)!;
  const wait = { type: 'task_waiting', why: 'limit', resume_at: '2026-01-28T00:00:00Z' } as const;
  life.add({ ...wait, message: 'today' }).add({ ...wait, message: 'tomorrow' });
  const end = await newer.append(id, bytes, life.events.slice(-2, -1));
  await newer.append(id, end, life.events.slice(-1));
  const marks = readJournal(rig.path(id, 'events.jsonl')).lines.map(line => line.v);
  expect(marks.filter(v => v !== undefined)).toEqual([FORMAT, FORMAT + 1]);
  expect(message()).toBe('tomorrow');
  newer = new FileStore(rig.paths, next);
  expect(message()).toBe('tomorrow');
  expect(newer.events(id).filter(event => event.type === 'task_waiting')).toMatchObject([
    { message: 'limit, migrated' },
    { message: 'today' },
    { message: 'tomorrow' },
  ]);

  const older = rig.open();
  expect(older.load(id)).toBeNull();
  expect(older.damage).toMatchObject([
    { moved_to: null, message: expect.stringContaining(`format ${FORMAT + 1}`) },
  ]);
});

test('a snapshot remembers the format of the journal that it stands for', async () => {
  const life = waitingForLimit();
  const { id } = life.state;
  await writeLife(rig.open(), life);
  const store = new FileStore(rig.paths, { ...next, migrations: { [FORMAT]: line => line } });
  await store.snapshot(id, store.load(id)!);
  const again = new FileStore(rig.paths, { ...next, migrations: { [FORMAT]: line => line } });
  life.add({ type: 'clock_jumped', ms: 1 });
  await again.append(id, again.load(id)!.bytes, life.events.slice(-1));
  expect(readJournal(rig.path(id, 'events.jsonl')).lines.at(-1)).toMatchObject({ v: FORMAT + 1 });
});

test('an event of another form is left to the rasen that wrote it; a field more is none', async () => {
  const life = waitingForLimit();
  const { id } = life.state;
  const odd = life.events.map(event =>
    event.type === 'task_waiting' ? { ...event, why: 'eclipse' } : { ...event, more: 1 },
  );
  await writeLife(rig.open(), life);
  // This one writes none: a journal of another rasen, as nobody here remembers it.
  const into = { folder: rig.path(id, '.'), displaced: rmSync };
  const { text } = encodeEvents(into, odd as unknown as typeof life.events, FORMAT);
  writeFileSync(rig.path(id, 'events.jsonl'), text);
  rig.forget();
  rmSync(rig.path(id, 'task.json'), { force: true });
  const store = rig.open();
  expect(store.load(id)).toBeNull();
  expect(store.damage).toMatchObject([
    {
      kind: 'newer',
      moved_to: null,
      message: expect.stringMatching(/of another form than task_waiting .*why: /),
    },
  ]);
});
