/** Lives of triggers, with crashes, clocks that are set, sleep, changes of the clock in 12 zones and full disks. */
import { expect, test } from 'vitest';
import { foldAll } from '../../src/triggers/fold.ts';
import { faultsOf, Life } from './triggers.ts';

const LIVES = Number(process.env.RASEN_TRIGGER_LIVES ?? 100);
const STEPS = 40;

test(`${LIVES} lives: one receipt for each slot, never two runs of one`, () => {
  const wrong: string[] = [];
  const seen: Record<string, number> = {};
  for (let seed = 1; seed <= LIVES; seed++) {
    const life = new Life(seed);
    try {
      for (let i = 0; i < STEPS; i++) life.step();
      life.rest();
      const faults = faultsOf(life);
      if (faults.length > 0) wrong.push(`life ${seed}: ${faults.slice(0, 3).join('; ')}`);
      expect(foldAll(life.journal)).toEqual(life.state);
    } catch (error) {
      wrong.push(`life ${seed}: ${(error as Error).message}`);
    }
    for (const [what, n] of Object.entries(life.state.counts)) seen[what] = (seen[what] ?? 0) + n;
    seen.set_back = (seen.set_back ?? 0) + life.state.turn;
  }
  expect(wrong.slice(0, 10)).toEqual([]);
  // A simulation that meets none of these shows nothing.
  for (const what of ['started', 'late', 'joined', 'skipped', 'missed', 'set_back'])
    expect(seen[what], what).toBeGreaterThan(0);
});
