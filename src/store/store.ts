/**
 * The store, as the supervisor sees it: tasks as lists of events, which are durable before anybody is told of them. What
 * keeps them is a driver: file/ for one machine, memory.ts for simulations. conformance.ts is what each driver has to pass.
 *
 * Who may write is decided by claims. A supervisor claims a task with a `task_claimed` event, which raises the epoch and
 * carries the incarnation of the supervisor as its nonce. Every write names the epoch, the nonce and the last event that the
 * writer knows of, and is refused with `claim_lost` when another claim has come meanwhile: a supervisor that was taken for dead
 * can do no harm when it wakes up.
 *
 *   claim ──► commit … commit ──► release          a task that nobody holds can be claimed by anybody
 *                │ ▲
 *              renew  signal: whoever holds the task should look at it
 */
import { RasenError } from '../contract/errors.ts';
import { type Event, eventProblem, isEventType } from '../contract/event.ts';
import type { TaskState } from '../engine/state.ts';

/** Under which claim somebody writes, and up to which event he knows the task. */
export interface Standing {
  epoch: number;
  /** Incarnation of the supervisor that claimed the task last; empty: nobody has. */
  nonce: string;
  seq: number;
}

export interface Loaded {
  state: TaskState;
  at: Standing;
}

/** What is known of a task whatever became of its files. */
export interface About {
  name: string | null;
  project: string | null;
  key: string | null;
}

/** A task that is there and cannot be used. */
export interface Damage {
  task: string;
  kind: 'damaged' | 'newer';
  message: string;
  /** Where its bytes are kept, in words of the driver; null: where they were. */
  moved_to: string | null;
  hint: string;
  about: About;
}

export interface TaskStore {
  /** Tasks that cannot be used. */
  readonly damage: readonly Damage[];
  /** Ids of all tasks, oldest first. */
  list(): string[];
  /** The task that has an idempotency key, or had it when it was lost. */
  taskOfKey(key: string): string | null;
  /** A new task, all or nothing. Durable when it returns. Throws `task_exists` or `storage`. */
  submit(id: string, events: Event[], env: Record<string, string>, input?: Buffer | null): Loaded;
  /** null: it cannot be used, and is in `damage`. */
  load(id: string): Loaded | null;
  /** Every acknowledged event after a number, in order. Throws `damaged` or `version`, never gives a part. */
  events(id: string, after?: number): Event[];
  /** The environment that was captured at submit. Throws `damaged`. */
  env(id: string): Record<string, string>;

  /** Takes the task: the last of the events is the `task_claimed`, of the next epoch. */
  claim(id: string, at: Standing, events: Event[]): Promise<Standing>;
  /** Adds events. Resolves with the new standing when they are durable. Throws `claim_lost`, `damaged` or `storage`. */
  commit(id: string, at: Standing, events: Event[]): Promise<Standing>;
  /** Asked before anything is done for a task that cannot be taken back. Throws `claim_lost` or `storage`. */
  renew(id: string, at: Standing): void;
  /** Nothing more is written under this claim. */
  release(id: string, at: Standing): void;
  /** Whoever holds the task should look at it. */
  signal(id: string): void;
  /** Calls the listener for tasks that are signalled, until the result is called. */
  onSignal(listener: (id: string) => void): () => void;

  /** A shortcut for later loads. `state` is the one after the last event. */
  snapshot(id: string, loaded: Pick<Loaded, 'state'>): Promise<void>;
  /** The task is over: nothing has to be kept at hand for it. */
  rest(id: string): void;
  /** Removes a task for good, and frees its key. */
  remove(id: string): void;
  /** Why this process may not write any more, whatever the task; null: it may. */
  gone(): string | null;
  close(): void;
}

/** What was captured of the shell at submit. */
export interface CapturedEnv {
  env: Record<string, string>;
  /** Values that variables had before, the newest first. */
  before: Record<string, string[]>;
}

/** Something that was put right, to be told. */
export interface Mended {
  task: string;
  message: string;
  /** What was there instead. */
  moved_to: string[];
}

/** A file of a task; its name is the path below the folder of the task. */
export interface StoredFile {
  name: string;
  data: Buffer;
}

/** Why a task is not packed now: its files are in use. */
export const HELD = 'somebody reads in it, or it goes on';

