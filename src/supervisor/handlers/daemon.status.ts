/** Answers `daemon.status`. */
import { VERSION } from '../../version.ts';
import { statusOf } from '../reader.ts';
import type { Handler } from './define.ts';

export const daemonStatus: Handler<'daemon.status'> = (_params, supervisor) => {
  const { paths, settings, cage, sandbox, registry, upkeep, started_at } = supervisor;
  const tasks: Record<string, number> = {};
  for (const entry of registry.all()) {
    const status = statusOf(entry);
    tasks[status] = (tasks[status] ?? 0) + 1;
  }
  return {
    version: VERSION,
    pid: process.pid,
    started_at,
    home: paths.home,
    socket: paths.socket,
    cage: { kind: cage.choice.kind, why: cage.choice.why, enforces: [...cage.choice.enforces] },
    sandbox: { kind: sandbox.last.sandbox?.kind ?? null, why: sandbox.last.why },
    tasks,
    live_jobs: registry.jobs,
    max_live_jobs: settings.max_live_jobs,
    rss_bytes: process.memoryUsage.rss(),
    damaged: registry.damaged.length,
    stored: { ...upkeep.stored() },
  };
};
