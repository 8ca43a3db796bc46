/**
 * Doors of sandboxes: a socket for each session in one, on which it hands work over. Who holds a door is the session that it
 * was made for, since nobody else sees it: so it is known who asks, without asking. The control socket stays out of reach.
 *
 * The folder of a door is what the sandbox shows, so it stays as long as its job; the socket in it is made again by the
 * supervisor that comes next.
 */
import { join } from 'node:path';
import { messageOf } from '../../contract/errors.ts';
import { removeForeign, statForeign } from '../../host/foreign-file.ts';
import { removeEmpty } from '../../host/remove-tree.ts';
import type { Log } from '../../log.ts';
import { type Handler, openDoor, type RpcServer } from '../../rpc/server.ts';
import { VERSION } from '../../version.ts';

/** The session that a door is for. */
export interface DoorOf {
  task: string;
  step: string;
  n: number;
  /** Of its job. */
  nonce: string;
}

/** One session has no use for more, and must not take from others what there is of descriptors and memory. */
const LIMITS = { connections: 16, in_flight: 16 };
/** A supervisor that ends waits no longer for what is being answered here. */
const CLOSE_MS = 500;

export interface DoorsOptions {
  /** Of the folders of doors. */
  folder: string;
  log: Log;
  methods(of: DoorOf): ReadonlyMap<string, Handler>;
}

export class Doors {
  readonly #options: DoorsOptions;
  readonly #open = new Map<string, Promise<RpcServer | null>>();

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  /** Folder of its socket; null: it cannot be made, which the log says, and then nothing can be handed over. */
  async open(of: DoorOf): Promise<string | null> {
    const { nonce } = of;
    const opened = this.#open.get(nonce) ?? this.#listen(of);
    this.#open.set(nonce, opened);
    if ((await opened) !== null) return this.#folder(nonce);
    this.#open.delete(nonce);
    return null;
  }

  /** The door of a session that an earlier supervisor has started, if it has one. */
  async again(of: DoorOf): Promise<void> {
    if (this.#open.has(of.nonce)) return;
    if (statForeign({ root: this.#options.folder, path: of.nonce }).ok) await this.open(of);
  }

  /** When no process of the job is left. */
  async shut(nonce: string): Promise<void> {
    const opened = this.#open.get(nonce);
    this.#open.delete(nonce);
    await (await opened)?.close(0);
    const { folder } = this.#options;
    // Of a supervisor that was killed.
    removeForeign({ root: folder, path: join(nonce, 's') });
    await removeEmpty(this.#folder(nonce));
  }

  /** Jobs live on, and their folders with them. */
  async close(): Promise<void> {
    const opened = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(opened.map(async one => await (await one)?.close(CLOSE_MS)));
  }

  async #listen(of: DoorOf): Promise<RpcServer | null> {
    const { log, methods } = this.#options;
    try {
      return await openDoor({
        path: join(this.#folder(of.nonce), 's'),
        methods: methods(of),
        limits: LIMITS,
        server: { name: 'rasend', version: VERSION },
        log,
      });
    } catch (error) {
      const { task } = of;
      log.warn({ task, error }, `a session of task ${task} can hand no work over: ${messageOf(error)}`);
      return null;
    }
  }

  #folder(nonce: string): string {
    return join(this.#options.folder, nonce);
  }
}
