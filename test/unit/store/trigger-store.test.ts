/** Triggers on the disk: what was acknowledged is read again, what was torn is cut, what is damaged is moved aside. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TriggerStore } from '../../../src/store/file/trigger-store.ts';
import { stamp } from '../../../src/triggers/advance.ts';
import type { NewTriggerEvent } from '../../../src/triggers/event.ts';
import type { TriggerState } from '../../../src/triggers/state.ts';
import { aDefinition, moment } from '../../support/trigger-builder.ts';

const NOW = Date.parse('2026-11-30T08:00:00Z');
const ID = '01jzv9k8s2m4q6t8w0y2a4c6e8';
const ENV = { PATH: '/bin', GREETING: 'grüß dich' };
let home: string;
let paths: { home: string; quarantine: string };

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rasen-triggers-'));
  paths = { home, quarantine: join(home, 'quarantine') };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const journal = () => join(home, 'triggers', ID, 'events.jsonl');
const created = (store: TriggerStore): TriggerState => {
  const definition = aDefinition({ kind: 'cron', cron: '* * * * *' });
  const { events, state } = stamp(null, [{ type: 'trigger_created', id: ID, definition }], moment(NOW));
  store.create(ID, events, ENV);
  return state;
};
const passed = (n: number): NewTriggerEvent => ({
  ...{ type: 'slots_passed', first: `slot ${n}`, last: `slot ${n}`, count: 1, outcome: 'missed' },
  ...{ reason: `reason ${n}`, into: null, cursor: NOW + n },
});

async function append(store: TriggerStore, state: TriggerState, n: number): Promise<TriggerState> {
  const next = stamp(state, [passed(n)], moment(NOW + n));
  return await store.append(ID, next.events, next.state);
}

test('what was acknowledged is there after each event', async () => {
  const store = new TriggerStore(paths);
  let state = created(store);
  for (let n = 1; n <= 5; n++) {
    state = await append(store, state, n);
    expect(new TriggerStore(paths).load()).toEqual([state]);
  }
  expect(new TriggerStore(paths).env(ID)).toEqual(ENV);
});

test('a long journal is made short, and says the same', async () => {
  const store = new TriggerStore(paths, { longest: 2000 });
  let state = created(store);
  let shortest = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= 60; n++) {
    state = await append(store, state, n);
    const [read] = new TriggerStore(paths).load();
    expect(read).toEqual(state);
    shortest = Math.min(shortest, readFileSync(journal()).length);
  }
  expect(state.counts.missed).toBe(60);
  expect(readFileSync(journal()).length).toBeLessThan(3000);
  // Only what the journal names is kept.
  expect(readdirSync(join(home, 'triggers', ID)).filter(name => name.startsWith('event.'))).toHaveLength(1);
});

test('the torn end of a write is cut, kept, and written after', async () => {
  const store = new TriggerStore(paths);
  const state = await append(store, created(store), 1);
  const whole = readFileSync(journal());
  appendFileSync(journal(), '{"seq":3,"type":"slots_pa');
  const next = new TriggerStore(paths);
  expect(next.load()).toEqual([state]);
  expect(readFileSync(journal())).toEqual(whole);
  expect(readdirSync(paths.quarantine)).toHaveLength(1);
  const more = await append(next, state, 2);
  expect(new TriggerStore(paths).load()).toEqual([more]);
});

test('a changed byte of any file is damage: it is moved aside, named, and the others go on', async () => {
  const files = ['events.jsonl', 'event'];
  for (const file of files) {
    const store = new TriggerStore(paths);
    created(store);
    const name = readdirSync(join(home, 'triggers', ID)).find(one => one.startsWith(file))!;
    const path = join(home, 'triggers', ID, name);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    const next = new TriggerStore(paths);
    expect(next.load()).toEqual([]);
    expect(next.damage).toMatchObject([
      { trigger: ID, moved_to: expect.stringContaining('quarantine/trigger-') },
    ]);
    expect(existsSync(join(home, 'triggers', ID))).toBe(false);
  }
});

test('who only reads moves and makes nothing', () => {
  expect(new TriggerStore(paths, { only_reads: true }).load()).toEqual([]);
  expect(existsSync(join(home, 'triggers'))).toBe(false);
  created(new TriggerStore(paths));
  appendFileSync(journal(), 'torn');
  const before = readFileSync(journal());
  expect(new TriggerStore(paths, { only_reads: true }).load()).toHaveLength(1);
  expect(readFileSync(journal())).toEqual(before);
});

test('what was begun and not finished is no trigger; a removed one is gone', () => {
  const store = new TriggerStore(paths);
  created(store);
  store.remove(ID);
  expect(readdirSync(join(home, 'triggers'))).toEqual([]);
  created(store);
  // A crash between the two steps of a removal.
  const left = join(home, 'triggers', `.gone-${ID}x`);
  writeFileSync(left, '');
  expect(new TriggerStore(paths).load()).toHaveLength(1);
  expect(existsSync(left)).toBe(false);
});
