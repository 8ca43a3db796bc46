/**
 * The registry: every task of this instance in memory, and the only writer of their journals. A change is durable
 * before it is visible here. All work on one task goes through `exclusive`, so that nothing interleaves.
 */

import { RasenError } from '../contract/errors.ts';
import type { Event, NewEvent } from '../contract/event.ts';
import type { Origin } from '../contract/origin.ts';
import type { TaskSpec } from '../contract/spec.ts';
import { isTerminal } from '../contract/status.ts';
import type { MergeProgress, TaskView } from '../contract/view.ts';
import { countJobs, stamp } from '../engine/advance.ts';
import { NOTHING_USED } from '../engine/budget.ts';
import type { Clock } from '../engine/clock.ts';
import type { Trouble } from '../engine/effect.ts';
import { fold } from '../engine/fold.ts';
import { isOver } from '../engine/notices.ts';
import type { Spending, TaskState, Used } from '../engine/state.ts';
import { mergingTask, stuckView, viewOf } from '../engine/view.ts';
import type { About, Damage, Loaded, LocalStore, Standing } from '../store/store.ts';

/** Events of a live task that are kept for followers; older ones come from disk. */
const RECENT_EVENTS = 256;
/** Longer than any day: one has 25 hours. */
const SPENDING_KEPT_MS = 26 * 3_600_000;
/** Shortest prefix or suffix of an id that is taken for it. */
const MIN_PART = 4;

/** What is asked of all tasks that are over, without reading each. Kept in packs: +1 with every change of its shape. */
const BRIEF_FORMAT = 1;

export interface Brief
  extends Pick<TaskView, 'status' | 'ended_at' | 'last_activity' | 'worktree' | 'commit' | 'merged'> {
  format: number;
  /** The last notice, sent or not. */
  notice: TaskView['notifications'][number] | null;
  spending: readonly Spending[];
}

/** What is known of a task that is over, without its spec, plan and history. */
export interface Entry {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly key: string | null;
  /** null when the task is over and its state is only on disk. */
  state: TaskState | null;
  /** Of a task that is over. */
  brief: Brief | null;
  /** Its last view; null when it is packed, and made of what is on disk when somebody asks. */
  rest: TaskView | null;
  /** Where this supervisor stands as its writer; null: it has not read it yet. */
  at: Standing | null;
  recent: Event[];
  jobs: number;
  /** Trouble of the machine that no event can tell of: its journal cannot be written, or it is over and its merge waits. */
  stuck: Trouble | null;
  merging: MergeProgress | null;
  /** What it used lately. */
  spending: readonly Spending[];
  queue: Promise<unknown>;
}

/** What is said of a task that is there and cannot be used. */
function unusable(damage: Damage, before = ''): RasenError {
  const { task, kind, message, hint } = damage;
  const what = kind === 'newer' ? 'is of a newer format' : 'is damaged';
  return new RasenError(
    kind === 'newer' ? 'version' : 'damaged',
    `${before}task ${task} ${what}: ${message}`,
    {
      hint: hint || 'See `rasen doctor`.',
      data: { task },
    },
  );
}

function newEntry(id: string, named: Pick<Entry, 'name' | 'project' | 'key'>, at: Standing | null): Entry {
  const nothing = {
    state: null,
    brief: null,
    rest: null,
    recent: [],
    jobs: 0,
    stuck: null,
    merging: null,
    spending: [],
  };
  return { id, ...named, at, ...nothing, queue: Promise.resolve() };
}

function briefOf(view: TaskView, spending: readonly Spending[]): Brief {
  const { status, ended_at, last_activity, worktree, commit, merged } = view;
  const notice = view.notifications.at(-1) ?? null;
  return {
    format: BRIEF_FORMAT,
    status,
    ended_at,
    last_activity,
    worktree,
    commit,
    merged,
    notice,
    spending,
  };
}

/** The newest alone; ids begin with their time. */
const newestOf = (entries: readonly Entry[]): Entry[] =>
  entries.length === 0 ? [] : [entries.reduce((a, b) => (a.id > b.id ? a : b))];

