/** task.report: reads the journals of the tasks that are asked for, one after the other, and counts. */

import { isRasenError, RasenError } from '../contract/errors.ts';
import type { Asked } from '../contract/methods/index.ts';
import type { Report, TaskReport } from '../contract/report.ts';
import { reportOf, reportOrder, totalsOf } from '../engine/report.ts';
import type { Entry, Registry } from './registry.ts';

/** Throws `usage` for a time that is none. A journal that cannot be read does not hide the others. */
export async function report(registry: Registry, params: Asked<'task.report'>): Promise<Report> {
  const since_ms = params.since === undefined ? null : Date.parse(params.since);
  if (Number.isNaN(since_ms))
    throw new RasenError('usage', `since: "${params.since}" is no time`, {
      hint: 'Write it as 2026-01-27T18:45:00Z.',
    });
  const entries = params.tasks
    ? [...new Set(params.tasks.map(ref => registry.resolve(ref)))]
    : [...registry.all()].filter(entry => isWanted(registry, entry, since_ms));
  const tasks: TaskReport[] = [];
  const damaged: Report['damaged'] = [];
  for (const entry of entries) {
    // Journals are read in one go each; between them others have their turn.
    await new Promise(resolve => setImmediate(resolve));
    const at = { now_ms: Date.now(), since_ms, pid: registry.pid };
    try {
      tasks.push(reportOf(registry.eventsAfter(entry, 0), at));
    } catch (error) {
      if (!isRasenError(error) || params.tasks) throw error;
      damaged.push({ id: entry.id, message: error.message });
    }
  }
  tasks.sort(reportOrder);
  return { since: params.since ?? null, totals: totalsOf(tasks), tasks, damaged };
}

/** It moved since then, or it stands and somebody has to see to it. */
function isWanted(registry: Registry, entry: Entry, since_ms: number | null): boolean {
  if (since_ms === null) return true;
  const { status, last_activity } = registry.glance(entry);
  return (
    Date.parse(last_activity) >= since_ms ||
    ['pending', 'running', 'waiting', 'blocked', 'interrupted'].includes(status)
  );
}
