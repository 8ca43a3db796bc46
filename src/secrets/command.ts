/** Runs a command that prints a secret, or looks at a service. Its output goes nowhere else, and its arguments are the user's own words. */
import { spawn } from 'node:child_process';
import { errnoOf, messageOf } from '../contract/errors.ts';
import { COMMAND_MS_MAX, COMPLAINT_MAX, LEFT_BEHIND_MS, SECRET_BYTES_MAX } from './limits.ts';
import { Unresolved } from './unresolved.ts';

export interface SecretCommand {
  argv: readonly string[];
  cwd: string;
  env: Record<string, string>;
  /** What to do when it fails, as a sentence. */
  hint: string;
  timeout_ms?: number;
  /** What it is called in words, where its program is that of a sandbox. */
  name?: string | undefined;
  /** Nothing of its group outlives it. */
  leaves_nothing?: boolean;
  /** Raised: it is ended at once. */
  signal?: AbortSignal | undefined;
}

/** What it printed, without the line end. Throws Unresolved; its words are the first line of what it complained, at most. */
export async function outputOf(command: SecretCommand): Promise<string> {
  const { argv, hint, timeout_ms = COMMAND_MS_MAX } = command;
  const [file, ...args] = argv as [string, ...string[]];
  const program = command.name ?? file;
  const ended = await run(file, args, command, timeout_ms);
  if (ended.error) throw new Unresolved(`${program} cannot be run: ${reasonOf(ended.error)}`, hint);
  if (ended.timed_out) throw new Unresolved(`${program} did not end within ${timeout_ms / 1000} s`, hint);
  if (ended.too_much) throw new Unresolved(`${program} printed more than ${SECRET_BYTES_MAX} bytes`, hint);
  const value = withoutLineEnd(ended.stdout);
  if (ended.code !== 0) {
    const how = ended.code === null ? `was ended by ${ended.signal}` : `ended with status ${ended.code}`;
    const said = complaint(ended.stderr, value);
    throw new Unresolved(`${program} ${how}${said === '' ? '' : `: ${said}`}`, hint);
  }
  return value;
}

export function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

interface Ended {
  error: Error | null;
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  timed_out: boolean;
  too_much: boolean;
}

function run(
  program: string,
  args: string[],
  { cwd, env, leaves_nothing, signal: unwanted }: SecretCommand,
  timeoutMs: number,
): Promise<Ended> {
  return new Promise(resolve => {
    // A session of its own: no terminal to ask on, and a group that can be ended as a whole.
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    let errBytes = 0;
    let timed_out = false;
    let leaving: NodeJS.Timeout | undefined;
    const closePipes = () => {
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Over already.
      }
    };
    const kill = () => {
      killGroup();
      closePipes();
    };
    const timer = setTimeout(() => {
      timed_out = true;
      kill();
    }, timeoutMs);
    unwanted?.addEventListener('abort', kill);
    if (unwanted?.aborted) kill();
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > SECRET_BYTES_MAX) kill();
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (errBytes < SECRET_BYTES_MAX) err.push(chunk);
      errBytes += chunk.length;
    });
    const end = (error: Error | null, code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      clearTimeout(leaving);
      unwanted?.removeEventListener('abort', kill);
      resolve({
        error,
        code,
        signal,
        timed_out,
        too_much: bytes > SECRET_BYTES_MAX,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    };
    // All that it printed is in the pipes by now. What one that prints secrets left behind may unlock the next.
    child.once('exit', () => {
      if (leaves_nothing) killGroup();
      leaving = setTimeout(closePipes, LEFT_BEHIND_MS);
    });
    child.once('error', error => end(error, null, null));
    child.once('close', (code, signal) => end(null, code, signal));
  });
}

/** The first line, without the value should a program repeat it. */
function complaint(stderr: string, value: string): string {
  const line =
    stderr
      .split('\n')
      .find(text => text.trim() !== '')
      ?.trim() ?? '';
  const clean = value.trim() === '' ? line : line.replaceAll(value.trim(), '…');
  return clean.length > COMPLAINT_MAX ? `${clean.slice(0, COMPLAINT_MAX)}…` : clean;
}

const reasonOf = (error: Error) =>
  errnoOf(error) === 'ENOENT' ? 'it is not in the PATH of the task' : messageOf(error);
