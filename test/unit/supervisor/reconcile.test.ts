/** What a loop says of trouble that no event tells of: the task is at rest, and what was asked of it waits. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { statusText } from '../../../src/cli/status-text.ts';
import { RasenError } from '../../../src/contract/errors.ts';
import type { NewEvent } from '../../../src/contract/event.ts';
import { systemClock } from '../../../src/supervisor/clock.ts';
import { Reconciler, type World } from '../../../src/supervisor/reconcile.ts';
import { type Entry, Registry } from '../../../src/supervisor/registry.ts';
import { StoreRig } from '../../support/store-rig.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

const FULL = { why: 'disk', errno: 'EIO', path: null, message: 'the disk reports an input/output error' };

let rig: StoreRig;
let registry: Registry;
let reconciler: Reconciler;
let world: World;
beforeEach(() => {
  rig = new StoreRig();
  registry = new Registry(rig.open(), systemClock);
  world = {
    job: () => null,
    recording: () => false,
    perform: () => new Promise(() => {}),
    endMergeJobs: async () => {},
    diskLow: () => null,
    day: () => ({ used: { tokens: 0, usd: 0 }, ends_at_ms: Number.POSITIVE_INFINITY }),
    nonce: () => 'n',
    recordKey: nonce => nonce,
  };
  const log = pino({ level: 'silent' });
  reconciler = new Reconciler({
    registry,
    world,
    clock: systemClock,
    log,
    settings: { max_live_jobs: 8, groups: {} },
  });
});
afterEach(() => {
  reconciler.close();
  rig.close();
});

/** A task with these events behind its order. */
async function task(build: (life: TaskBuilder) => TaskBuilder): Promise<Entry> {
  const { events } = build(
    new TaskBuilder(specOf({ gates: [], notify: null })).claimed().plan(['a']).started(),
  );
  const entry = registry.submit(specOf({ gates: [], notify: null }), [], {});
  const added = events.slice(1).map(({ seq: _, t: _t, mono: _m, epoch: _e, ...event }) => event as NewEvent);
  await registry.exclusive(entry, () => registry.record(entry, added));
  return entry;
}

const merging = (life: TaskBuilder) => {
  const done = life.done('a');
  return done
    .add({ type: 'task_completed', verified: false, commit: done.state.good.at(-1)!.commit })
    .add({ type: 'merge_requested', op: 'm', into: null, squash: false });
};
const rollingBack = (life: TaskBuilder) => {
  const done = life.done('a');
  return done
    .add({ type: 'want_changed', want: 'stop', force: false, op: null, by: 'user' })
    .add({ type: 'task_interrupted', by: 'user' })
    .add({ type: 'rollback_requested', op: 'r', commit: done.state.workspace!.base, steps: ['a'] });
};
const text = (entry: Entry) => statusText(registry.viewOf(entry), { now_ms: Date.now() });

it('a gate of a merge that waits for the disk to take its record is told of as waiting (disk)', async () => {
  const entry = await task(merging);
  await reconciler.pass(entry);
  expect(registry.viewOf(entry)).toMatchObject({ status: 'completed', why: null, reason: null });
  world.recording = () => true;
  await reconciler.pass(entry);
  expect(registry.viewOf(entry)).toMatchObject({ status: 'completed', why: 'disk' });
  expect(text(entry)).toContain(
    'Reason: waiting (disk): the merge: a gate has ended, and waits for the disk',
  );
  world.recording = () => false;
  await reconciler.pass(entry);
  expect(registry.viewOf(entry)).toMatchObject({ why: null, reason: null });
});

it('a merge that meets a disk that fails says so, and is tried for as long as it takes', async () => {
  let tries = 0;
  world.perform = async () => {
    tries++;
    throw new RasenError('storage', 'it cannot be read', { data: { trouble: FULL } });
  };
  const entry = await task(merging);
  await reconciler.pass(entry);
  await vi.waitFor(() => expect(text(entry)).toContain('Reason: waiting (disk): the merge waits: '), 20_000);
  expect(tries).toBeGreaterThan(1);
  expect(registry.stateOf(entry)).toMatchObject({ merge: { op: 'm' }, merge_refused: null });
});

it('a merge that is not under way is given up only when what an earlier supervisor left of it has ended', async () => {
  const entry = await task(merging);
  const ended: (string | undefined)[] = [];
  world.endMergeJobs = async state => void ended.push(state.merge?.op);
  expect([await reconciler.cancelMerge(entry), ended]).toEqual([false, ['m']]);
  await reconciler.pass(entry);
  expect([await reconciler.cancelMerge(entry), ended]).toEqual([true, ['m']]);
});

it('a rollback that waits says so, to those who follow the task, too; made, it is history', async () => {
  let full = true;
  world.perform = async (_state, effect) => {
    if (effect.type === 'rollback' && full)
      throw new RasenError('storage', 'it cannot be read', { data: { trouble: FULL } });
    return effect.type === 'rollback' ? { type: 'rollback' } : { type: 'notify', ok: true, detail: null };
  };
  const entry = await task(rollingBack);
  const heard: (string | null)[] = [];
  registry.listen(() => heard.push(registry.viewOf(entry).reason));
  await reconciler.pass(entry);
  const waits = 'the rollback waits: the disk reports an input/output error';
  await vi.waitFor(() => expect(heard).toContain(waits), 20_000);
  expect(registry.viewOf(entry)).toMatchObject({ status: 'interrupted', reason: waits });
  expect(registry.viewOf(entry).rolling_back).toMatchObject({ steps: ['a'] });
  full = false;
  await vi.waitFor(() => expect(registry.viewOf(entry).rolling_back).toBeUndefined(), 20_000);
  expect(registry.viewOf(entry)).toMatchObject({
    status: 'interrupted',
    reason: null,
    completed_subtasks: 0,
  });
});
