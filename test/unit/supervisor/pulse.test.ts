/** What counts as a sign of life of a silent program. */
import { expect, it } from 'vitest';
import { Pulse } from '../../../src/supervisor/pulse.ts';

/** One look every `seconds`, each with so many ticks more; which of them were signs of life. */
function looks(used: readonly number[], seconds = 15): boolean[] {
  const pulse = new Pulse();
  let ticks = 1000;
  pulse.beats(ticks, 0);
  return used.map((more, i) => {
    ticks += more;
    return pulse.beats(ticks, (i + 1) * seconds * 1000);
  });
}

it('a program that computes is alive, however steadily it does', () => {
  expect(looks([1500, 1500, 1500, 1500])).toEqual([true, true, true, true]);
  expect(looks([25, 25, 25], 0.25)).toEqual([true, true, true]);
});

it('a program that idles noisily is not: 9 ticks in 5 s, as opencode at rest', () => {
  expect(looks([27, 27, 28, 26, 27])).toEqual([false, false, false, false, false]);
  expect(looks([9, 9, 10, 9], 5)).toEqual([false, false, false, false]);
});

it('that one does something when it uses more than it does at rest', () => {
  expect(looks([27, 27, 200, 27, 90])).toEqual([false, false, true, false, true]);
});

it('a few ticks are nothing', () => {
  expect(looks([0, 9, 3])).toEqual([false, false, false]);
  expect(looks([0, 10])).toEqual([false, true]);
});

it('processes that ended took their ticks with them; what cannot be seen is no sign', () => {
  expect(looks([1500, -1500])).toEqual([true, true]);
  const pulse = new Pulse();
  expect([pulse.beats(null, 0), pulse.beats(500, 1000), pulse.beats(2000, 2000)]).toEqual([
    false,
    false,
    true,
  ]);
});
