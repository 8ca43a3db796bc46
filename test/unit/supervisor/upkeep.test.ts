/** What becomes of tasks that are over: packed after a while, removed by age and by size, and never what is dear. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { instancePaths } from '../../../src/paths.ts';
import { systemClock } from '../../../src/supervisor/clock.ts';
import { Places } from '../../../src/supervisor/places.ts';
import { Registry } from '../../../src/supervisor/registry.ts';
import { Upkeep } from '../../../src/supervisor/upkeep.ts';
import { ulid } from '../../../src/util/ulid.ts';
import { completedGit, ENV, waitingForLimit, writeLife } from '../../support/store-fixture.ts';
import { StoreRig } from '../../support/store-rig.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

let rig: StoreRig;
let said: string[];
beforeEach(() => {
  rig = new StoreRig();
  said = [];
});
afterEach(() => rig.close());

const tell = (_fields: object, message: string) => void said.push(message);
const log = { info: tell, warn: tell, error: tell };
const HOUR = 3600;

async function start(limits: { pack: number; age: number; size: number }) {
  const store = rig.open();
  const registry = new Registry(store, systemClock);
  registry.load();
  const places = new Places(instancePaths({ RASEN_HOME: rig.paths.home }));
  const settings = {
    pack_after_seconds: limits.pack,
    gc_after_seconds: limits.age,
    gc_size_bytes: limits.size,
  };
  const upkeep = new Upkeep({ registry, store, places, settings, log, gc_first_ms: 0 });
  await upkeep.look();
  await upkeep.close();
  return { store, registry, upkeep };
}

/** A task in a folder that was cancelled so many hours ago, and its id. */
async function cancelled(hours: number, key: string | null = null): Promise<string> {
  const t = new Date(Date.now() - hours * HOUR * 1000).toISOString();
  const life = new TaskBuilder(specOf({ id: ulid(Date.parse(t)), key, workspace: { kind: 'folder' } }))
    .claimed()
    .plan(['login']);
  life.add({ type: 'task_cancelled' });
  const events = life.events.map(event => ({ ...event, t }));
  const store = rig.open();
  const { state } = store.submit(life.state.id, events, ENV);
  await store.snapshot(state.id, { state });
  return state.id;
}

test('what is over is packed when its time has come, what is not stays as it is', async () => {
  const old = await cancelled(2);
  const young = await cancelled(0);
  const live = waitingForLimit();
  await writeLife(rig.open(), live);
  const { registry, upkeep } = await start({ pack: HOUR, age: 0, size: 0 });
  expect(readdirSync(rig.paths.tasks).sort()).toEqual([`${old}.pack`, young, live.state.id].sort());
  expect(upkeep.stored()).toMatchObject({ tasks: 2, packed: 1 });
  expect(registry.viewOf(registry.get(old)!)).toMatchObject({ id: old, status: 'cancelled' });

  // Another start knows it by its first line, and reads the rest when it is asked.
  const again = await start({ pack: 100 * HOUR, age: 0, size: 0 });
  const entry = again.registry.get(old)!;
  expect([entry.rest, entry.brief?.status]).toEqual([null, 'cancelled']);
  expect(again.registry.eventsAfter(entry, 0).map(({ type }) => type)).toContain('task_cancelled');
  expect(again.store.check(old)).toEqual([]);
});

test('age: the old are removed and their keys are free; what was never merged stays, whatever its age', async () => {
  const old = await cancelled(50, 'old');
  const young = await cancelled(2, 'young');
  const unmerged = completedGit();
  // Without its merge.
  const events = unmerged.events.slice(0, -2);
  const store = rig.open();
  store.submit(unmerged.state.id, events, ENV);
  const { registry } = await start({ pack: 100 * 365 * 24 * HOUR, age: 24 * HOUR, size: 0 });
  expect(registry.get(old)).toBeNull();
  expect(existsSync(rig.path(old, ''))).toBe(false);
  expect([registry.byKey('old'), registry.byKey('young')?.id]).toEqual([null, young]);
  expect(registry.get(unmerged.state.id)).not.toBeNull();
  expect(said.filter(line => line.includes('old tasks were removed'))).toHaveLength(1);
  // It is not missed.
  const again = await start({ pack: HOUR, age: 0, size: 0 });
  expect(again.registry.damaged).toEqual([]);
});

test('size: the oldest go until the rest has room', async () => {
  const ids = [await cancelled(5), await cancelled(4), await cancelled(3)];
  await start({ pack: 0, age: 0, size: 0 });
  const { blocks } = statSync(join(rig.paths.tasks, `${ids[0]}.pack`));
  const { registry } = await start({ pack: 0, age: 0, size: 2 * blocks * 512 + 1 });
  expect(ids.map(id => registry.get(id) !== null)).toEqual([false, true, true]);
});

test('who reads in a task keeps it a folder; what is appended to a packed one makes it a folder again', async () => {
  const id = await cancelled(2);
  const store = rig.open();
  const loaded = store.load(id)!;
  const held = store.hold(id);
  const brief = null;
  expect(await store.pack(id, loaded, { brief })).toContain('somebody reads in it');
  held.release();
  expect(await store.pack(id, loaded, { brief })).toBeNull();
  expect(store.env(id)).toEqual(ENV);
  const next = {
    seq: loaded.state.seq + 1,
    ...systemClock(),
    epoch: 1,
    type: 'clock_jumped',
    ms: 1,
  } as const;
  const bytes = await store.append(id, loaded.bytes, [next]);
  expect(existsSync(rig.path(id, 'events.jsonl'))).toBe(true);
  expect(rig.open().load(id)).toMatchObject({ bytes, state: { seq: next.seq } });
});
