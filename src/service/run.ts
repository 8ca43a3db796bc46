/**
 * Runs the programs of the system that the service is made with (systemctl, loginctl, getent, a login shell): bounded
 * in time and output, never asking on the terminal. Never throws for what the program does; the caller judges.
 */
import { spawn } from 'node:child_process';
import { errnoOf } from '../contract/errors.ts';

const OUTPUT_BYTES_MAX = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;

export interface Ran {
  /** Null: it could not be started, was killed or timed out; `stderr` tells which. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Root only: run as this user, who may look into its environment: without `env` it gets root's PATH alone. */
  as?: { uid: number; gid: number };
  timeout_ms?: number;
}

export type Run = (argv: readonly string[], options?: RunOptions) => Promise<Ran>;

export const runProgram: Run = (argv, { env, as, timeout_ms = DEFAULT_TIMEOUT_MS } = {}) =>
  new Promise(resolve => {
    const [program, ...args] = argv as [string, ...string[]];
    // A session of its own: an interactive login shell would otherwise take the terminal, and its group is what we kill.
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
      ...(env ? { env } : as ? { env: { PATH: process.env.PATH } } : {}),
      ...(as ? { uid: as.uid, gid: as.gid } : {}),
    });
    const out = { stdout: '', stderr: '' };
    let why = '';
    const end = (reason: string) => {
      why ||= reason;
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        out[name] += text;
        if (out[name].length > OUTPUT_BYTES_MAX) end('it says too much');
      });
    const timer = setTimeout(() => end(`no end after ${timeout_ms / 1000} s`), timeout_ms);
    const done = (code: number | null, problem: string) => {
      clearTimeout(timer);
      resolve({ code, stdout: out.stdout, stderr: `${out.stderr}${problem}` });
    };
    child.once('error', error =>
      done(null, errnoOf(error) === 'ENOENT' ? `${program} is not installed` : error.message),
    );
    child.once('exit', () => {
      // What it left behind may hold the pipes for ever.
      setImmediate(() => end(''));
    });
    child.once('close', (code, signal) =>
      done(why ? null : code, why || (signal ? `killed by ${signal}` : '')),
    );
  });

/** The line of its errors that says most: the last one that is not empty. */
export function lastLine({ stderr, stdout, code }: Ran): string {
  const lines = `${stdout}\n${stderr}`.split('\n').filter(line => line.trim() !== '');
  return lines.at(-1)?.trim().replace(/\.+$/, '') ?? `exit status ${code}`;
}
