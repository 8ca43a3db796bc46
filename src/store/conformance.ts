/**
 * What every driver of the store has to do, as checks that know nothing of how it does it. A driver is tested by running each
 * of them on a store of its own: test/unit/store/conformance.test.ts.
 */
import assert from 'node:assert/strict';
import type { Event, NewEvent } from '../contract/event.ts';
import type { Loaded, TaskStore } from './store.ts';

/** What a driver's test hands over. */
export interface Bench {
  open(): TaskStore;
  /** A new start of the same store: nothing is remembered but what is durable. */
  reopen(): TaskStore;
  /** Events of a task that was submitted under a key, claimed by `first`, and given a plan. */
  life: readonly Event[];
  key: string;
}

export interface Check {
  name: string;
  run(bench: Bench): Promise<void>;
}

const ENV = { PATH: '/usr/bin', GREETING: 'grüß dich' };
const CLAIM = { type: 'task_claimed', host: 'h', boot: 'b' } as const;

function begun({ life }: Bench, store: TaskStore): { id: string; loaded: Loaded } {
  const [first] = life;
  assert(first?.type === 'task_submitted');
  const { id } = first.spec;
  return { id, loaded: store.submit(id, [...life], ENV) };
}

/** The next event after others, a second later. */
function after({ at, state }: Pick<Loaded, 'at' | 'state'>, event: NewEvent, more = 1): Event {
  const epoch = at.epoch + (event.type === 'task_claimed' ? 1 : 0);
  return { seq: at.seq + more, t: state.updated_at, mono: 1000, epoch, ...event };
}

