/**
 * Files on somebody else's disk: of a project or a worktree, which may be a network or user-space file system that does
 * not answer. They are read and written by a helper process, one after the other, each with a deadline; a helper that is
 * late is killed, and its disk is left alone as long as it hangs there. So neither the supervisor nor the threads that
 * its own files need ever wait for such a disk.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, type Order, READY } from './far-order.ts';
import { FILE_WORK, type FileWork, type WorkName } from './file-work.ts';
import type { Foreign, Place } from './foreign-file.ts';

/** Longest wait for one piece of work, in ms. Others wait in line behind it. */
const WORK_MS_MAX = 5_000;
/** Longest wait for the helper to start, in ms. */
const START_MS_MAX = 60_000;
/** A disk that was late is not asked again for so long; twice as long each time, in ms. */
const REST_MS_MIN = 10_000;
const REST_MS_MAX = 10 * 60_000;
/** A helper with nothing to do ends, in ms. */
const IDLE_MS_MAX = 30_000;
/** Disks that were late and are remembered; the oldest go first. */
const LATE_MAX = 1000;

/** FILE_WORK, done somewhere else. */
export type Files = {
  [K in WorkName]: (...args: Parameters<FileWork[K]>) => Promise<ReturnType<FileWork[K]>>;
};

/** Done here and now, by the calling thread: for who may wait. */
export const nearFiles: Files = filesBy(async (name, args) => {
  const work = FILE_WORK[name] as (...args: unknown[]) => never;
  return work(...args);
});

interface Task {
  order: Order;
  root: string;
  done: (outcome: Foreign<never>) => void;
}

interface Late {
  /** Time of performance.now(). */
  until: number;
  rest_ms: number;
  /** The helper that hangs there has ended. */
  free: boolean;
}

export interface FarOptions {
  /** Command line of the helper. */
  program?: readonly string[];
  work_ms_max?: number;
  rest_ms_min?: number;
}

export class FarFiles {
  readonly files: Files = filesBy((name, args) => this.#do(name, args));
  readonly #options: Required<FarOptions>;
  readonly #queue: Task[] = [];
  readonly #late = new Map<string, Late>();
  #helper: ChildProcess | null = null;
  /** It has started. */
  #ready = false;
  #current: { task: Task; timer: NodeJS.Timeout } | null = null;
  #idle: NodeJS.Timeout | null = null;
  #next = 1;

  constructor({ program = helperProgram(), work_ms_max, rest_ms_min }: FarOptions = {}) {
    this.#options = {
      program,
      work_ms_max: work_ms_max ?? WORK_MS_MAX,
      rest_ms_min: rest_ms_min ?? REST_MS_MIN,
    };
  }

  /** Whether there is a folder; false, too, where its disk does not answer. */
  async isFolder(path: string): Promise<boolean> {
    const found = await this.files.look({ root: path, path: '.' });
    return found.ok && found.value.kind === 'folder';
  }

