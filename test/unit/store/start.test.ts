/** A start with ten thousand finished tasks: every one is checked to the byte. The times are printed, not asserted. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { DEFAULT_PROMPTS } from '../../../src/agents/default-prompts.ts';
import { foldAll } from '../../../src/engine/fold.ts';
import { viewOf } from '../../../src/engine/view.ts';
import { encodeEvents } from '../../../src/store/file/artifact.ts';
import { encodeSnapshot } from '../../../src/store/file/snapshot.ts';
import { ulid } from '../../../src/util/ulid.ts';
import { FORMAT } from '../../../src/version.ts';
import { completedGit } from '../../support/store-fixture.ts';
import { flipped, StoreRig } from '../../support/store-rig.ts';

const TASKS = 10_000;
/** Tasks whose snapshot is missing, so that their journals are folded. */
const FOLDED = 1000;
const DAMAGED = 4711;

test('ten thousand finished tasks load, and the one whose journal was touched is found', () => {
  const rig = new StoreRig();
  try {
    const life = completedGit();
    const ids = Array.from({ length: TASKS }, (_, i) => ulid(Date.parse('2026-01-01') + i));
    rig.open();
    let size = 0;
    const journalOf = (id: string) => {
      const events = life.events.map(event =>
        event.type === 'task_submitted'
          ? { ...event, spec: { ...event.spec, id, prompts: DEFAULT_PROMPTS } }
          : event,
      );
      const into = { folder: rig.path(id, ''), displaced: () => {} };
      return { events, journal: Buffer.from(encodeEvents(into, events, FORMAT).text) };
    };
    let made = { events: life.events, journal: Buffer.alloc(0) };
    ids.forEach((id, i) => {
      mkdirSync(rig.path(id, ''));
      // Only those that will be folded need artifacts of their own; with a snapshot nobody looks.
      if (i <= FOLDED) made = journalOf(id);
      const { journal } = made;
      const tail = { bytes: journal.length, crc: crc32(journal), format: FORMAT };
      const state = foldAll(made.events);
      const snapshot = encodeSnapshot(FORMAT, { ...state, id, spec: { ...state.spec, id } }, tail);
      writeFileSync(rig.path(id, 'events.jsonl'), i === DAMAGED ? flipped(journal, 777) : journal);
      writeFileSync(rig.path(id, 'task.json'), snapshot);
      size = journal.length + snapshot.length;
    });

    const start = () => {
      const store = rig.open();
      const begin = performance.now();
      const cpu = process.cpuUsage();
      const loaded = store.list().filter(id => store.load(id) !== null).length;
      const { user, system } = process.cpuUsage(cpu);
      const time = `${Math.round(performance.now() - begin)} ms (${Math.round((user + system) / 1000)} ms of a processor)`;
      return { store, loaded, time };
    };
    const first = start();
    expect(first.loaded).toBe(TASKS - 1);
    expect(first.store.damage).toMatchObject([{ task: ids[DAMAGED], moved_to: expect.any(String) }]);
    const second = start();
    expect(second.loaded).toBe(TASKS - 1);

    const begin = performance.now();
    const { state } = first.store.load(ids[0]!)!;
    for (let i = 0; i < TASKS; i++) viewOf(state, 1, 0);
    const views = Math.round(performance.now() - begin);

    for (const id of ids.slice(0, FOLDED)) rmSync(rig.path(id, 'task.json'));
    const third = start();
    expect(third.loaded).toBe(TASKS - 1);
    console.log(`${TASKS} finished tasks of ${size} bytes each: ${first.time}, again ${second.time}`);
    console.log(`with ${FOLDED} of them folded: ${third.time}; views of all: ${views} ms`);
  } finally {
    rig.close();
  }
}, 120_000);
