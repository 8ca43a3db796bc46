/** The agent's program as a child of the session program: said to, read, and brought to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { insideOf } from '../runner/monitor.ts';
import { agentEnv } from './order.ts';

/** From SIGTERM to SIGKILL, in ms. What it leaves running is swept by the supervisor. */
const KILL_MS = 10_000;
/** This long without a word after its end is enough: a process that it left may hold the pipe for ever. */
const DRAIN_MS = 1_000;
/** An agent that does not read what it is answered, and asks on, is ended. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

export interface StartOptions {
  /** `pipe`: what it writes is read here; else it goes where ours goes. */
  stdout: 'pipe' | 'inherit';
  stderr: 'pipe' | 'inherit';
}

export class AgentProcess {
  readonly #child: ChildProcess;
  /** Exit code as the shell says it. */
  readonly ended: Promise<number>;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #signalled = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise(resolve => {
      child.once('exit', (code, signal) => {
        clearTimeout(this.#timer);
        resolve(signal === null ? code! : 128 + constants.signals[signal]);
      });
    });
    // It may close its input, or be gone, before it has read everything.
    child.stdin!.on('error', () => {});
  }

  /** Rejects with the error of the system when there is no such program. */
  static async start(argv: readonly string[], { stdout, stderr }: StartOptions): Promise<AgentProcess> {
    const env = agentEnv(process.env);
    const child = spawn(argv[0]!, argv.slice(1), { env, stdio: ['pipe', stdout, stderr] });
    const agent = new AgentProcess(child);
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.on('error', () => {});
    return agent;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** It was ended, and did not end by itself. */
  get signalled(): boolean {
    return this.#signalled;
  }

  say(lines: readonly string[]): void {
    const input = this.#child.stdin!;
    if (!input.writable) return;
    for (const line of lines) input.write(`${line}\n`);
    if (input.writableLength > MAX_UNREAD_BYTES) this.endWithin(0);
  }

  /** As it is, and nothing after it. */
  give(text: string): void {
    this.#child.stdin!.end(text);
  }

  closeInput(): void {
    this.#child.stdin!.end();
  }

  /** What it writes, until it has ended. */
  async *read(channel: 'stdout' | 'stderr'): AsyncGenerator<Buffer> {
    const stream: Readable = this.#child[channel]!;
    let since: number | null = performance.now();
    void this.ended.then(() => {
      since &&= performance.now();
      const timer = setInterval(() => {
        if (since !== null && performance.now() - since > DRAIN_MS) stream.destroy();
      }, DRAIN_MS / 10);
      stream.once('close', () => clearInterval(timer));
    });
    try {
      for await (const chunk of stream) {
        since = null;
        yield chunk;
        since = performance.now();
      }
    } catch {
      // Destroyed, since somebody else holds it.
    }
  }

  /** SIGTERM if it has not ended until then, later SIGKILL. The earliest counts. */
  endWithin(ms: number): void {
    const deadline = performance.now() + ms;
    if (this.#signalled || deadline >= this.#deadline) return;
    this.#deadline = deadline;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#signalled = true;
      this.#tell('SIGTERM');
      this.#timer = setTimeout(() => this.kill(), KILL_MS);
    }, ms);
  }

  kill(): void {
    this.#tell('SIGKILL');
  }

  /** In a sandbox the command is told, and not who waits for it there. */
  #tell(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const { command, monitors } = insideOf(this.pid);
    const pids = signal === 'SIGKILL' ? [...monitors, command] : [command];
    for (const pid of pids) if (pid !== null && pid !== this.pid) kill(pid, signal);
    if (pids.includes(this.pid)) this.#child.kill(signal);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