  close(): void {
    const waiting = this.#queue.splice(0);
    if (this.#current) {
      clearTimeout(this.#current.timer);
      waiting.push(this.#current.task);
    }
    this.#current = null;
    this.#drop();
    for (const task of waiting) task.done(noAnswer('was not looked at: the supervisor ends'));
  }

  #do(name: WorkName, args: readonly unknown[]): Promise<Foreign<never>> {
    const { root } = args[0] as Place;
    return new Promise(resolve => {
      this.#queue.push({ order: { id: this.#next++, name, args: [...args] }, root, done: resolve });
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#current !== null) return;
    if (this.#idle) clearTimeout(this.#idle);
    const task = this.#queue.shift();
    if (!task) {
      this.#idle = setTimeout(() => this.#drop(), IDLE_MS_MAX).unref();
      return;
    }
    if (this.#isResting(task.root)) {
      this.#end(task, noAnswer());
      return;
    }
    const fail = () => this.#failed(task, new Error('it did not start'));
    this.#current = { task, timer: setTimeout(fail, START_MS_MAX) };
    this.#helper ??= this.#start();
    this.#helper.ref();
    this.#helper.channel?.ref();
    if (this.#ready) this.#send(this.#helper);
  }

  /** From now on the time of the current piece of work counts. */
  #send(helper: ChildProcess): void {
    if (this.#current === null) return;
    const { task, timer } = this.#current;
    clearTimeout(timer);
    this.#current.timer = setTimeout(() => this.#lateWith(task), this.#options.work_ms_max);
    helper.send(task.order, error => {
      if (error) this.#failed(task, error);
    });
  }

  #isResting(root: string): boolean {
    const late = this.#late.get(root);
    return late !== undefined && (!late.free || performance.now() < late.until);
  }

  #start(): ChildProcess {
    const [program, ...args] = this.#options.program as [string, ...string[]];
    const helper = spawn(program, args, {
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
      // Nothing of ours is its business; and what is loaded into us is not loaded into it.
      env: {},
    });
    helper.on('message', message => this.#answered(helper, message as Answer));
    const gone = (error: Error) => {
      if (this.#helper !== helper) return;
      this.#drop();
      if (this.#current) this.#failed(this.#current.task, error);
    };
    helper.once('error', gone);
    helper.once('exit', () => gone(new Error('the helper ended')));
    return helper;
  }

  #answered(helper: ChildProcess, { id, outcome, error }: Answer): void {
    if (helper !== this.#helper) return;
    if (id === READY) {
      this.#ready = true;
      this.#send(helper);
    }
    if (this.#current?.task.order.id !== id) return;
    const { task } = this.#current;
    this.#late.delete(task.root);
    this.#settle(task, error === undefined ? (outcome as Foreign<never>) : noAnswer(error));
  }

  #failed(task: Task, error: Error): void {
    if (this.#current?.task !== task) return;
    this.#drop();
    this.#settle(task, noAnswer(`cannot be reached: the helper for files failed: ${error.message}`));
  }

  /** The helper hangs: in an uninterruptible wait, even SIGKILL waits. Then nobody else is sent to that disk. */
  #lateWith(task: Task): void {
    if (this.#current?.task !== task) return;
    const before = this.#late.get(task.root)?.rest_ms ?? this.#options.rest_ms_min / 2;
    const rest_ms = Math.min(REST_MS_MAX, before * 2);
    const late: Late = { until: performance.now() + rest_ms, rest_ms, free: false };
    this.#late.delete(task.root);
    this.#late.set(task.root, late);
    if (this.#late.size > LATE_MAX) this.#late.delete(this.#late.keys().next().value!);
    this.#helper?.once('exit', () => {
      late.free = true;
    });
    this.#drop();
    this.#settle(task, noAnswer());
  }

  #settle(task: Task, outcome: Foreign<never>): void {
    if (this.#current) clearTimeout(this.#current.timer);
    this.#current = null;
    this.#helper?.unref();
    this.#helper?.channel?.unref();
    this.#end(task, outcome);
  }

  #end(task: Task, outcome: Foreign<never>): void {
    task.done(outcome);
    this.#turn();
  }

  #drop(): void {
    const helper = this.#helper;
    this.#helper = null;
    this.#ready = false;
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
    helper?.kill('SIGKILL');
    helper?.unref();
    helper?.channel?.unref();
  }
}

function filesBy(doing: (name: WorkName, args: readonly unknown[]) => Promise<Foreign<never>>): Files {
  const names = Object.keys(FILE_WORK) as WorkName[];
  return Object.fromEntries(
    names.map(name => [name, (...args: unknown[]) => doing(name, args)]),
  ) as unknown as Files;
}

function noAnswer(problem = 'is on a disk that does not answer'): Foreign<never> {
  return { ok: false, fault: 'unreadable', problem, errno: 'ETIMEDOUT' };
}

/** Beside the bundle, or in the source tree. */
function helperProgram(): string[] {
  const here = import.meta.dirname;
  const bundle = join(here, 'rasen-files.cjs');
  return [process.execPath, existsSync(bundle) ? bundle : join(here, 'far-helper.ts')];
}
