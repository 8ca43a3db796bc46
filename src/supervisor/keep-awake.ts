/**
 * Keeps the machine from falling asleep by itself while attempts run: a lock of logind, held by a child, or caffeinate on
 * macOS. The child ends with the supervisor however that ends, since it only waits for the end of a pipe (or for a pid).
 * No task ever depends on it. A lid that is closed is stronger.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Log } from '../log.ts';

/** How long the lock is held after the last attempt: between two attempts of a task it is not worth while to let go. */
const LINGER_MS = 5000;
/** Where nothing holds a lock it is tried again after so long. */
const AGAIN_MS = 10 * 60_000;

export interface KeepAwakeOptions {
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  log: Log;
}

export class KeepAwake {
  readonly #options: KeepAwakeOptions;
  #enabled: boolean;
  #busy = false;
  #child: ChildProcess | null = null;
  #linger: NodeJS.Timeout | null = null;
  /** Which of the ways is tried; those before did not work. */
  #way = 0;
  #notBefore = 0;

  constructor(enabled: boolean, options: KeepAwakeOptions) {
    this.#enabled = enabled;
    this.#options = options;
  }

  /** Whether attempts are alive. Called often. */
  busy(busy: boolean): void {
    if (busy && this.#linger) {
      clearTimeout(this.#linger);
      this.#linger = null;
    }
    if (busy && !this.#child) this.#hold();
    if (!busy && this.#child && !this.#linger)
      this.#linger = setTimeout(() => this.#letGo(), LINGER_MS).unref();
    this.#busy = busy;
  }

  enable(enabled: boolean): void {
    this.#enabled = enabled;
    if (!enabled) this.#letGo();
    else if (this.#busy && !this.#child) this.#hold();
  }

  close(): void {
    this.#enabled = false;
    this.#letGo();
  }

  #hold(): void {
    const { platform, env, log } = this.#options;
    const ways = waysOf(platform);
    const now = performance.now();
    if (!this.#enabled || ways.length === 0 || now < this.#notBefore) return;
    const [program, ...args] = ways[this.#way] as readonly [string, ...string[]];
    // Nothing is ever written: only the end of this process, or letting go, ends it.
    const child = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#child = child;
    child.unref();
    child.stdin.on('error', () => {});
    const over = (why: string) => {
      // Let go on purpose, or told of already.
      if (this.#child !== child) return;
      this.#child = null;
      if (this.#way + 1 < ways.length) this.#way++;
      else {
        this.#way = 0;
        this.#notBefore = performance.now() + AGAIN_MS;
        log.info({ program, why }, 'the machine may fall asleep while attempts run: nothing holds it awake');
      }
      if (this.#busy) this.#hold();
    };
    child.once('error', error => over(error.message));
    child.once('exit', (code, signal) => over(code === null ? `${signal}` : `status ${code}`));
  }

  #letGo(): void {
    if (this.#linger) clearTimeout(this.#linger);
    this.#linger = null;
    const child = this.#child;
    this.#child = null;
    child?.stdin?.end();
    // It need not read its standard input.
    if (process.platform === 'darwin') child?.kill('SIGTERM');
  }
}

/** Strongest first: who has no session at the machine may be allowed less. */
function waysOf(platform: NodeJS.Platform): readonly (readonly string[])[] {
  if (platform === 'darwin') return [['caffeinate', '-i', '-w', String(process.pid)]];
  if (platform !== 'linux') return [];
  const inhibit = (what: string) => [
    ...['systemd-inhibit', `--what=${what}`, '--who=rasen', '--why=Attempts of tasks run', '--mode=block'],
    'cat',
  ];
  return [inhibit('idle:sleep'), inhibit('idle')];
}
