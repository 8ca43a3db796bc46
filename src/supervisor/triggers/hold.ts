/** Until when no run of a trigger may begin: quiet hours, the limit of its agent, a disk that is full. */

import type { TaskSpec } from '../../contract/spec.ts';
import { quietEnd } from '../../engine/quiet-hours.ts';
import { type DiskLimits, DiskWatch } from '../../host/disk.ts';
import type { FarFiles } from '../../host/far-files.ts';
import type { Paths } from '../../paths.ts';
import type { Hold } from '../../triggers/decide.ts';
import type { Registry } from '../registry.ts';

/** A full disk is looked at again after this. */
const DISK_MS = 30_000;
/** So are the tasks that know of a limit: they may be cancelled, or go on before its end. */
const LIMIT_MS = 2 * 60_000;

export class Holds {
  readonly #registry: Pick<Registry, 'all'>;
  readonly #paths: Pick<Paths, 'home'>;
  readonly #disks: DiskWatch;

  constructor(parts: {
    registry: Pick<Registry, 'all'>;
    paths: Pick<Paths, 'home'>;
    limits: DiskLimits;
    far: Pick<FarFiles, 'files'>;
  }) {
    this.#registry = parts.registry;
    this.#paths = parts.paths;
    this.#disks = new DiskWatch(parts.limits, parts.far.files);
  }

  /** null: it may begin. */
  of(spec: TaskSpec, now_ms: number): Hold | null {
    return this.#quiet(spec, now_ms) ?? this.#limit(spec, now_ms) ?? this.#disk(spec, now_ms);
  }

  #quiet({ agents, limits, time_zone }: TaskSpec, now_ms: number): Hold | null {
    if (Object.keys(agents).length === 0 || limits.quiet_hours.length === 0) return null;
    const until_ms = quietEnd(limits.quiet_hours, now_ms, time_zone ?? undefined);
    if (until_ms <= now_ms) return null;
    return { until_ms, reason: `quiet hours (${limits.quiet_hours.join(', ')})` };
  }

  /** What another task has learned of the service of the same agent. */
  #limit({ agents, relay }: TaskSpec, now_ms: number): Hold | null {
    const backend = agents.coder?.backend;
    // Another one works then.
    if (backend === undefined || relay) return null;
    for (const { state } of this.#registry.all()) {
      if (state?.status.name !== 'waiting' || state.status.why !== 'limit') continue;
      if (state.spec.agents.coder?.backend !== backend) continue;
      const until_ms = Date.parse(state.status.resume_at);
      if (until_ms > now_ms)
        return { until_ms: Math.min(until_ms, now_ms + LIMIT_MS), reason: `the usage limit of ${backend}` };
    }
    return null;
  }

  #disk({ project }: TaskSpec, now_ms: number): Hold | null {
    const { home } = this.#paths;
    const low = this.#disks.low([
      { path: home, what: 'the state folder', whole: true },
      { path: project, what: 'the project', whole: false },
    ]);
    return low === null ? null : { until_ms: now_ms + DISK_MS, reason: low };
  }
}
