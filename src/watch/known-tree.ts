/**
 * The tree as the last run has seen it, kept in a file: after a crash of the watcher, or of the supervisor, what was
 * changed meanwhile is what differs from it. One line for each change; written anew when it is opened.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** What tells two states of a file apart; null: it is not there. */
export type Mark = string | null;

export class KnownTree {
  readonly #path: string;
  readonly #marks: Map<string, string>;
  #is_known: boolean;

  constructor(path: string) {
    this.#path = path;
    const lines = readLines(path);
    this.#is_known = lines !== null;
    this.#marks = new Map();
    for (const [file, mark] of lines ?? []) this.#set(file, mark);
  }

  /** There was one before, or there is one now. */
  get isKnown(): boolean {
    return this.#is_known;
  }

  /** The files of `now` that are others than they were, and those that are gone. */
  differs(now: ReadonlyMap<string, string>): string[] {
    const changed = [...now].filter(([path, mark]) => this.#marks.get(path) !== mark).map(([path]) => path);
    return [...changed, ...[...this.#marks.keys()].filter(path => !now.has(path))];
  }

  get(path: string): Mark {
    return this.#marks.get(path) ?? null;
  }

  /** All of it at once. */
  replace(now: ReadonlyMap<string, string>): void {
    this.#marks.clear();
    for (const [path, mark] of now) this.#marks.set(path, mark);
    const text = [...this.#marks].map(line => `${JSON.stringify(line)}\n`).join('');
    writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
    this.#is_known = true;
  }

  learn(changes: ReadonlyMap<string, Mark>): void {
    for (const [path, mark] of changes) this.#set(path, mark);
    appendFileSync(this.#path, [...changes].map(line => `${JSON.stringify(line)}\n`).join(''));
  }

  all(): Map<string, string> {
    return new Map(this.#marks);
  }

  #set(path: string, mark: Mark): void {
    if (mark === null) this.#marks.delete(path);
    else this.#marks.set(path, mark);
  }
}

function readLines(path: string): [string, Mark][] | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  return text.split('\n').flatMap(line => {
    try {
      const [file, mark] = JSON.parse(line);
      return [[file, mark] as [string, Mark]];
    } catch {
      // The end of a write that was cut off: what it told of differs, and is looked at again.
      return [];
    }
  });
}
