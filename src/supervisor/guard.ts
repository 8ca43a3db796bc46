/**
 * Who may ask for what: before a request that changes something is carried out, it is found out who asks, and what only a
 * person decides is refused to what runs inside an attempt. Where the machine has the means and they fail for one client,
 * it is refused too; where it has none (macOS, a Linux with neither perl nor python3) nothing is refused, and `doctor` says
 * so: a rasen that nobody may ask to merge would be none.
 */
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { Who } from '../contract/methods/define.ts';
import { isInside, type Origin, originText } from '../contract/origin.ts';
import type { Log } from '../log.ts';
import type { RequestContext } from '../rpc/server.ts';
import type { Askers } from './askers.ts';
import { parentOf } from './hand-overs.ts';
import type { Entry, Registry } from './registry.ts';

export interface Guarded {
  /** `task.merge` */
  name: string;
  asks: Who;
}

/** Refusals that are recorded of one task by one supervisor; all others are only answered. */
const RECORDED_MAX = 20;
/** Longest line of tasks that were submitted from inside each other. */
const DEPTH_MAX = 32;

/** Requests by which a task comes to be. */
const HANDS_OVER: ReadonlySet<string> = new Set(['task.run', 'task.submit']);
const HINT_OF_SHELL =
  'If it was a shell of yours: its `ulimit -m` is lower than that of the supervisor. Start the supervisor with the same one.';

export class Guard {
  readonly #askers: Askers;
  readonly #registry: Registry;
  readonly #log: Log;
  /** What was recorded, by task: an attempt that asks a million times must not fill the journal. */
  readonly #recorded = new Map<string, Set<string>>();

  constructor(parts: { askers: Askers; registry: Registry; log: Log }) {
    this.#askers = parts.askers;
    this.#registry = parts.registry;
    this.#log = parts.log;
  }

  /** Resolves with who asks. Throws `not_permitted` when that one may not, after the refusal was recorded. */
  async check(
    { name, asks }: Guarded,
    task: string | undefined,
    { peer, signal }: Pick<RequestContext, 'peer' | 'signal'>,
  ): Promise<Origin> {
    const { origin, unknown } = await this.#askers.who(peer);
    if (asks === 'anyone') {
      if (HANDS_OVER.has(name)) this.#refuseUnknown(origin, unknown);
      return origin;
    }
    // Who has left does not wait for it any more, and cannot be looked at.
    signal.throwIfAborted();
    const entry = task === undefined ? null : this.#registry.resolve(task);
    const why = this.#whyNot({ name, asks }, entry, origin, unknown);
    if (why === null) return origin;
    const error = refusal(name, why, origin);
    await this.#record(entry ?? this.#registry.get(origin.task ?? ''), name, error.message, origin);
    throw error;
  }

  /** Work of whose parent nobody knows would count for no depth and no budget, and nobody would hear how it ended. */
  #refuseUnknown(origin: Origin, unknown: string | null): void {
    const lost = origin.task === undefined ? origin.inside : this.#registry.get(origin.task) === null;
    if (unknown === null && !lost) return;
    const why =
      unknown === null
        ? 'it comes from a program that rasen has started, and nobody knows for which task'
        : `it cannot be told who asks: ${unknown}`;
    this.#log.warn({ origin }, 'work was not taken: whose it is cannot be told');
    throw new RasenError('not_permitted', `The work was not taken: ${why}. Nothing was started.`, {
      hint: unknown === null ? HINT_OF_SHELL : 'Ask again from a shell of your own.',
    });
  }

  /** Records what was asked for at the door of a sandbox and is not answered there; gives the error. */
  async refuse(name: string, entry: Entry, origin: Origin): Promise<RasenError> {
    const error = new RasenError(
      'not_permitted',
      `\`${verbOf(name)}\` is not for a session in a sandbox. Nothing was done.`,
      { hint: 'It can hand work over, see what became of it, and stop that.', data: { method: name } },
    );
    await this.#record(entry, name, error.message, origin);
    return error;
  }

  /** null: it may. */
  #whyNot(
    { name, asks }: Guarded,
    entry: Entry | null,
    origin: Origin,
    unknown: string | null,
  ): string | null {
    if (unknown !== null) return `and it cannot be told who asks: ${unknown}`;
    if (!isInside(origin)) return null;
    if (entry && origin.task !== undefined) {
      if (asks === 'own' && entry.id === origin.task) return null;
      if (asks !== 'person' && this.#isFrom(entry, origin.task) && !this.#isBlocked(name, entry)) return null;
    }
    return `and this request comes ${originText({ ...origin, pid: undefined } as Origin)}`;
  }

  /** What a task is blocked for, a person has to see, whoever submitted it. */
  #isBlocked(name: string, { state, rest }: Entry): boolean {
    return name === 'task.resume' && (state?.status.name ?? rest?.status) === 'blocked';
  }

  /** Whether a task was submitted from inside another one, or from inside one of its own. */
  #isFrom(entry: Entry, ancestor: string): boolean {
    let from: Entry | null = entry;
    for (let depth = 0; from && depth < DEPTH_MAX; depth++) {
      const parent = parentOf(this.#registry, from);
      if (parent === ancestor) return true;
      from = parent === null || parent === from.id ? null : this.#registry.get(parent);
    }
    return false;
  }

  async #record(entry: Entry | null, method: string, reason: string, origin: Origin): Promise<void> {
    this.#log.warn({ method, origin, ...(entry && { task: entry.id }) }, 'a request was refused');
    if (!entry) return;
    const known = this.#recorded.get(entry.id) ?? new Set<string>();
    this.#recorded.set(entry.id, known);
    const key = `${method} ${origin.task ?? ''}`;
    if (known.has(key) || known.size >= RECORDED_MAX) return;
    known.add(key);
    try {
      await this.#registry.exclusive(entry, () =>
        this.#registry.record(entry, [{ type: 'request_refused', method, reason, origin }]),
      );
    } catch (error) {
      // The answer must come all the same; the log has it.
      if (!isRasenError(error)) throw error;
      known.delete(key);
    }
  }
}

const verbOf = (name: string) => name.slice(name.indexOf('.') + 1);

function refusal(name: string, why: string, origin: Origin): RasenError {
  return new RasenError('not_permitted', `\`${verbOf(name)}\` needs a person, ${why}. Nothing was done.`, {
    hint: origin.inside
      ? HINT_OF_SHELL
      : 'Ask for it from a shell of your own. From inside a task: status, logs, report, note and run, and stop of what it has submitted.',
    data: { method: name, ...(origin.task === undefined ? {} : { task: origin.task }) },
  });
}
