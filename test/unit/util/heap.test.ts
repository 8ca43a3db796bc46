/** The heap of times: against a list that is sorted anew each time. */
import { expect, test } from 'vitest';
import { Heap } from '../../../src/util/heap.ts';
import { Rng } from '../../crash/simulation-random.ts';

test('the earliest is at hand, whatever is set, moved and taken out', () => {
  const rng = new Rng(7);
  const heap = new Heap<number>();
  const all = new Map<number, number>();
  for (let i = 0; i < 5000; i++) {
    const key = rng.int(0, 200);
    const at = rng.chance(0.3) ? null : rng.int(0, 1000);
    heap.set(key, at);
    if (at === null) all.delete(key);
    else all.set(key, at);
    expect(heap.size).toBe(all.size);
    expect(heap.first?.at ?? null).toBe(all.size === 0 ? null : Math.min(...all.values()));
    if (heap.first) expect(all.get(heap.first.key)).toBe(heap.first.at);
  }
});
