/**
 * Keys that are taken. A key is one empty file, whose name says which key (its SHA-256) and which task: nothing in it
 * can be damaged, and it is on the disk before the order is acknowledged. It stays when the task cannot be read, was
 * moved aside, or is of a newer format; only who removes the task for good frees it.
 */
import { closeSync, constants, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../contract/errors.ts';
import { sha256 } from '../../util/sha256.ts';
import { syncFolder } from './file.ts';

const NAME = /^([0-9a-f]{64})\.([0-9a-z]{26})$/;

export class Keys {
  readonly #folder: string;
  /** Task by digest of its key. */
  readonly #taken = new Map<string, string>();
  #unsynced = false;

  /** Reads what is there; `only_reads`: and leaves it as it is. Throws the error of the system. */
  constructor(folder: string, { only_reads = false }: { only_reads?: boolean } = {}) {
    this.#folder = folder;
    for (const name of namesIn(folder, only_reads)) {
      const [, digest, task] = NAME.exec(name) ?? [];
      // Two of one key: the newer order was accepted when the older one's was free.
      if (digest && task && task > (this.#taken.get(digest) ?? '')) this.#taken.set(digest, task);
    }
  }

  /** The task that has the key. */
  get(key: string): string | null {
    return this.#taken.get(sha256(key)) ?? null;
  }

  /** Every task that has one. */
  tasks(): Iterable<string> {
    return this.#taken.values();
  }

  /** Durable only after `sync`. */
  take(key: string, task: string): void {
    const digest = sha256(key);
    if (this.#taken.get(digest) === task) return;
    try {
      if (mkdirSync(this.#folder, { recursive: true, mode: 0o700 })) syncFolder(dirname(this.#folder));
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      closeSync(openSync(join(this.#folder, `${digest}.${task}`), flags, 0o600));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    this.#taken.set(digest, task);
    this.#unsynced = true;
  }

  sync(): void {
    if (!this.#unsynced) return;
    syncFolder(this.#folder);
    this.#unsynced = false;
  }

  /** Frees every key of the task; durable when it returns. */
  free(task: string): void {
    for (const [digest, owner] of this.#taken) {
      if (owner !== task) continue;
      rmSync(join(this.#folder, `${digest}.${task}`), { recursive: true, force: true });
      syncFolder(this.#folder);
      this.#taken.delete(digest);
    }
  }
}

function namesIn(folder: string, only_reads: boolean): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    // Something else is in its place. The tasks that can be read have their keys all the same.
    if (errnoOf(error) !== 'ENOTDIR') throw error;
    if (only_reads) return [];
    renameSync(folder, `${folder}.unreadable-${Date.now()}`);
    return [];
  }
}
