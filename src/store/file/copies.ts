/**
 * The files of tasks that are not over, as they were acknowledged: what is changed or removed by somebody else while
 * the supervisor runs is written again from here. A long task has none, nor has any when there are too many of them.
 */

/** Of one task, and of all. */
const TASK_BYTES_MAX = 1024 * 1024;
const TOTAL_BYTES_MAX = 32 * 1024 * 1024;

interface Copy {
  files: Map<string, Buffer>;
  bytes: number;
}

export class Copies {
  readonly #copies = new Map<string, Copy>();
  #total = 0;

  /** Replaces what was kept of the task. */
  keep(id: string, files: Map<string, Buffer>): void {
    this.drop(id);
    const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0);
    if (bytes > TASK_BYTES_MAX || this.#total + bytes > TOTAL_BYTES_MAX) return;
    this.#copies.set(id, { files, bytes });
    this.#total += bytes;
  }

  /** Adds to the end of a file of a task that is kept. */
  add(id: string, name: string, data: Buffer): void {
    const copy = this.#copies.get(id);
    if (!copy) return;
    if (copy.bytes + data.length > TASK_BYTES_MAX || this.#total + data.length > TOTAL_BYTES_MAX) {
      this.drop(id);
      return;
    }
    copy.files.set(name, Buffer.concat([copy.files.get(name) ?? Buffer.alloc(0), data]));
    copy.bytes += data.length;
    this.#total += data.length;
  }

  /** Another whole file of a task that is kept. */
  replace(id: string, name: string, data: Buffer): void {
    const copy = this.#copies.get(id);
    if (copy) this.keep(id, new Map(copy.files).set(name, data));
  }

  get(id: string): ReadonlyMap<string, Buffer> | null {
    return this.#copies.get(id)?.files ?? null;
  }

  drop(id: string): void {
    this.#total -= this.#copies.get(id)?.bytes ?? 0;
    this.#copies.delete(id);
  }
}
