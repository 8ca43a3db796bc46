/** The process that watches the files of one trigger: started, started again when it ends, told what is taken care of. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { messageOf } from '../../contract/errors.ts';
import type { Said, WatchOrder } from '../../watch/order.ts';

const AGAIN_MS = { first: 500, last: 60_000 };
/** One that lived so long was a good one. */
const GOOD_MS = 60_000;
/** Time for it to write down what was acknowledged. */
const FINISH_MS = 2000;

export type Changed = Extract<Said, { changed: unknown }>['changed'];

export interface WatchProcessOptions {
  program: readonly string[];
  order: WatchOrder;
  /** Each change from now on is told. */
  ready(): void;
  /** Resolves when the changes are durable; they are told again where it rejects. */
  changed(changes: Changed): Promise<void>;
  /** What a person should know of it. */
  told(text: string): void;
}

export class WatchProcess {
  readonly #options: WatchProcessOptions;
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #pause = AGAIN_MS.first;
  #closed = false;
  /** What it said that is being taken care of. */
  readonly #hearing = new Set<Promise<void>>();
  /** Why it looks through the tree from time to time; null: it is told of changes, as far as is known. */
  polling: string | null = null;
  /** Files that it watches; null: it is looking for them. */
  files: number | null = null;

  constructor(options: WatchProcessOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Ends it at once: what it knows of the tree is not needed any more. */
  kill(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#child?.stdin?.end();
    this.#child?.kill('SIGTERM');
  }

  /** Ends it when all that it said is taken care of and it has written that down, or after a while. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    let late: NodeJS.Timeout | undefined;
    const ended = new Promise<void>(resolve => {
      child.once('close', () => resolve());
      late = setTimeout(() => {
        child.kill('SIGKILL');
        resolve();
      }, FINISH_MS);
    });
    await Promise.race([ended, Promise.all(this.#hearing)]);
    child.stdin!.end();
    await ended;
    clearTimeout(late);
  }

  #start(): void {
    const { program, order, told } = this.#options;
    const began = performance.now();
    const child = spawn(program[0]!, program.slice(1), {
      cwd: '/',
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH },
    });
    this.#child = child;
    this.files = null;
    // An end in between shows in `close`.
    child.stdin.on('error', () => {});
    child.once('error', error => told(`the watcher cannot be started: ${messageOf(error)}`));
    createInterface({ input: child.stdout }).on('line', line => {
      if (this.#closed || child !== this.#child) return;
      const heard = this.#heard(child, JSON.parse(line) as Said).finally(() => this.#hearing.delete(heard));
      this.#hearing.add(heard);
    });
    child.once('close', (code, signal) => {
      if (this.#closed) return;
      if (performance.now() - began > GOOD_MS) this.#pause = AGAIN_MS.first;
      told(`the watcher ended (${signal ?? `exit status ${code}`}); it is started again`);
      this.#timer = setTimeout(() => this.#start(), this.#pause);
      this.#pause = Math.min(this.#pause * 2, AGAIN_MS.last);
    });
    child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  async #heard(child: ChildProcess, said: Said): Promise<void> {
    const { ready, changed, told } = this.#options;
    if ('ready' in said) {
      this.files = said.ready.files;
      ready();
    } else if ('polling' in said) {
      this.polling = said.polling;
      told(`the system has no room for more watches (${said.polling}): the files are looked through instead`);
    } else if ('problem' in said) told(`some files are not watched: ${said.problem}`);
    else {
      try {
        await changed(said.changed);
        child.stdin!.write(`${JSON.stringify({ ack: said.changed.id })}\n`);
      } catch (error) {
        told(`changes could not be recorded: ${messageOf(error)}; the watcher is started again`);
        child.kill('SIGTERM');
      }
    }
  }
}