/**
 * A store on the machine of its supervisor: what attempts leave lies beside their tasks, tasks that are over are made
 * small, and what somebody else does to its files is found, told and put right.
 */
export interface LocalStore extends TaskStore {
  /** Called when files of a task that is not over were changed by somebody else and written again. */
  onMended: (mended: Mended) => void;
  /**
   * What was said of a task when it was packed, without reading more of it; null: it is none, or what is known of it
   * does not fit: `load` it.
   */
  brief(id: string): { brief: unknown; about: About } | null;
  /** A task cannot be used: names it in `damage`, and moves it aside where its bytes are of no use. */
  lose(id: string, error: unknown): Damage;
  /** To be called when every task was loaded: all that was read is on the disk as far as it must be. */
  loaded(): void;
  /** To be called then, too: names in `damage` what earlier starts moved aside, and tasks that are gone. */
  recall(): void;

  /** The environment with the values before. Throws `damaged`. */
  captured(id: string): CapturedEnv;
  /** Values in the place of those that were captured, of a task that is not over. Durable when it resolves. */
  changeEnv(id: string, changes: Record<string, string>): Promise<void>;
  /** sha256 of what was piped into the task. */
  inputHash(id: string): string;

  isPacked(id: string): boolean;
  /**
   * Makes one file of a task that is over, or gives the reason why not; it is then as it was. `brief`: what `brief` gives
   * of it later.
   */
  pack(id: string, loaded: Pick<Loaded, 'state'>, options: { brief: unknown }): Promise<string | null>;
  /** Files of a packed task whose name begins so. Throws `damaged`. */
  packedFiles(id: string, prefix: string): StoredFile[];
  /** What the attempts of a task left, for as long as it is read: `tasks` is a folder of folders of tasks. */
  hold(id: string): { tasks: string; release: () => void };
  /** Bytes that a task takes on the disk; 0: nobody can say. */
  bytes(id: string): Promise<number>;

  /** Everything that is wrong with what is kept of a task, read again; changes nothing. */
  check(id: string): string[];
  /** Names of what was moved aside. */
  movedAside(): string[];
  /** Why it is not noticed whether journals were cut at a line end; null: it is. */
  readonly blind: string | null;
  /** Removes what is left of a task that cannot be used, and frees its key. */
  removeDamaged(id: string): void;
}

/** Where a writer stands after events of his. */
export function standingAfter(before: Standing | null, events: readonly Event[]): Standing {
  const { epoch, seq } = events.at(-1)!;
  const claim = events.findLast(event => event.type === 'task_claimed');
  return { epoch, seq, nonce: claim?.incarnation ?? before?.nonce ?? '' };
}

/** Throws `claim_lost` where another claim came meanwhile. Two writers of one claim are a bug. */
export function assertStands(id: string, now: Standing, given: Standing): void {
  if (now.epoch !== given.epoch || now.nonce !== given.nonce)
    throw new RasenError('claim_lost', `Another supervisor has taken over task ${id}; nothing was written.`, {
      hint: 'This one does nothing more for it.',
      data: { task: id, epoch: now.epoch, held: given.epoch },
    });
  if (now.seq !== given.seq)
    throw new Error(`task ${id}: a write after event ${given.seq}, and the last one is ${now.seq}`);
}

/** Throws where events are no claim. */
export function assertClaims(id: string, at: Standing, events: readonly Event[]): void {
  const last = events.at(-1);
  if (last?.type !== 'task_claimed' || last.epoch !== at.epoch + 1)
    throw new Error(`task ${id}: a claim ends with task_claimed of epoch ${at.epoch + 1}`);
}

/**
 * Throws `internal` where an event is not what its type says: nobody could read it, and all of the task with it. It is looked
 * at as what will be read: a number that is none is null then.
 */
export function assertSound(id: string, events: readonly Event[]): void {
  for (const event of events) {
    const problem = isEventType(event.type) ? eventProblem(event.type, event) : 'no such event';
    if (problem === null) continue;
    throw new RasenError('internal', `task ${id}: a wrong ${event.type} was not written (${problem})`, {
      hint: 'Nothing of it was recorded, and the task can still be read.',
      data: { task: id, type: event.type },
    });
  }
}