/** Without fields that hold nothing, which a driver need not keep. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const kindOf = (kind: string) => (error: unknown) => (error as { kind?: string }).kind === kind;
const note = (note: number): NewEvent => ({
  ...{ type: 'note_added', note, text: `note ${note}`, by: 'user', to: null, op: null },
});

export const CONFORMANCE: readonly Check[] = [
  {
    name: 'a task that was submitted is there after a new start, with its events, environment and key',
    async run(bench) {
      const { id, loaded } = begun(bench, bench.open());
      const store = bench.reopen();
      assert.deepEqual(store.list(), [id]);
      assert.deepEqual(store.load(id)?.state, loaded.state);
      assert.deepEqual(store.load(id)?.at, loaded.at);
      assert.deepEqual(store.events(id), bench.life);
      assert.deepEqual(store.env(id), ENV);
      assert.equal(store.taskOfKey(bench.key), id);
      assert.deepEqual(store.damage, []);
    },
  },
  {
    name: 'an id is given once',
    async run(bench) {
      const store = bench.open();
      const { id } = begun(bench, store);
      assert.throws(() => store.submit(id, [...bench.life], {}), kindOf('task_exists'));
      assert.deepEqual(bench.reopen().events(id), bench.life);
    },
  },
  {
    name: 'events that were committed are there after a new start, in order, and each writer knows where he stands',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      const one = after(loaded, note(1));
      const at = await store.commit(id, loaded.at, [one]);
      assert.deepEqual(at, { ...loaded.at, seq: loaded.at.seq + 1 });
      const rest = [after({ ...loaded, at }, note(2)), after({ ...loaded, at }, note(3), 2)];
      const end = await store.commit(id, at, rest);
      assert.deepEqual(store.events(id, loaded.at.seq), [one, ...rest]);
      const again = bench.reopen();
      assert.deepEqual(again.events(id), [...bench.life, one, ...rest]);
      assert.deepEqual(again.load(id)?.at, end);
      assert.equal(again.load(id)?.state.notes.length, 3);
    },
  },
  {
    name: 'a claim raises the epoch; who held the task before writes nothing more, and is told so',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      const claim = after(loaded, { ...CLAIM, incarnation: 'second' });
      const at = await store.claim(id, loaded.at, [claim]);
      assert.deepEqual(at, { epoch: loaded.at.epoch + 1, nonce: 'second', seq: loaded.at.seq + 1 });
      await assert.rejects(store.commit(id, loaded.at, [after(loaded, note(1))]), kindOf('claim_lost'));
      assert.throws(() => store.renew(id, loaded.at), kindOf('claim_lost'));
      store.renew(id, at);
      await store.commit(id, at, [after({ ...loaded, at }, note(1))]);
      assert.equal(bench.reopen().events(id).length, bench.life.length + 2);
    },
  },
  {
    name: 'two claims of one epoch: the second is refused, also after a new start',
    async run(bench) {
      const first = bench.open();
      const { id, loaded } = begun(bench, first);
      await first.claim(id, loaded.at, [after(loaded, { ...CLAIM, incarnation: 'a' })]);
      const late = bench.reopen();
      const claim = after(loaded, { ...CLAIM, incarnation: 'b' });
      await assert.rejects(late.claim(id, loaded.at, [claim]), kindOf('claim_lost'));
      assert.equal(late.load(id)?.at.nonce, 'a');
    },
  },
  {
    name: 'the nonce decides between two of one epoch',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      const other = { ...loaded.at, nonce: 'another' };
      await assert.rejects(store.commit(id, other, [after(loaded, note(1))]), kindOf('claim_lost'));
      assert.deepEqual(store.events(id), bench.life);
    },
  },
  {
    name: 'a claim is the last of its events, and of the next epoch',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      await assert.rejects(store.claim(id, loaded.at, [after(loaded, note(1))]), /ends with task_claimed/);
      const leap = { ...after(loaded, { ...CLAIM, incarnation: 'x' }), epoch: loaded.at.epoch + 2 };
      await assert.rejects(store.claim(id, loaded.at, [leap]), /ends with task_claimed/);
      assert.deepEqual(store.events(id), bench.life);
    },
  },
  {
    name: 'a writer who has missed an event of his own claim is a bug, and writes nothing',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      await store.commit(id, loaded.at, [after(loaded, note(1))]);
      await assert.rejects(store.commit(id, loaded.at, [after(loaded, note(2))]), /a write after event/);
      assert.equal(store.events(id).length, bench.life.length + 1);
    },
  },
  {
    name: 'an event that nobody could read is refused before it is written, and the task goes on',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      const jumped: NewEvent = { type: 'clock_jumped', ms: Number.POSITIVE_INFINITY };
      const wrong = [after(loaded, note(1)), after(loaded, jumped, 2)];
      const says = (error: unknown) => kindOf('internal')(error) && /clock_jumped/.test(String(error));
      await assert.rejects(store.commit(id, loaded.at, wrong), says);
      const late = { ...after(loaded, { ...CLAIM, incarnation: 'x' }), mono: Number.NaN };
      await assert.rejects(store.claim(id, loaded.at, [late]), kindOf('internal'));
      await store.commit(id, loaded.at, [after(loaded, note(1))]);
      assert.equal(bench.reopen().events(id).length, bench.life.length + 1);
      assert.deepEqual(bench.reopen().damage, []);
    },
  },
  {
    name: 'a task that nobody could read is refused',
    async run(bench) {
      const store = bench.open();
      const life = bench.life.map(event => ({ ...event, mono: Number.POSITIVE_INFINITY }));
      const [first] = life;
      assert(first?.type === 'task_submitted');
      assert.throws(() => store.submit(first.spec.id, life, ENV), kindOf('internal'));
      assert.deepEqual(bench.reopen().list(), []);
    },
  },
  {
    name: 'what was released is claimed by the next one without a wait',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      store.release(id, loaded.at);
      store.close();
      const next = bench.reopen();
      const found = next.load(id)!;
      const at = await next.claim(id, found.at, [after(found, { ...CLAIM, incarnation: 'next' })]);
      assert.equal(at.nonce, 'next');
    },
  },
  {
    name: 'what a reader is given is his own',
    async run(bench) {
      const store = bench.open();
      const { id } = begun(bench, store);
      const events = store.events(id);
      (events[0] as { type: string }).type = 'rubbish';
      assert.deepEqual(store.events(id), bench.life);
    },
  },
  {
    name: 'a signal reaches who listens, until he does not any more',
    async run(bench) {
      const store = bench.open();
      const { id } = begun(bench, store);
      const heard: string[] = [];
      const stop = store.onSignal(task => heard.push(task));
      store.signal(id);
      stop();
      store.signal(id);
      assert.deepEqual(heard, [id]);
    },
  },
  {
    name: 'a snapshot is of the last event, and changes nothing of what is loaded',
    async run(bench) {
      const store = bench.open();
      const { id, loaded } = begun(bench, store);
      await store.snapshot(id, loaded);
      assert.deepEqual(plain(bench.reopen().load(id)?.state), plain(loaded.state));
    },
  },
  {
    name: 'a task that was removed is gone, and its key is free',
    async run(bench) {
      const store = bench.open();
      const { id } = begun(bench, store);
      store.remove(id);
      const again = bench.reopen();
      assert.deepEqual(again.list(), []);
      assert.equal(again.taskOfKey(bench.key), null);
      begun(bench, again);
    },
  },
];
