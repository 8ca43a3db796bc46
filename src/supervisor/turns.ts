/**
 * Whose turn it is: tasks that come after others, groups with so many places, and who is asked first when there is one.
 * What is seen here is handed to `decide` (engine/turn.ts).
 */
import type { Event } from '../contract/event.ts';
import type { TaskState } from '../engine/state.ts';
import { holdsPlace, type Turn } from '../engine/turn.ts';
import type { Entry, Registry } from './registry.ts';

/** Tasks of a group at once, where `groups` says nothing of it. */
const PLACES = 1;
/** Names in a sentence. */
const NAMED = 5;

/** With these a task frees its place, or what comes after it may begin. */
const ENDS: ReadonlySet<Event['type']> = new Set([
  'task_completed',
  'task_failed',
  'task_cancelled',
  'task_interrupted',
  'task_blocked',
]);

export interface TurnsOptions {
  registry: Registry;
  settings: { readonly groups: Readonly<Record<string, number>> };
}

export class Turns {
  readonly #options: TurnsOptions;
  /** Tasks that take a place in an event which is not durable yet. */
  readonly #entering = new Set<string>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** null: it may begin, or has begun. */
  of(state: TaskState): Turn | null {
    return (state.started_at === null ? this.#after(state) : null) ?? this.#group(state);
  }

  /** Runs `work`, which makes `next` durable; meanwhile its place counts as taken. */
  async entering(before: TaskState, next: TaskState, work: () => Promise<void>): Promise<void> {
    const enters = next.spec.group !== null && holdsPlace(next.status) && !holdsPlace(before.status);
    if (enters) this.#entering.add(next.id);
    try {
      await work();
    } finally {
      this.#entering.delete(next.id);
    }
  }

  /** Who may begin now that something happened to this task, first to be asked first. */
  freed({ id }: Entry, { spec }: TaskState, events: readonly Event[]): Entry[] {
    if (!events.some(({ type }) => ENDS.has(type))) return [];
    const waits = ({ state }: Entry) =>
      state !== null &&
      (state.spec.after.includes(id) || (spec.group !== null && state.spec.group === spec.group)) &&
      !holdsPlace(state.status);
    return byPriority([...this.#options.registry.all()].filter(waits));
  }

  #after({ id: own, spec }: TaskState): Turn | null {
    const open: string[] = [];
    for (const id of spec.after) {
      const entry = this.#options.registry.get(id);
      const name = entry ? `${entry.name} (${id})` : id;
      const status = entry && (entry.state?.status.name ?? entry.brief?.status ?? entry.rest?.status);
      if (status === 'completed') continue;
      const lost = (message: string): Turn => ({ why: 'after', lost: true, message });
      const begins = `begins once that is completed: rasen retry --task ${id}`;
      if (status === 'failed') return lost(`it comes after ${name}, which failed; it ${begins}`);
      if (status === undefined || status === 'cancelled')
        return lost(
          `it comes after ${name}, which ${status ? 'was cancelled' : 'is gone'}; it cannot begin: rasen cancel ${own}`,
        );
      open.push(name);
    }
    if (open.length === 0) return null;
    const more = open.length > NAMED ? ` and ${open.length - NAMED} more` : '';
    return { why: 'after', lost: false, message: `it comes after ${open.slice(0, NAMED).join(', ')}${more}` };
  }

  #group({ id, spec, status }: TaskState): Turn | null {
    const { group } = spec;
    if (group === null || holdsPlace(status)) return null;
    const places = this.#options.settings.groups[group] ?? PLACES;
    const others = [...this.#options.registry.all()].filter(
      entry =>
        entry.id !== id &&
        entry.state?.spec.group === group &&
        (holdsPlace(entry.state.status) || this.#entering.has(entry.id)),
    );
    if (others.length < places) return null;
    const tasks = places === 1 ? 'one task' : `${places} tasks`;
    return { why: 'group', lost: false, message: `group ${group} runs ${tasks} at a time` };
  }
}

/** Higher priority first, then the older one; ids begin with their time. */
export function byPriority(entries: Entry[]): Entry[] {
  const priority = ({ state }: Entry) => state?.spec.priority ?? 0;
  return entries.sort((a, b) => priority(b) - priority(a) || (a.id < b.id ? -1 : 1));
}
