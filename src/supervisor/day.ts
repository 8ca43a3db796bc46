/** The day that it is here: when it began and ends by the clock of this machine, and what all tasks used in it. */
import { NOTHING_USED } from '../engine/budget.ts';
import type { Day, Signs } from '../engine/effect.ts';
import type { Used } from '../engine/state.ts';

/** What an ended session used counts on the day on which it ended; what goes on counts today. */
export function today(
  ended: { usedSince(ms: number): Used },
  live: { all(): Iterable<Signs> },
  now: Date,
): Day {
  // Midnight of a named day, and not 24 hours: some days have 23 or 25.
  const day = (later: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + later).getTime();
  let { tokens, usd } = ended.usedSince(day(0));
  for (const { used } of live.all()) {
    tokens += (used ?? NOTHING_USED).tokens;
    usd += (used ?? NOTHING_USED).usd;
  }
  return { used: { tokens, usd }, ends_at_ms: day(1) };
}
