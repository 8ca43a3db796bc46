/** The ears of the supervisor, one for each session of an agent that goes on; each listens about once a second. */
import { messageOf } from '../contract/errors.ts';
import type { Signs } from '../engine/effect.ts';
import type { Log } from '../log.ts';
import { Ear, type Listening } from './ear.ts';

const LISTEN_MS = 1000;

export class Ears {
  readonly #ears = new Map<string, { task: string; ear: Ear; is_deaf: boolean }>();
  readonly #changed: (task: string) => void;
  readonly #log: Log;
  #timer: NodeJS.Timeout | null = null;

  /** `changed`: something is known of a task's session that matters to it. */
  constructor(changed: (task: string) => void, log: Log) {
    this.#changed = changed;
    this.#log = log;
  }

  /** Listens to the session with this folder until `ended`; not to a program that says nothing. */
  listenTo(task: string, folder: string, options: Listening): void {
    const conversation = options.open();
    if (conversation === null || this.#ears.has(folder)) return;
    this.#ears.set(folder, { task, ear: new Ear(folder, conversation, options), is_deaf: false });
    this.#timer ??= setInterval(() => this.#listen(), LISTEN_MS).unref();
  }

  /** null: nothing is known, or not everything yet. */
  signs(folder: string): Signs | null {
    return this.#ears.get(folder)?.ear.signs ?? null;
  }

  /** Of all sessions that go on. */
  *all(): Iterable<Signs> {
    for (const { ear } of this.#ears.values()) if (ear.signs !== null) yield ear.signs;
  }

  ended(folder: string): void {
    this.#ears.delete(folder);
    if (this.#ears.size === 0) this.close();
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  #listen(): void {
    for (const [folder, listener] of this.#ears) {
      const { task, ear, is_deaf } = listener;
      ear.listen().then(
        matters => {
          listener.is_deaf = false;
          if (matters && this.#ears.has(folder)) this.#changed(task);
        },
        error => {
          // Said once; what it missed is read when it can be.
          if (!is_deaf)
            this.#log.warn(
              { task, error },
              `the output of ${folder} cannot be heard: it ${messageOf(error)}`,
            );
          listener.is_deaf = true;
        },
      );
    }
  }
}
