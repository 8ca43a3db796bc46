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
    if (asks === 'anyone') return origin;
    // Who has left does not wait for it any more, and cannot be looked at.
    signal.throwIfAborted();
    const entry = task === undefined ? null : this.#registry.resolve(task);
    const why = this.#whyNot({ name, asks }, entry, origin, unknown);
    if (why === null) return origin;
    const error = refusal(name, why, origin);
    await this.#record(entry ?? this.#registry.get(origin.task ?? ''), name, error.message, origin);
    throw error;
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

function refusal(name: string, why: string, origin: Origin): RasenError {
  const verb = name.slice(name.indexOf('.') + 1);
  return new RasenError('not_permitted', `\`${verb}\` needs a person, ${why}. Nothing was done.`, {
    hint: origin.inside
      ? 'If it was a shell of yours: its `ulimit -m` is lower than that of the supervisor. Start the supervisor with the same one.'
      : 'Ask for it from a shell of your own. From inside a task: status, logs, report, note and run, and stop of what it has submitted.',
    data: { method: name, ...(origin.task === undefined ? {} : { task: origin.task }) },
  });
}
