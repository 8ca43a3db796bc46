/**
 * Watches a tree and says when its changes have settled: not before nothing was changed for a while, so that the last
 * change is never lost. A change is told until it is acknowledged, also after a restart.
 */
import { type Stats, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { Ignored } from './ignored.ts';
import { KnownTree, type Mark } from './known-tree.ts';
import type { Said, WatchOrder } from './order.ts';
import { basesOf, matches } from './patterns.ts';

/** Where the system does not tell of changes, the tree is looked through so often. */
const POLL_MS = 1000;
/** While files are changed without a pause, they are told of after this at the latest. */
const PATIENCE = 20;
/** The system has no more room for watches, or for open files. */
const EXHAUSTED: ReadonlySet<string> = new Set(['ENOSPC', 'EMFILE', 'ENFILE']);

export class Watcher {
  readonly #order: WatchOrder;
  readonly #say: (said: Said) => void;
  readonly #ignored: Ignored;
  readonly #tree: KnownTree;
  /** Files that the scan has found, until it is done. */
  #scanned: Map<string, string> | null = new Map();
  /** Changed, and not told yet. */
  #dirty = new Set<string>();
  #first_ms = 0;
  #last_ms = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Told, and not acknowledged. */
  readonly #told = new Map<number, Map<string, Mark>>();
  #id = 0;
  #watcher: FSWatcher;
  #polls = false;

  constructor(order: WatchOrder, say: (said: Said) => void) {
    this.#order = order;
    this.#say = say;
    this.#ignored = new Ignored(order.root);
    this.#tree = new KnownTree(order.tree);
    this.#watcher = this.#open();
  }

  /** They are taken care of. */
  acknowledge(id: number): void {
    const changes = this.#told.get(id);
    if (!changes) return;
    this.#told.delete(id);
    this.#tree.learn(changes);
  }

  #open(): FSWatcher {
    const { root, patterns } = this.#order;
    const watcher = watch(
      basesOf(patterns).map(base => join(root, base)),
      {
        ignored: (path, stats) => this.#leavesOut(path, stats),
        followSymlinks: false,
        alwaysStat: true,
        ignorePermissionErrors: true,
        // Both steps of a save count as one change by our own pause.
        atomic: false,
        ...(this.#polls
          ? { backend: 'polling', pollingInterval: POLL_MS, pollingBinaryInterval: POLL_MS }
          : {}),
      },
    );
    watcher.on('all', (event, path, stats) => {
      if (watcher !== this.#watcher && this.#watcher) return;
      if (event === 'addDir' || event === 'unlinkDir') return;
      this.#changed(path, event === 'unlink' ? null : (stats ?? null));
    });
    watcher.on('error', error => this.#failed(error as NodeJS.ErrnoException));
    watcher.once('ready', () => {
      if (watcher === this.#watcher) this.#scannedAll();
    });
    return watcher;
  }

  #leavesOut(path: string, stats?: Stats): boolean {
    if (this.#ignored.has(path, stats?.isDirectory() ?? false)) return true;
    return stats !== undefined && !stats.isDirectory() && !this.#counts(this.#name(path));
  }

  #counts(name: string): boolean {
    const { patterns, ignore, outputs } = this.#order;
    return matches(name, patterns) && !matches(name, ignore) && !matches(name, outputs);
  }

  #name = (path: string) => relative(this.#order.root, path).split(sep).join('/');

  #changed(path: string, stats: Stats | null): void {
    const name = this.#name(path);
    this.#ignored.forget(path);
    if (!this.#counts(name) || this.#ignored.has(path, false)) return;
    if (this.#scanned) {
      if (stats) this.#scanned.set(name, markOf(stats));
      else this.#scanned.delete(name);
      return;
    }
    this.#soil([name]);
  }

  #scannedAll(): void {
    const now = this.#scanned!;
    this.#scanned = null;
    if (!this.#tree.isKnown) this.#tree.replace(now);
    else {
      const changed = this.#tree.differs(now);
      // Kept short: every line of it that was overtaken is left out.
      this.#tree.replace(this.#tree.all());
      if (changed.length > 0) this.#soil(changed);
    }
    this.#say({ ready: { files: now.size } });
  }

  #soil(names: readonly string[]): void {
    const now = Date.now();
    if (this.#dirty.size === 0) this.#first_ms = now;
    this.#last_ms = now;
    for (const name of names) this.#dirty.add(name);
    const { debounce_ms } = this.#order;
    const left = this.#first_ms + PATIENCE * debounce_ms - now;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settled(), Math.max(0, Math.min(debounce_ms, left)));
  }

  #settled(): void {
    this.#timer = null;
    const dirty = [...this.#dirty].sort();
    this.#dirty = new Set();
    const marks = new Map(dirty.map(name => [name, this.#look(name)]));
    // Written, and as it was; or made and removed again.
    const paths = dirty.filter(name => marks.get(name) !== this.#before(name));
    if (paths.length === 0) return;
    this.#id++;
    this.#told.set(this.#id, marks);
    this.#say({
      changed: { id: this.#id, paths, first_ms: this.#first_ms, last_ms: this.#last_ms },
    });
  }

  /** The mark of a file as it was told last. */
  #before(name: string): Mark {
    for (const changes of [...this.#told.values()].reverse())
      if (changes.has(name)) return changes.get(name)!;
    return this.#tree.get(name);
  }

  #look(name: string): Mark {
    try {
      const stats = statSync(join(this.#order.root, name), { throwIfNoEntry: false });
      return stats ? markOf(stats) : null;
    } catch {
      // Nobody may look at it any more.
      return null;
    }
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (!EXHAUSTED.has(error.code ?? '') || this.#polls) {
      this.#say({ problem: error.message });
      return;
    }
    this.#polls = true;
    this.#say({ polling: error.message });
    const before = this.#watcher;
    this.#scanned = new Map();
    this.#watcher = this.#open();
    void before.close();
  }
}

const markOf = ({ size, mtimeMs, ino }: Stats): string => `${size}:${mtimeMs}:${ino}`;
