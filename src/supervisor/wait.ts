/** Waiting for tasks: for a rest of any kind, or for one particular thing. */

import type { WaitReason } from '../contract/status.ts';
import { exitCodeOf, type TaskView } from '../contract/view.ts';
import type { TaskState } from '../engine/state.ts';
import type { RequestContext } from '../rpc/server.ts';
import { Changes } from './changes.ts';
import type { Entry, Registry } from './registry.ts';

/** Resolves with the state once `done` says so; rejects when the signal is raised. */
export function untilState(
  registry: Registry,
  entry: Entry,
  done: (state: TaskState) => boolean,
  signal: AbortSignal,
): Promise<TaskState> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      stop();
      reject(signal.reason);
    };
    const stop = registry.listen((changed, state) => {
      if (changed !== entry || !done(state)) return;
      stop();
      signal.removeEventListener('abort', abort);
      resolve(state);
    });
    const now = registry.stateOf(entry);
    if (done(now)) {
      stop();
      resolve(now);
    } else if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Least time between two notifications of changes, in ms: who shows them has no use for more. */
const CHANGES_GAP_MS = 100;
/** … and how much of the time may go into them: the view of a task of thousands takes a while. */
const CHANGES_SHARE = 1 / 10;

/** Waits of hours, which a script is told of rather than held up by. */
const LONG_WAITS: ReadonlySet<WaitReason> = new Set(['limit', 'quiet_hours', 'budget']);

export async function waitForTasks(
  registry: Registry,
  params: { tasks: string[]; through_limits: boolean },
  context: RequestContext,
): Promise<TaskView[]> {
  const entries = params.tasks.map(ref => registry.resolve(ref));
  const resting = (entry: Entry) => {
    const status = entry.state?.status;
    if (!status) return true;
    const long = status.name === 'waiting' && LONG_WAITS.has(status.why);
    return exitCodeOf(status.name) !== null || (long && !params.through_limits);
  };
  const dirty = new Set<Entry>(entries);
  const changes = new Changes(registry, entry => {
    if (!entries.includes(entry)) return false;
    dirty.add(entry);
    return true;
  });
  const { signal } = context;
  try {
    for (;;) {
      const changed = [...dirty];
      dirty.clear();
      const began = performance.now();
      for (const entry of changed)
        await context.notify('task.changed', { request: context.id, task: registry.viewOf(entry) });
      if (entries.every(resting)) return entries.map(entry => registry.viewOf(entry));
      const gap = Math.max(CHANGES_GAP_MS, (performance.now() - began) / CHANGES_SHARE);
      const next = performance.now() + gap;
      for (let left = gap; left > 0 && !entries.every(resting); left = next - performance.now()) {
        await changes.wait(left, signal);
        signal.throwIfAborted();
      }
      if (dirty.size === 0 && !entries.every(resting)) await changes.wait(null, signal);
      signal.throwIfAborted();
    }
  } finally {
    changes.close();
  }
}
