/** What keeps runs of triggers from beginning. */
import { expect, it } from 'vitest';
import { nearFiles } from '../../../src/host/far-files.ts';
import { systemClock } from '../../../src/supervisor/clock.ts';
import { Registry } from '../../../src/supervisor/registry.ts';
import { Holds } from '../../../src/supervisor/triggers/hold.ts';
import { StoreRig } from '../../support/store-rig.ts';
import { specOf } from '../../support/task-builder.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

it('the usage limit that a task knows of is looked at again soon, and is over with that task', async () => {
  const rig = new StoreRig();
  try {
    const registry = new Registry(rig.open(), systemClock);
    const holds = new Holds({
      registry,
      paths: rig.paths,
      limits: { disk_min_bytes: 0, disk_min_inodes: 0 },
      far: { files: nearFiles },
    });
    const agents = { coder: { command: ['true'], backend: 'claude' } };
    const spec = specOf({ agents, project: rig.paths.home });
    const now = Date.now();
    expect(holds.of(spec, now)).toBeNull();
    const resume_at = new Date(now + 5 * HOUR).toISOString();
    const entry = registry.submit(
      spec,
      [{ type: 'task_waiting', why: 'limit', resume_at, message: 'usage limit reached' }],
      {},
    );
    const hold = holds.of(spec, now)!;
    expect(hold.reason).toBe('the usage limit of claude');
    expect(hold.until_ms - now).toBeGreaterThan(0);
    expect(hold.until_ms - now).toBeLessThanOrEqual(5 * MINUTE);
    // Nor later than it ends.
    expect(holds.of(spec, now + 5 * HOUR - MINUTE)!.until_ms).toBe(now + 5 * HOUR);
    expect(holds.of(specOf({ agents: { coder: { command: ['true'], backend: 'codex' } } }), now)).toBeNull();
    await registry.record(entry, [{ type: 'task_cancelled' }]);
    expect(holds.of(spec, now)).toBeNull();
  } finally {
    rig.close();
  }
});
