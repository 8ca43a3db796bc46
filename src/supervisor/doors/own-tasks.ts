/** The tasks that a session in a sandbox may see: its own, and those that were handed over from it. */
import { RasenError } from '../../contract/errors.ts';
import type { Entry, Registry } from '../registry.ts';

/** Of an id, as everywhere. */
const PART_CHARS = 4;
/** Longest line of tasks that were handed over from inside each other. */
const DEPTH_MAX = 32;

type Tasks = Pick<Registry, 'get' | 'all' | 'stateOf'>;

export class OwnTasks {
  readonly #registry: Tasks;
  readonly #task: string;

  constructor(registry: Tasks, task: string) {
    this.#registry = registry;
    this.#task = task;
  }

  /** That of the session. Throws `task_unknown` when it was removed. */
  entry(): Entry {
    const entry = this.#registry.get(this.#task);
    if (entry) return entry;
    throw unknown(this.#task);
  }

  get project(): string {
    return this.entry().project;
  }

  has(id: string): boolean {
    let at = this.#registry.get(id);
    for (let depth = 0; at && depth < DEPTH_MAX; depth++) {
      if (at.id === this.#task) return true;
      const parent = (at.state ?? at.rest)?.parent ?? null;
      at = parent === null || parent === at.id ? null : this.#registry.get(parent);
    }
    return false;
  }

  all(): Entry[] {
    // What was handed over is younger: ids begin with their time.
    return [...this.#registry.all()].filter(({ id }) => id >= this.#task && this.has(id));
  }

  /** By id, a part of it that is none of another one's, or name. Of other tasks it is not even said that they are there. */
  resolve(ref: string): Entry {
    const exact = this.#registry.get(ref);
    if (exact && this.has(ref)) return exact;
    const own = this.all();
    const part = ref.toLowerCase();
    const parts =
      part.length < PART_CHARS ? [] : own.filter(({ id }) => id.startsWith(part) || id.endsWith(part));
    if (parts.length === 1) return parts[0]!;
    const named = own.filter(({ name }) => name === ref);
    if (parts.length > 1 || named.length === 0) throw unknown(ref);
    return named.reduce((a, b) => (a.id > b.id ? a : b));
  }

  /**
   * One that was handed over at a door. Throws `not_permitted` for that of the session itself, and for one that works outside
   * of the sandbox: what runs there may be a file that a session can write.
   */
  handed(ref: string): Entry {
    const entry = this.resolve(ref);
    if (entry.id !== this.#task) {
      if (this.#registry.stateOf(entry).spec.sandbox?.within) return entry;
      throw new RasenError(
        'not_permitted',
        `task ${entry.id} was not handed over from inside a sandbox, and works outside of one.`,
        { hint: 'It can be waited for, and looked at.' },
      );
    }
    throw new RasenError(
      'not_permitted',
      'A session in a sandbox stops what it has handed over, and not itself.',
      {
        hint: 'End the session with its result.',
      },
    );
  }
}

function unknown(ref: string): RasenError {
  return new RasenError('task_unknown', `no task "${ref}" was handed over from here`, {
    hint: 'From inside a sandbox the own task is seen, and those that it has handed over: see `list`.',
  });
}
