/** What of a tree is not watched: .git, what rasen itself writes there, and what .gitignore files name, as git reads them. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** Folders of git and of rasen. */
const NEVER: ReadonlySet<string> = new Set(['.git', '.rasen', '.worktrees']);
/** A larger .gitignore is none. */
const BYTES_MAX = 1024 * 1024;

export class Ignored {
  readonly #root: string;
  /** By folder; null: it has none. */
  readonly #files = new Map<string, Ignore | null>();

  constructor(root: string) {
    this.#root = root;
  }

  /** `folder`: whether it is one, as far as is known. */
  has(path: string, folder: boolean): boolean {
    const inside = relative(this.#root, path);
    if (inside === '' || inside.startsWith('..')) return false;
    if (inside.split(sep).some(name => NEVER.has(name))) return true;
    // A folder that is ignored takes along what is in it, so the outermost word counts.
    const parts = inside.split(sep);
    return parts.some((_, i) => this.#isNamed(parts.slice(0, i + 1), folder || i < parts.length - 1));
  }

  /** A .gitignore was changed. */
  forget(path: string): void {
    if (basename(path) === '.gitignore') this.#files.delete(dirname(path));
  }

  /** The nearest .gitignore that says something of it decides. */
  #isNamed(parts: readonly string[], folder: boolean): boolean {
    for (let depth = parts.length - 1; depth >= 0; depth--) {
      const rules = this.#of(join(this.#root, ...parts.slice(0, depth)));
      const result = rules?.test(`${parts.slice(depth).join('/')}${folder ? '/' : ''}`);
      if (result?.ignored) return true;
      if (result?.unignored) return false;
    }
    return false;
  }

  #of(folder: string): Ignore | null {
    const known = this.#files.get(folder);
    if (known !== undefined) return known;
    let rules: Ignore | null = null;
    try {
      const text = readFileSync(join(folder, '.gitignore'), 'utf8');
      if (text.length <= BYTES_MAX) rules = ignore().add(text);
    } catch {
      // There is none, or nobody may read it.
    }
    this.#files.set(folder, rules);
    return rules;
  }
}
