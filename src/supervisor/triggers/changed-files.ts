/** The files that changed, as the run of a watch is told of them. */
import type { TriggerStore } from '../../store/file/trigger-store.ts';
import type { NewTriggerEvent } from '../../triggers/event.ts';
import { liveRuns, type TriggerState, type Waiting } from '../../triggers/state.ts';

/** Paths that a run is told of; the number of all of them is told, too. */
const PATHS_MAX = 100_000;

/** The files of a slot are told to the run that it is joined into. */
export function writeChanges(
  store: TriggerStore,
  state: TriggerState,
  events: readonly NewTriggerEvent[],
  mine: Waiting,
  paths: readonly string[],
): void {
  const into = events.flatMap(event => (event.type === 'slots_passed' ? (event.into ?? []) : []))[0];
  const isQueued = events.some(({ type }) => type === 'slot_queued');
  const runs = isQueued ? mine : state.queue.find(({ slot }) => slot === into);
  // A slot without a file is that of a person: its run is told of no files.
  if (!runs?.payload) return;
  const { overlap } = state.definition.policy;
  // What is replaced has not dealt with its files, be it in the queue or cancelled in the middle.
  const replaced = overlap === 'replace' ? [...liveRuns(state), ...state.taken, ...state.queue] : [];
  const joined = isQueued ? replaced : [runs];
  const known = joined.flatMap(({ payload }) => {
    const before = payload === null ? null : store.readPayload(state.id, payload);
    return (before as { changed?: string[] } | null)?.changed ?? [];
  });
  store.writePayload(state.id, runs.payload, change([...new Set([...known, ...paths])]));
}

/** Whether changes were made while a run went on. */
export function overlaps(run: TriggerState['runs'][number], first_ms: number, last_ms: number): boolean {
  return run.started <= last_ms && (run.ended_at === null || Date.parse(run.ended_at) >= first_ms);
}

const change = (paths: readonly string[]) => ({ changed: paths.slice(0, PATHS_MAX), count: paths.length });
