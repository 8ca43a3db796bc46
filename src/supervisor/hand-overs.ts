/**
 * Tasks that are submitted from inside other tasks. How deep that may go is checked here. The parent knows of each before
 * it is accepted, so that nobody forgets to tell it how that ended: whenever something happened that may matter, it is
 * looked again at what is owed, also after a restart. What is told is in engine/handed.ts.
 */
import { isRasenError, messageOf, RasenError } from '../contract/errors.ts';
import type { Event } from '../contract/event.ts';
import type { Origin } from '../contract/origin.ts';
import type { TaskSpec } from '../contract/spec.ts';
import { isTerminal } from '../contract/status.ts';
import { usedBy } from '../engine/budget.ts';
import { DEPTH_MAX, HANDED_MAX, type HandedEnd, handedBack } from '../engine/handed.ts';
import type { Log } from '../log.ts';
import type { Reconciler } from './reconcile.ts';
import type { Entry, Registry } from './registry.ts';

/** Whose ends are told to agents: those of `rasen mcp`. Who submits with a command of his own sees how it ends. */
const TOLD_VIA = 'mcp';
/** Output that is told of at most. */
const TAIL = { lines: 20, bytes: 4096 };
/** What could not be written is tried again. */
const RETRY_MS = 2000;

/** A task is over, so its parent may have to hear of it. */
const ENDS: ReadonlySet<Event['type']> = new Set(['task_completed', 'task_failed', 'task_cancelled']);
/** There may be room for a note again, or somebody to hear it. */
const FREES: ReadonlySet<Event['type']> = new Set(['note_told', 'task_resumed']);

export interface HandOversOptions {
  registry: Registry;
  reconciler: Reconciler;
  log: Log;
  /** The last lines that a task printed; null: none. */
  outputEnd(task: string, lines: number, bytes: number): Promise<string | null>;
}

/** The task from inside which another one was submitted; null: somebody else submitted it. */
export function parentOf(registry: Pick<Registry, 'eventsAfter'>, entry: Entry): string | null {
  const known = entry.state ?? entry.rest;
  // Views and snapshots of before do not say it; the journal does.
  return known?.parent ?? registry.eventsAfter(entry, 0)[0]?.origin?.task ?? null;
}

/** Statuses of a task that takes no place any more. */
const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'damaged', 'newer_format']);

export class HandOvers {
  readonly #options: HandOversOptions;
  /** Tasks that are known to their parents and not accepted yet. */
  readonly #accepting = new Set<string>();
  /** Parents that are looked at, and those that have to be looked at once more then. */
  readonly #looking = new Map<string, 'once' | 'again'>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stop: (() => void) | null = null;
  #closed = false;

  constructor(options: HandOversOptions) {
    this.#options = options;
  }