export type Listener = (entry: Entry, state: TaskState, events: readonly Event[]) => void;

/** An order and its plan are written as one; the one without the other is a journal that was cut. */
function isWhole({ spec, plan, epoch }: TaskState): boolean {
  return epoch > 0 && (spec.plan === null || plan !== null);
}

export class Registry {
  readonly pid: number | null;
  readonly #store: LocalStore;
  readonly #clock: Clock;
  readonly #snapshotFailed: (error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<Listener>();
  /** How many tasks have a name. */
  readonly #names = new Map<string, number>();
  /** Used by tasks that are gone, as long as a day may ask for it; a restart forgets it too. */
  #forgotten: Spending[] = [];
  /** Jobs alive or about to be, over all tasks. */
  jobs = 0;

  /**
   * `snapshotFailed`: told of a shortcut that could not be written; the journal has it all. `pid`: of the supervisor, for
   * views; null: none runs.
   */
  constructor(
    store: LocalStore,
    clock: Clock,
    snapshotFailed: (error: unknown) => void = () => {},
    pid: number | null = process.pid,
  ) {
    this.pid = pid;
    this.#snapshotFailed = snapshotFailed;
    this.#store = store;
    this.#clock = clock;
  }

  /** Reads every task from disk. What cannot be read is in the store's `damage`. */
  load(): void {
    for (const id of this.#store.list()) {
      const packed = this.#store.brief(id);
      if (packed && (packed.brief as Brief | null)?.format === BRIEF_FORMAT) {
        this.#addPacked(id, packed.about, packed.brief as Brief);
        continue;
      }
      const loaded = this.#store.load(id);
      if (!loaded) continue;
      if (isWhole(loaded.state)) {
        this.#add(loaded);
        continue;
      }
      this.#store.lose(id, new RasenError('damaged', 'it holds the beginning of the order and not its end'));
    }
    this.#store.loaded();
    this.#store.recall();
  }

  /** Tasks that are on disk and cannot be used. */
  get damaged(): readonly Damage[] {
    return this.#store.damage.filter(({ task }) => !this.#entries.has(task));
  }

  get size(): number {
    return this.#entries.size;
  }

  all(): Iterable<Entry> {
    return this.#entries.values();
  }

  get(id: string): Entry | null {
    return this.#entries.get(id) ?? null;
  }

  /** The task that has the key. Throws `damaged` or `version` where it cannot be used: the key stays taken. */
  byKey(key: string): Entry | null {
    const id = this.#store.taskOfKey(key);
    if (id === null) return null;
    const entry = this.get(id);
    if (entry) return entry;
    const damage = this.#store.damage.find(({ task }) => task === id);
    if (damage) throw unusable(damage, `the key "${key}" is taken, nothing was started: `);
    throw new RasenError('damaged', `the key "${key}" is taken by task ${id}, which is gone`, {
      hint: 'Restart the supervisor to see what is wrong with it.',
    });
  }

  /** Throws `damaged` or `version` when the id is that of a task that cannot be used: it may have run. */
  assertUsable(id: string): void {
    const damage = this.damaged.find(({ task }) => task === id);
    if (damage) throw unusable(damage, 'nothing was started: ');
  }

