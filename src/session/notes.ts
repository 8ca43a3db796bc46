/**
 * Notes for a session that runs: files in the notes folder of its attempt, taken in the order of their names. A file goes
 * when its note was said, or where the agent answers, when it took the note; what was not said until the end stays for whoever wrote it.
 */
import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { listForeign, readForeign, removeForeign, replaceForeign } from '../host/foreign-file.ts';
import { placeIn } from '../runner/small-file.ts';
import { DEAF } from './order.ts';

const SUFFIX = '.md';
/** A watch may be refused (too many of them) or miss something. */
const LOOK_MS = 5_000;
/** Longest note, in bytes, and files in the folder; what is beyond that is none of rasend's. */
const NOTE_BYTES_MAX = 1024 * 1024;
const FILES_MAX = 10_000;

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
    const listed = listForeign(placeIn(this.#folder, ''), FILES_MAX);
    this.#names = (listed.ok ? listed.value : [])
      .filter(name => name.endsWith(SUFFIX) && !name.startsWith('.') && !this.#asked.has(name))
      .sort();
    return this.tell();
  }

  /** The agent may be able to hear now what it was not before. */
  tell(): number {
    let told = 0;
    for (let name = this.#names[0]; name !== undefined; name = this.#names[0]) {
      const read = readForeign(placeIn(this.#folder, name), NOTE_BYTES_MAX);
      if (!read.ok) {
        this.#names.shift();
        continue;
      }
      const saying = this.#say(read.value.bytes.toString('utf8'), name.slice(0, -SUFFIX.length));
      if (saying === 'later') return told;
      this.#names.shift();
      if (saying === 'asked') this.#asked.add(name);
      else this.#remove(name);
      told++;
    }
    return told;
  }

  took(name: string): void {
    this.#remove(name + SUFFIX);
    this.#asked.delete(name + SUFFIX);
  }

  /** Nobody hears them any more, and rasend shall not say that somebody is told. */
  markDeaf(): void {
    this.close();
    // Where that cannot be said, they wait for the next prompt all the same.
    replaceForeign(placeIn(this.#folder, DEAF), '');
  }

  #remove(name: string): void {
    removeForeign(placeIn(this.#folder, name));
  }

  close(): void {
    this.#watch?.close();
    clearInterval(this.#timer);
  }
}
