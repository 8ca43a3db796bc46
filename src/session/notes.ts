/**
 * Notes for a session that runs: files in the notes folder of its attempt, taken in the order of their names. A file goes
 * when its note was said, or where the agent answers, when it took the note; what was not said until the end stays for whoever wrote it.
 */
import { type FSWatcher, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEAF } from './order.ts';

const SUFFIX = '.md';
/** A watch may be refused (too many of them) or miss something. */
const LOOK_MS = 5_000;

/** `later`: not at this moment; then it is asked again. `asked`: `took` says when it is said. */
export type Saying = 'said' | 'asked' | 'later';

export class Notes {
  readonly #folder: string;
  readonly #say: (text: string, name: string) => Saying;
  /** Said, and not answered yet. */
  readonly #asked = new Set<string>();
  #watch: FSWatcher | null = null;
  readonly #timer: NodeJS.Timeout;
  #names: string[] = [];

  constructor(folder: string, say: (text: string, name: string) => Saying) {
    this.#folder = folder;
    this.#say = say;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      this.#watch = watch(folder, { persistent: false }, () => this.look());
      this.#watch.on('error', () => {});
    } catch {
      // The timer looks, too.
    }
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Looks what is there, and says what can be said; gives how many. */
  look(): number {
    try {
      this.#names = readdirSync(this.#folder)
        .filter(name => name.endsWith(SUFFIX) && !name.startsWith('.') && !this.#asked.has(name))
        .sort();
    } catch {
      this.#names = [];
    }
    return this.tell();
  }

  /** The agent may be able to hear now what it was not before. */
  tell(): number {
    let told = 0;
    for (let name = this.#names[0]; name !== undefined; name = this.#names[0]) {
      const path = join(this.#folder, name);
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch {
        this.#names.shift();
        continue;
      }
      const saying = this.#say(text, name.slice(0, -SUFFIX.length));
      if (saying === 'later') return told;
      this.#names.shift();
      if (saying === 'asked') this.#asked.add(name);
      else rmSync(path, { force: true });
      told++;
    }
    return told;
  }

  took(name: string): void {
    rmSync(join(this.#folder, name + SUFFIX), { force: true });
    this.#asked.delete(name + SUFFIX);
  }

  /** Nobody hears them any more, and rasend shall not say that somebody is told. */
  markDeaf(): void {
    this.close();
    try {
      writeFileSync(join(this.#folder, DEAF), '', { mode: 0o600 });
    } catch {
      // They wait for the next prompt all the same.
    }
  }

  close(): void {
    this.#watch?.close();
    clearInterval(this.#timer);
  }
}