  /** A task by id, unique part of an id, name, or project folder (the newest of these). */
  resolve(ref: string): Entry {
    const exact = this.get(ref);
    if (exact) return exact;
    const all = [...this.#entries.values()];
    if (ref.startsWith('/')) {
      const here = all.filter(e => e.project === ref);
      if (here.length > 0) return newestOf(here)[0]!;
    }
    const named = all.filter(e => e.name === ref);
    const parts =
      ref.length >= MIN_PART
        ? all.filter(e => e.id.startsWith(ref.toLowerCase()) || e.id.endsWith(ref.toLowerCase()))
        : [];
    const found = parts.length > 0 ? parts : newestOf(named);
    if (found.length === 1) return found[0]!;
    const damaged = this.damaged.find(
      ({ task, about }) =>
        task === ref ||
        (ref.length >= MIN_PART && (task.startsWith(ref) || task.endsWith(ref))) ||
        about.name === ref,
    );
    if (damaged) throw unusable(damaged);
    if (found.length === 0)
      throw new RasenError('task_unknown', `no task "${ref}"`, { hint: 'See `rasen list`.' });
    const some = found.slice(-10).map(e => e.id);
    throw new RasenError(
      'task_ambiguous',
      `"${ref}" fits ${found.length} tasks: ${some.join(', ')}${found.length > 10 ? ', …' : ''}`,
      {
        hint: 'Give more of the id.',
        data: { tasks: some },
      },
    );
  }

  /** The state, read back from disk when the task is over. Throws `damaged` or `storage` when that fails. */
  stateOf(entry: Entry): TaskState {
    if (entry.state) return entry.state;
    const loaded = this.#store.load(entry.id);
    if (loaded) {
      entry.at = loaded.at;
      return loaded.state;
    }
    const damage = this.#store.damage.find(({ task }) => task === entry.id)!;
    // Moved aside: the task is no longer here. Its key stays taken: the same order must not be carried out again.
    if (damage.moved_to) this.#drop(entry);
    throw unusable(damage);
  }

  viewOf(entry: Entry): TaskView {
    const own = entry.rest ?? viewOf(this.stateOf(entry), this.pid, Date.now());
    const view = { ...own, namesakes: (this.#names.get(entry.name) ?? 1) - 1 };
    const now = entry.merging ? mergingTask(view, entry.merging) : view;
    return entry.stuck ? stuckView(now, entry.stuck) : now;
  }

  /** Says in views how far the merge of a task is, which stands in no event; null: it is over, or waits. */
  merging(id: string, now: MergeProgress | null): void {
    const entry = this.get(id);
    if (entry) entry.merging = now;
  }

  /** Says in views what keeps the task from going on and stands in no event; null: nothing. */
  stuck(entry: Entry, trouble: Trouble | null): void {
    const before = entry.stuck?.message;
    entry.stuck = trouble && { why: trouble.why, message: trouble.message };
    if (entry.state && entry.stuck?.message !== before) this.#publish(entry, entry.state, []);
  }

  /** Status and times, at once. */
  glance(entry: Entry): Pick<TaskView, 'status' | 'last_activity'> {
    return entry.brief ?? this.viewOf(entry);
  }

  /** Makes one file of a task that is over; null, or why it stays as it is. Only inside `exclusive`. */
  async pack(entry: Entry): Promise<string | null> {
    if (entry.state !== null) return null;
    const state = this.stateOf(entry);
    const problem = await this.#store.pack(entry.id, { state }, { brief: entry.brief });
    if (problem === null) entry.rest = null;
    return problem;
  }

  submit(
    spec: TaskSpec,
    first: NewEvent[],
    env: Record<string, string>,
    origin?: Origin,
    input: Buffer | null = null,
  ): Entry {
    const { boot: _, ...time } = this.#clock();
    const order = { type: 'task_submitted', spec, ...(origin && { origin }) } as const;
    const submitted: Event = { seq: 1, ...time, epoch: 0, ...order };
    const rest = stamp(fold(null, submitted), first, this.#clock);
    const events = [submitted, ...rest.events];
    const entry = this.#add(this.#store.submit(spec.id, events, env, input));
    this.#publish(entry, entry.state!, events);
    return entry;
  }

  /** Runs `work` alone on the task: after what was asked before, before what is asked later. */
  exclusive<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    const run = entry.queue.then(work, work);
    entry.queue = run.catch(() => {});
    return run;
  }

  /** Stamps, writes and then shows events. Only inside `exclusive`. */
  async record(entry: Entry, added: readonly NewEvent[]): Promise<void> {
    const { events, state } = stamp(this.stateOf(entry), added, this.#clock);
    await this.commit(entry, events, state);
  }

  /** Writes events that are already folded into `state`. Only inside `exclusive`. */
  async commit(entry: Entry, events: Event[], state: TaskState): Promise<void> {
    if (events.length === 0) return;
    const at = this.#standing(entry);
    const isClaim = events.at(-1)!.type === 'task_claimed';
    entry.at = await this.#store[isClaim ? 'claim' : 'commit'](entry.id, at, events);
    this.#settle(entry, state);
    // The view is that of the new state from now on: that it could not be written is over. A merge or a rollback may still wait.
    if (!state.merge && !state.rollback) entry.stuck = null;
    entry.recent = entry.state ? [...entry.recent, ...events].slice(-RECENT_EVENTS) : [];
    if (isTerminal(state.status)) await this.#store.snapshot(entry.id, { state }).catch(this.#snapshotFailed);
    this.#publish(entry, state, events);
  }

  /** Before something is done for the task that cannot be taken back. Throws `claim_lost`, `storage` or `damaged`. */
  renew(entry: Entry): void {
    this.#store.renew(entry.id, this.#standing(entry));
  }

  /** This supervisor writes no more. */
  release(): void {
    for (const { id, at, state } of this.#entries.values()) if (state && at) this.#store.release(id, at);
  }

  #standing(entry: Entry): Standing {
    if (!entry.at) this.stateOf(entry);
    return entry.at!;
  }

  /** Events after `seq`, from memory where they still are. */
  eventsAfter(entry: Entry, seq: number): readonly Event[] {
    const first = entry.recent[0];
    if (first && first.seq <= seq + 1) return entry.recent.filter(e => e.seq > seq);
    return this.#store.events(entry.id, seq);
  }

  /** What all tasks used since then, those that were removed meanwhile included. */
  usedSince(ms: number): Used {
    const all = [...this.#forgotten, ...[...this.#entries.values()].flatMap(entry => entry.spending)];
    const recent = all.filter(({ t }) => Date.parse(t) >= ms);
    return recent.reduce<Used>(
      (sum, s) => ({ tokens: sum.tokens + s.tokens, usd: sum.usd + s.usd }),
      NOTHING_USED,
    );
  }

  forget(entry: Entry): void {
    const since = Date.now() - SPENDING_KEPT_MS;
    this.#forgotten = [...this.#forgotten, ...entry.spending].filter(({ t }) => Date.parse(t) >= since);
    this.#store.remove(entry.id);
    this.#drop(entry);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #add({ state, at }: Loaded): Entry {
    const { name, project, key } = state.spec;
    const entry = newEntry(state.id, { name, project, key }, at);
    this.#settle(entry, state);
    this.#keep(entry);
    return entry;
  }

  #addPacked(id: string, about: About, brief: Brief): void {
    const { name, project, key } = about;
    const entry = newEntry(id, { name: name ?? '', project: project ?? '', key }, null);
    entry.brief = brief;
    entry.spending = brief.spending;
    this.#keep(entry);
  }

  #keep(entry: Entry): void {
    if (!this.#entries.has(entry.id)) this.#names.set(entry.name, (this.#names.get(entry.name) ?? 0) + 1);
    this.#entries.set(entry.id, entry);
  }

  #drop(entry: Entry): void {
    if (!this.#entries.delete(entry.id)) return;
    const left = this.#names.get(entry.name)! - 1;
    if (left > 0) this.#names.set(entry.name, left);
    else this.#names.delete(entry.name);
  }

  /** Keeps the whole state of what is not over, and of the rest only what a list shows. */
  #settle(entry: Entry, state: TaskState): void {
    const over = isOver(state);
    if (over) this.#store.rest(entry.id);
    entry.state = over ? null : state;
    entry.rest = over ? viewOf(state, this.pid, Date.now()) : null;
    entry.brief = entry.rest && briefOf(entry.rest, state.spending);
    entry.spending = state.spending;
    const jobs = over ? 0 : countJobs(state);
    this.jobs += jobs - entry.jobs;
    entry.jobs = jobs;
  }

  #publish(entry: Entry, state: TaskState, events: readonly Event[]): void {
    for (const listener of this.#listeners) listener(entry, state, events);
  }
}
