/** Both drivers of the store do what every driver has to do. */
import { describe, expect, test } from 'vitest';
import { CONFORMANCE } from '../../../src/store/conformance.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { StoreRig } from '../../support/store-rig.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

const KEY = 'nightly 2026-01-27';
const { events: life } = new TaskBuilder(specOf({ key: KEY })).claimed().plan(['login']).started();

describe('the files of one machine', () => {
  test.each(CONFORMANCE)('$name', async ({ run }) => {
    const rig = new StoreRig();
    try {
      await run({ open: () => rig.open(), reopen: () => loaded(rig.open()), life, key: KEY });
    } finally {
      rig.close();
    }
  });

  /** As a supervisor starts: every task is read before anything is asked. */
  function loaded(store: ReturnType<StoreRig['open']>) {
    for (const id of store.list()) store.load(id);
    store.loaded();
    store.recall();
    return store;
  }
});

describe('memory', () => {
  test.each(CONFORMANCE)('$name', async ({ run }) => {
    const store = new MemoryStore();
    await run({ open: () => store, reopen: () => store, life, key: KEY });
  });

  test('a write that fails keeps what was durable before it did', async () => {
    let full: Error | null = null;
    const store = new MemoryStore({
      onWrite: (_events, keep) => {
        if (!full) return;
        keep(1);
        throw full;
      },
    });
    const { id } = store.submit(specOf().id, life, {}).state;
    const { at } = store.load(id)!;
    full = new Error('the power failed');
    const more = [1, 2].map(
      n => ({ ...life.at(-1)!, seq: at.seq + n, type: 'clock_jumped', ms: n }) as const,
    );
    await expect(store.commit(id, at, more)).rejects.toThrow('the power failed');
    expect(store.load(id)!.at.seq).toBe(at.seq + 1);
  });
});
