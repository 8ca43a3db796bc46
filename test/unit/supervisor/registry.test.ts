/** What the registry keeps of tasks that are gone. */
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/supervisor/clock.ts';
import { Registry } from '../../../src/supervisor/registry.ts';
import { StoreRig } from '../../support/store-rig.ts';
import { specOf } from '../../support/task-builder.ts';

it('what removed tasks used is known for longer than a day, and not for ever', () => {
  const rig = new StoreRig();
  try {
    const registry = new Registry(rig.open(), systemClock);
    const entry = registry.submit(specOf(), [], {});
    const used = (hours: number, tokens: number) => ({
      ...{ t: new Date(Date.now() - hours * 3_600_000).toISOString(), tokens, usd: 0 },
    });
    entry.spending = [used(27, 1), used(25, 20), used(0, 300)];
    registry.forget(entry);
    expect(registry.usedSince(0).tokens).toBe(320);
  } finally {
    rig.close();
  }
});
