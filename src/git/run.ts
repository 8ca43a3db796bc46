/**
 * The only place that starts git: no shell, a clean environment, fixed settings, capped output, a time limit.
 * Nothing here knows what a command means. Failures are RasenError('git') quoting the end of stderr.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { RasenError } from '../errors.ts';
import {
  KILL_GRACE_MS,
  MAX_OUTPUT_BYTES,
  QUOTED_CHARACTERS,
  QUOTED_LINES,
  READ_TIMEOUT_MS,
  WRITE_TIMEOUT_MS,
} from './limits.ts';
import { OWNER_VARIABLE, ownToken } from './owner.ts';

export interface GitOptions {
  cwd: string;
  /** Added to the clean environment. */
  env?: Record<string, string>;
  /** Given on stdin; without it stdin is empty. */
  input?: string;
  /** The command only reads: no lock is taken to refresh an index, and the time limit is short. */
  reads?: boolean;
  timeout_ms?: number;
  max_bytes?: number;
  /** Exit codes that are answers, not failures. Default: [0]. */
  ok?: readonly number[];
  /** Output beyond max_bytes is cut instead of being a failure. */
  cut?: boolean;
  /** stdout is no text: every byte is one character of it. */
  binary?: boolean;
}

export interface GitOutput {
  code: number;
  stdout: string;
  stderr: string;
  cut: boolean;
}

/**
 * Settings that must not depend on the user's configuration: no hooks, signatures, background work, prompts or
 * helpers that may start programs; objects, refs and indexes reach the disk before they are relied on; plain diffs.
 */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.fsync=committed,reference,index',
  'core.quotePath=false',
  'core.safecrlf=false',
  'core.pager=cat',
  'core.editor=true',
  'commit.gpgSign=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'rerere.enabled=false',
  'color.ui=false',
  'log.showSignature=false',
  'diff.noprefix=false',
  'diff.mnemonicPrefix=false',
  'diff.relative=false',
  'diff.submodule=short',
  'diff.algorithm=default',
  'advice.detachedHead=false',
  'advice.addEmbeddedRepo=false',
].flatMap(setting => ['-c', setting]);

/** Runs one git command. Throws RasenError('git') when it fails, takes too long or cannot be started. */
export async function git(args: readonly string[], options: GitOptions): Promise<GitOutput> {
  const { cwd, ok = [0], reads = false, max_bytes = MAX_OUTPUT_BYTES } = options;
  const timeout = options.timeout_ms ?? (reads ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS);
  const env = await environment(reads, options.env);
  return await new Promise((resolve, reject) => {
    let late = false;
    let killer: NodeJS.Timeout | undefined;
    const child = execFile(
      'git',
      [...SETTINGS, ...args],
      {
        ...{ cwd, env, maxBuffer: max_bytes, killSignal: 'SIGTERM', windowsHide: true },
        encoding: options.binary ? 'latin1' : 'utf8',
      },
      (error, stdout, stderr) => {
        clearTimeout(timer);
        clearTimeout(killer);
        const reason = error as (Error & { code?: number | string; signal?: string }) | null;
        const cut = reason?.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
        const code = reason === null ? 0 : typeof reason.code === 'number' ? reason.code : -1;
        if ((!late && ok.includes(code)) || (cut && options.cut))
          return resolve({ code, stdout, stderr, cut });
        reject(failure(args, cwd, { late, cut, timeout, stderr, cause: reason }));
      },
    );
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGTERM');
      killer = setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
    }, timeout);
    // A git that ends before it has read its input is no news of its own: its exit code tells.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

async function environment(reads: boolean, more: Record<string, string> = {}): Promise<NodeJS.ProcessEnv> {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(GIT_|LC_|LANGUAGE$|LANG$)/.test(name)) env[name] = value;
  }
  return {
    ...env,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    SSH_ASKPASS: 'true',
    GIT_MERGE_AUTOEDIT: 'no',
    ...(reads ? { GIT_OPTIONAL_LOCKS: '0' } : {}),
    // A git that outlives a killed supervisor is found by this (lock.ts).
    [OWNER_VARIABLE]: await ownToken(),
    ...more,
  };
}

interface Failed {
  late: boolean;
  cut: boolean;
  timeout: number;
  stderr: string;
  cause: (Error & { code?: number | string; signal?: string }) | null;
}

function failure(args: readonly string[], cwd: string, failed: Failed): RasenError {
  const { cause } = failed;
  const words = args.filter(a => !a.startsWith('-')).slice(0, 2);
  const name = `git ${words.join(' ').slice(0, 120)}`;
  const data = { args: args.slice(0, 20), cwd };
  if (failed.late) {
    return new RasenError('git', `${name} in ${cwd} took longer than ${failed.timeout / 1000} s`, {
      hint: 'See whether the disk is overloaded or a git filter waits for something, then try again.',
      data,
      cause,
    });
  }
  if (failed.cut) {
    return new RasenError('git', `${name} in ${cwd} wrote more than rasen reads`, { data, cause });
  }
  if (cause?.code === 'ENOENT') {
    if (existsSync(cwd)) {
      return new RasenError('git', 'The program git was not found', {
        hint: 'Install git 2.31 or newer and see that it is on the PATH of the supervisor.',
        data,
        cause,
      });
    }
    return new RasenError('git', `${name} cannot run: the folder ${cwd} does not exist`, { data, cause });
  }
  const how = cause?.signal ? `was ended by ${cause.signal}` : `failed (${cause?.code ?? 'unknown'})`;
  const quoted = lastLines(failed.stderr);
  return new RasenError('git', `${name} in ${cwd} ${how}${quoted ? `: ${quoted}` : ''}`, {
    data: { ...data, stderr: quoted },
    cause,
  });
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('hint:'));
  return lines.slice(-QUOTED_LINES).join('\n').slice(-QUOTED_CHARACTERS);
}

/** The parts of NUL-separated output. */
export function parts(stdout: string): string[] {
  return stdout.split('\0').filter(part => part !== '');
}
