/**
 * One instance of rasen for a test: its own RASEN_HOME in a short temporary path, the real bundles, real processes.
 * `close` ends what the test started and fails when anything is left.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT, isRasenError } from '../../src/contract/errors.ts';
import { connect, type RpcClient } from '../../src/rpc/client.ts';
import { ulid } from '../../src/util/ulid.ts';

const root = join(import.meta.dirname, '../..');
export const RASEN = join(root, 'bin/rasen');
export const RASEND = join(root, 'bin/rasend');

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export class Instance {
  readonly folder = mkdtempSync(join(tmpdir(), 'rs-'));
  readonly home = join(this.folder, 'h');
  readonly socket = join(this.home, 'run/rasend.sock');
  readonly env: NodeJS.ProcessEnv;
  daemon: ChildProcess | null = null;

  constructor(env: Record<string, string> = {}) {
    this.env = {
      PATH: process.env.PATH,
      HOME: this.folder,
      LANG: 'C.UTF-8',
      NO_COLOR: '1',
      RASEN_HOME: this.home,
      // Whether or not the machine of the test has a service manager.
      RASEN_CAGE: 'group',
      // What is tested there is another thing; test/field/sandbox.test.ts and test/agents have it.
      RASEN_SANDBOX: 'off',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_AUTHOR_NAME: 'Test',
      GIT_AUTHOR_EMAIL: 'test@localhost',
      GIT_COMMITTER_NAME: 'Test',
      GIT_COMMITTER_EMAIL: 'test@localhost',
      ...env,
    };
  }

  /**
   * Starts the supervisor and resolves when it answers. A gateway, or a command that goes on, may start one at the same
   * moment: whichever is first stays, and `kill` ends that one.
   */
  async start(): Promise<void> {
    this.daemon = spawn(RASEND, [], { env: this.env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    this.daemon.stderr!.setEncoding('utf8').on('data', text => {
      said += text;
    });
    const { daemon } = this;
    await until('the supervisor answers', async () => {
      if (daemon.exitCode !== null && daemon.exitCode !== EXIT.temporary)
        throw new Error(`rasend ended with ${daemon.exitCode}: ${said}`);
      const client = await connect(this.socket).catch(() => null);
      client?.close();
      return client !== null && (daemon.exitCode !== null || this.pid() === daemon.pid);
    });
  }

  /** SIGKILL, and wait until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { daemon } = this;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) {
      const pid = daemon?.exitCode === EXIT.temporary ? this.pid() : null;
      if (pid === null || !isOurs(pid, this.home)) return;
      process.kill(pid, signal);
      await until('the supervisor of someone else ends', () => !isOurs(pid, this.home));
      return;
    }
    const gone = new Promise(resolve => daemon.once('exit', resolve));
    daemon.kill(signal);
    await gone;
  }

  rasen(
    args: string[],
    options: { cwd?: string; env?: Record<string, string>; input?: string | Buffer } = {},
  ): CliResult {
    const { status, stdout, stderr } = spawnSync(RASEN, args, {
      cwd: options.cwd ?? this.folder,
      env: { ...this.env, ...options.env },
      input: options.input ?? '',
      encoding: 'utf8',
      timeout: 120_000,
    });
    return { status, stdout, stderr };
  }

  /** Like `rasen`, without blocking this process. */
  rasenAsync(
    args: string[],
    options: { cwd?: string; env?: Record<string, string> } = {},
  ): Promise<CliResult> {
    return new Promise((resolve, reject) => {
      const child = spawn(RASEN, args, {
        cwd: options.cwd ?? this.folder,
        env: { ...this.env, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', text => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', text => {
        stderr += text;
      });
      child.once('error', reject);
      child.once('close', status => resolve({ status, stdout, stderr }));
    });
  }

  client(): Promise<RpcClient> {
    return connect(this.socket);
  }

  /** One call; the supervisor may be killed meanwhile, then it is made again. */
  async call<T>(method: string, params: unknown = {}, timeoutMs = 60_000): Promise<T> {
    for (const end = Date.now() + timeoutMs; ; ) {
      let client: RpcClient | null = null;
      try {
        client = await this.client();
        return await client.call<T>(method, params, { timeout_ms: timeoutMs });
      } catch (error) {
        const again = isRasenError(error) && ['unreachable', 'shutting_down', 'timeout'].includes(error.kind);
        if (!again || Date.now() > end) throw error;
        await tick();
      } finally {
        client?.close();
      }
    }
  }

  /** The pid of the supervisor that runs now, whoever started it. */
  pid(): number | null {
    const path = join(this.home, 'run/rasend.pid');
    return existsSync(path) ? Number(readFileSync(path, 'utf8')) : null;
  }

  /** Ends the supervisor and everything that its tasks left; throws when something was left. */
  async close(options: { leftovers?: 'fail' | 'kill' } = {}): Promise<void> {
    const pid = this.pid();
    await this.kill('SIGTERM');
    if (pid && pid !== this.daemon?.pid && isOurs(pid, this.home)) {
      process.kill(pid, 'SIGTERM');
      await until('the supervisor ends', () => !isOurs(pid, this.home));
    }
    const left = marked(this.home);
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone by itself meanwhile.
      }
    }
    // Of jobs that nobody could end: their supervisor was killed, or their state removed.
    for (const nonce of noncesIn(this.home))
      rmSync(join(tmpdir(), `rasen-${nonce}`), { recursive: true, force: true });
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0 && options.leftovers !== 'kill')
      throw new Error(`left running: ${left.map(p => `${p.pid} ${p.command}`).join('; ')}`);
  }
}