  /** From now on ends are told; what is owed from before is told now. */
  start(): void {
    const { registry } = this.#options;
    this.#stop = registry.listen((entry, state, events) => {
      if (state.parent !== undefined && events.some(({ type }) => ENDS.has(type))) this.#look(state.parent);
      if (state.handed?.length && events.some(({ type }) => FREES.has(type))) this.#look(entry.id);
    });
    for (const { id, state } of registry.all()) if (state?.handed?.length) this.#look(id);
  }

  close(): void {
    this.#closed = true;
    this.#stop?.();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Runs `accept`, with the task in the books of its parent. Throws `too_deep` and `overloaded`; then nothing was done. */
  async during<T>({ id }: TaskSpec, origin: Origin, accept: () => T): Promise<T> {
    const { registry } = this.#options;
    const parent = origin.task === undefined ? null : registry.get(origin.task);
    if (!parent) return accept();
    this.#checkDepth(parent);
    this.#accepting.add(id);
    try {
      await registry.exclusive(parent, () => this.#enter(parent, id, origin));
      return accept();
    } catch (error) {
      this.#accepting.delete(id);
      this.#look(parent.id);
      throw error;
    } finally {
      this.#accepting.delete(id);
    }
  }

  async #enter(parent: Entry, task: string, { via }: Origin): Promise<void> {
    const { registry } = this.#options;
    const state = registry.stateOf(parent);
    const handed = state.handed ?? [];
    // What has outlived its task tells nobody; and the same order may have come before.
    if (isTerminal(state.status) || handed.some(it => it.task === task)) return;
    // Those that wait to be told of are over.
    const open = handed.filter(({ task: id }) => this.#goesOn(id));
    if (open.length >= HANDED_MAX)
      throw new RasenError(
        'overloaded',
        `task ${parent.id} has handed over ${open.length} tasks that are not over; nothing was started`,
        {
          hint: `Wait for some of them, or end one: rasen cancel ${open[0]!.task}`,
          data: { task: parent.id },
        },
      );
    await registry.record(parent, [{ type: 'task_handed_over', task, tell: via === TOLD_VIA }]);
  }

  #goesOn(task: string): boolean {
    const entry = this.#options.registry.get(task);
    return entry !== null && !OVER.has(this.#options.registry.glance(entry).status);
  }

  #checkDepth(parent: Entry): void {
    const { registry } = this.#options;
    let depth = 0;
    for (let at: Entry | null = parent; at && depth <= DEPTH_MAX; depth++) {
      const above = parentOf(registry, at);
      at = above === null || above === at.id ? null : registry.get(above);
    }
    if (depth <= DEPTH_MAX) return;
    throw new RasenError(
      'too_deep',
      `task ${parent.id} was itself handed over by a task that was handed over; work is handed on ${DEPTH_MAX} times at most. Nothing was started.`,
      {
        hint: 'Do the work in this task, or say in its result what is left to be done.',
        data: { task: parent.id, depth_max: DEPTH_MAX },
      },
    );
  }

  #look(parent: string): void {
    if (this.#closed) return;
    if (this.#looking.has(parent)) {
      this.#looking.set(parent, 'again');
      return;
    }
    this.#looking.set(parent, 'once');
    void this.#tell(parent)
      .catch(error => {
        const { log } = this.#options;
        log.warn({ task: parent, error }, `task ${parent}: what it handed over: ${messageOf(error)}`);
        // Removed or damaged: nobody is left who could be told.
        if (isRasenError(error) && error.kind !== 'storage') return;
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          this.#look(parent);
        }, RETRY_MS);
        this.#timers.add(timer);
      })
      .finally(() => {
        const again = this.#looking.get(parent) === 'again';
        this.#looking.delete(parent);
        if (again) this.#look(parent);
      });
  }

  /** Tells a task what became of those that it handed over, as far as they are over and there is room for it. */
  async #tell(parent: string): Promise<void> {
    const { registry, reconciler } = this.#options;
    const entry = registry.get(parent);
    let trouble: unknown = null;
    for (const { task } of entry?.state?.handed ?? []) {
      // One that cannot be read keeps no other from being told of.
      const end = this.#accepting.has(task)
        ? null
        : await this.#endOf(task).catch(error => {
            trouble ??= error;
            return null;
          });
      if (!end || this.#closed) continue;
      const told = await registry.exclusive(entry!, async () => {
        const state = registry.get(parent) === entry ? entry!.state : null;
        if (this.#closed || !state || isTerminal(state.status)) return false;
        const events = handedBack(state, end);
        if (!events?.length) return false;
        await registry.record(entry!, events);
        return true;
      });
      if (told) reconciler.kick(entry!);
    }
    if (trouble !== null) throw trouble;
  }

  /** null: it is not over, or cannot be read now. */
  async #endOf(task: string): Promise<HandedEnd | null> {
    const { registry, outputEnd } = this.#options;
    const entry = registry.get(task);
    if (!entry) {
      if (registry.damaged.some(damage => damage.task === task)) return null;
      const nothing = { reason: null, result: null, tail: null, used: { tokens: 0, usd: 0 } };
      return { task, name: task, status: 'removed', ...nothing };
    }
    const { status } = registry.glance(entry);
    if (status !== 'completed' && status !== 'failed' && status !== 'cancelled') return null;
    const { name, reason, result } = registry.viewOf(entry);
    const used = usedBy(registry.stateOf(entry));
    const tail = result === null ? await outputEnd(task, TAIL.lines, TAIL.bytes) : null;
    return { task, name, status, reason, result, tail, used };
  }
}