/** Of all jobs that are not packed, by the names of their folders. */
function noncesIn(home: string): string[] {
  // By a program that goes on where something is removed meanwhile, as by what a supervisor has left at work.
  const { stdout } = spawnSync('find', [home, '-type', 'd', '-name', '*-*'], { encoding: 'utf8' });
  return stdout.split('\n').flatMap(path => /-([0-9a-f]{16})$/.exec(path)?.[1] ?? []);
}

/** Folder of an attempt, below that of its task; its name has a nonce. Without one yet: where it would be without. */
export function attemptFolder(task: string, step: string, n = 1): string {
  const folder = join(task, 'attempts', step);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return join(folder, names.find(name => name.startsWith(`${n}-`)) ?? String(n));
}

/** Before its start: tasks that are over stay folders, however long the test takes. */
export function unpacked({ home }: Instance): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(join(home, 'rasend.yml'), 'pack_after: 1d\n');
}

/** Processes whose environment names one of these tasks: those of the instance, where they are still there to be read. */
export function marked(
  home: string,
  tasks = existsSync(join(home, 'tasks')) ? readdirSync(join(home, 'tasks')) : [],
): { pid: number; command: string; attempt: string }[] {
  const found: { pid: number; command: string; attempt: string }[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environ = readFileSync(`/proc/${name}/environ`, 'utf8');
      const attempt = /(?:^|\0)RASEN_ATTEMPT=([^\0]*)/.exec(environ)?.[1];
      if (!attempt || !tasks.includes(attempt.split('/')[0]!)) continue;
      if (/\) [ZX] /.test(readFileSync(`/proc/${name}/stat`, 'utf8'))) continue;
      found.push({
        pid: Number(name),
        attempt,
        command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
      });
    } catch {
      // Gone, or not ours to look at.
    }
  }
  return found;
}

/** Whether the pid is a supervisor of this home. */
function isOurs(pid: number, home: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`RASEN_HOME=${home}`) &&
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('rasend') &&
      !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    );
  } catch {
    return false;
  }
}

export const tick = (ms = 10) => new Promise<void>(resolve => setTimeout(resolve, ms));

/** Between two looks, in ms: at first often, and then less, since each look costs the same machine more than the wait. */
const LOOK_MS = { first: 10, last: 40 };

/** Long enough for a machine that does much else; what is right comes early. */
const UNTIL_MS = 90_000;

/** Waits for a condition; fails with what was waited for. */
export async function until<T>(
  what: string,
  done: () => T | Promise<T>,
  timeoutMs = UNTIL_MS,
): Promise<NonNullable<T>> {
  let look = LOOK_MS.first;
  for (const end = Date.now() + timeoutMs; ; ) {
    const found = await done();
    if (found) return found as NonNullable<T>;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await tick(look);
    look = Math.min(LOOK_MS.last, look * 1.05);
  }
}

/** The spec of a plain command, as `rasen run -- …` makes it. */
export function commandSpec(argv: string[], cwd: string, more: Record<string, unknown> = {}) {
  return pipelineSpec([{ id: 'run', do: { run: argv } }], cwd, {
    name: argv[0],
    goal: argv.join(' '),
    ...more,
  });
}

export function pipelineSpec(
  subtasks: Record<string, unknown>[],
  cwd: string,
  more: Record<string, unknown> = {},
) {
  const id = ulid();
  const off = { enabled: false, per_subtask: false, max_loops: 1, recurring_issue_threshold: 1 };
  return {
    version: 1,
    id,
    name: 'test',
    goal: 'test',
    project: cwd,
    workspace: { kind: 'folder' },
    plan: { version: 1, task: id, goal: 'test', source: 'command', rev: 1, subtasks },
    limits: {
      max_iterations: 100_000,
      max_runtime_seconds: null,
      session_delay_seconds: 0,
      session_timeout_seconds: null,
      idle_timeout_seconds: null,
      max_consecutive_failures: 1000,
    },
    review: off,
    qa: off,
    memory: { enabled: false },
    ...more,
  };
}
