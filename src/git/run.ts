/**
 * The only place that starts git: no shell, a clean environment, fixed settings, capped output, a time limit.
 * Nothing here knows what a command means. Failures are RasenError('git') quoting the end of stderr.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, resolve } from 'node:path';
import { isRasenError, messageOf, RasenError } from '../contract/errors.ts';
import { lockedPath, troubleInText, troubleWith } from '../host/trouble.ts';
import {
  DRAIN_MS,
  KILL_GRACE_MS,
  MAX_MENDED_LOCKS,
  MAX_OUTPUT_BYTES,
  MAX_STDERR_BYTES,
  PATIENCE_MS,
  POINTED_TIMEOUT_MS,
  QUOTED_CHARACTERS,
  QUOTED_LINES,
  READ_TIMEOUT_MS,
  WRITE_TIMEOUT_MS,
} from './limits.ts';
import { LOCK_VARIABLE, lockedHere } from './lock.ts';

export interface GitOptions {
  cwd: string;
  /** Added to the clean environment, or taken out of it. */
  env?: Record<string, string | undefined>;
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
  /** Asked when it takes long: what it waits for, as a sentence; then it is ended. */
  stuck?: () => Promise<string | null>;
  /** Removes a lock file that git met, if its owner is dead; then the command is tried again. */
  mend?: (lock: string) => Promise<boolean>;
  /** Settings that differ from ours, such as `core.fsync=…`. */
  settings?: readonly string[];
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
  'core.untrackedCache=false',
  'core.commitGraph=false',
  'core.fsync=committed,reference,index',
  'core.quotePath=false',
  'core.safecrlf=false',
  'core.pager=cat',
  'core.editor=true',
  'commit.gpgSign=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'protocol.ext.allow=never',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'rerere.enabled=false',
  'color.ui=false',
  'log.showSignature=false',
  'diff.noprefix=false',
  'diff.mnemonicPrefix=false',
  'diff.relative=false',
  'diff.submodule=short',
  // Whether a submodule has changes is asked by a git in it, under its own configuration.
  'diff.ignoreSubmodules=dirty',
  'diff.algorithm=default',
  'advice.detachedHead=false',
  'advice.addEmbeddedRepo=false',
].flatMap(setting => ['-c', setting]);

/** Variables of this process that git, and a filter that it starts, may see. Everything else is given by the caller. */
const PASSED = ['HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TZ', 'SSH_AUTH_SOCK'] as const;

/**
 * Runs one git command in a process group of its own. Throws RasenError('git') when it fails, takes too long or cannot
 * be started; then nothing of its group is left. Locks that a dead process left in its way are removed, one after the
 * other: a command that was cut off can have left several.
 */
export async function git(args: readonly string[], options: GitOptions): Promise<GitOutput> {
  for (let mended = 0; ; mended++) {
    try {
      return await once(args, options);
    } catch (error) {
      const path = options.mend && mended < MAX_MENDED_LOCKS ? lockedPath(messageOf(causeOf(error))) : null;
      const lock = path === null ? null : resolve(options.cwd, path);
      if (lock === null || !(await options.mend!(lock))) throw error;
    }
  }
}

const causeOf = (error: unknown): unknown => (isRasenError(error) ? error.cause : error);

async function once(args: readonly string[], options: GitOptions): Promise<GitOutput> {
  const { cwd, ok = [0], max_bytes = MAX_OUTPUT_BYTES } = options;
  const timeout = options.timeout_ms ?? timeLimit(args, options.reads ?? false);
  const env = environment(options.reads ?? false, options.env);
  return await new Promise((resolve, reject) => {
    const settings = (options.settings ?? []).flatMap(setting => ['-c', setting]);
    const child = spawn('git', [...SETTINGS, ...settings, ...args], {
      ...{ cwd, env, stdio: 'pipe', windowsHide: true },
      // A group of its own, so that a filter that hangs ends with the git that started it.
      detached: true,
    });
    const out = collector(max_bytes, () => end('cut'));
    const err = collector(MAX_STDERR_BYTES, () => {});
    child.stdout.on('data', out.add);
    child.stderr.on('data', err.add);
    // A git that ends before it has read its input is no news of its own: its exit code tells.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    let why: 'late' | 'cut' | 'stuck' | null = null;
    let stuck: string | null = null;
    const timers: NodeJS.Timeout[] = [];
    const later = (ms: number, act: () => void) => timers.push(setTimeout(act, ms));
    const end = (reason: 'late' | 'cut' | 'stuck') => {
      if (why !== null) return;
      why = reason;
      signalGroup(child, 'SIGTERM');
      later(KILL_GRACE_MS, () => signalGroup(child, 'SIGKILL'));
    };
    later(timeout, () => end('late'));
    if (options.stuck) {
      later(PATIENCE_MS, async () => {
        stuck = await options.stuck!().catch(() => null);
        if (stuck !== null && child.exitCode === null) end('stuck');
      });
    }
    let cause: (Error & { code?: number | string; signal?: string }) | null = null;
    let done = false;
    const settle = () => {
      if (done) return;
      done = true;
      for (const timer of timers) clearTimeout(timer);
      // What it left running holds its output, and perhaps a lock.
      if (why !== null) signalGroup(child, 'SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      const stdout = out.text(options.binary ? 'latin1' : 'utf8');
      const stderr = err.text('utf8');
      const code = child.exitCode ?? -1;
      // What it could not read it answers like what is not there; its own words tell the two apart.
      const isAnswer = ok.includes(code) && (code === 0 || troubleInText(complaints(stderr), cwd) === null);
      if ((why === null && cause === null && isAnswer) || (why === 'cut' && options.cut))
        return resolve({ code, stdout, stderr, cut: why === 'cut' });
      const reason =
        cause ?? Object.assign(new Error(stderr), { code, signal: child.signalCode ?? undefined });
      reject(failure(args, cwd, { why, stuck, timeout, stderr, cause: reason }));
    };
    child.on('error', error => {
      cause = error;
      settle();
    });
    child.on('close', settle);
    // A child of it that left the group may hold its output open for ever.
    child.on('exit', () => later(DRAIN_MS, settle));
  });
}

function collector(max: number, full: () => void) {
  const chunks: Buffer[] = [];
  let length = 0;
  return {
    add(chunk: Buffer) {
      if (length >= max) return;
      chunks.push(chunk.subarray(0, max - length));
      length += chunk.length;
      if (length > max) full();
    },
    text: (encoding: 'utf8' | 'latin1') => Buffer.concat(chunks).toString(encoding),
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** Commands whose work does not grow with the files of the worktree. */
const POINTED = new Set([
  ...['rev-parse', 'symbolic-ref', 'update-ref', 'for-each-ref', 'config', 'cat-file', 'commit-tree'],
]);

function timeLimit([command = '']: readonly string[], reads: boolean): number {
  if (POINTED.has(command)) return POINTED_TIMEOUT_MS;
  return reads ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS;
}

function environment(reads: boolean, more: Record<string, string | undefined> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const name of PASSED) if (process.env[name] !== undefined) env[name] = process.env[name];
  return {
    ...env,
    LC_ALL: 'C',
    // What the user, or whoever writes as the user, has there now; what counts was captured at submit.
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    SSH_ASKPASS: 'true',
    GIT_MERGE_AUTOEDIT: 'no',
    ...(reads ? { GIT_OPTIONAL_LOCKS: '0' } : {}),
    // A git that outlives a killed supervisor is found by this (lock.ts).
    [LOCK_VARIABLE]: lockedHere(),
    ...more,
    PATH: soundPath(more.PATH ?? process.env.PATH ?? ''),
  };
}

/** Without the entries that mean a folder of the worktree. */
function soundPath(path: string): string {
  return path
    .split(delimiter)
    .filter(entry => isAbsolute(entry))
    .join(delimiter);
}

interface Failed {
  why: 'late' | 'cut' | 'stuck' | null;
  /** What it waits for. */
  stuck: string | null;
  timeout: number;
  stderr: string;
  cause: (Error & { code?: number | string; signal?: string }) | null;
}

function failure(args: readonly string[], cwd: string, failed: Failed): RasenError {
  const { cause } = failed;
  const words = args.filter(a => !a.startsWith('-')).slice(0, 2);
  const name = `git ${words.join(' ').slice(0, 120)}`;
  const data = { args: args.slice(0, 20), cwd, ...(failed.why === 'stuck' ? { stuck: true } : {}) };
  if (failed.why === 'stuck') {
    return new RasenError('git', `${name} in ${cwd} was ended: ${failed.stuck}`, {
      hint: 'Remove that file; git would wait for it for ever.',
      data,
      cause,
    });
  }
  if (failed.why === 'late') {
    return new RasenError('git', `${name} in ${cwd} took longer than ${failed.timeout / 1000} s`, {
      hint: 'See whether the disk is overloaded or a git filter waits for something, then try again.',
      data: { ...data, trouble: troubleWith('machine', cwd, `git does not answer in ${cwd}`) },
      cause,
    });
  }
  if (failed.why === 'cut') {
    return new RasenError('git', `${name} in ${cwd} wrote more than rasen reads`, { data, cause });
  }
  if (cause?.code === 'ENOENT') {
    if (existsSync(cwd)) {
      return new RasenError('git', 'The program git was not found', {
        hint: 'Install git 2.32 or newer and see that it is on the PATH of the supervisor.',
        data,
        cause,
      });
    }
    return new RasenError('git', `${name} cannot run: the folder ${cwd} does not exist`, { data, cause });
  }
  const [, large] = /^fatal: (.+): smudge filter lfs failed$/m.exec(failed.stderr) ?? [];
  if (large !== undefined) {
    const why = /^Error downloading object: .*?: (?:Smudge error: )?(.+)$/m.exec(failed.stderr)?.[1];
    return new RasenError('git', `git-lfs could not get the content of ${large}${why ? `: ${why}` : ''}`, {
      hint: 'Fetch it in the repository with: git lfs fetch. Then go on.',
      data,
      cause,
    });
  }
  const how = cause?.signal ? `was ended by ${cause.signal}` : `failed (${cause?.code ?? 'unknown'})`;
  const quoted = lastLines(failed.stderr);
  const trouble =
    troubleInText(failed.stderr, cwd) ??
    (cause?.signal ? troubleWith('machine', cwd, `git was ended by ${cause.signal} in ${cwd}`) : undefined);
  return new RasenError('git', `${name} in ${cwd} ${how}${quoted ? `: ${quoted}` : ''}`, {
    data: { ...data, stderr: quoted, ...(trouble ? { trouble } : {}) },
    cause,
  });
}

/** What made it fail, without what it only warns of. */
function complaints(stderr: string): string {
  return stderr
    .split('\n')
    .filter(line => /^(fatal|error):/.test(line))
    .join('\n');
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('hint:'));
  return lines.slice(-QUOTED_LINES).join('\n').slice(-QUOTED_CHARACTERS);
}

/** Whether a command was ended because it waited for a special file. */
export const isStuck = (error: unknown): boolean => isRasenError(error) && error.data?.stuck === true;

/** The parts of NUL-separated output. */
export function parts(stdout: string): string[] {
  return stdout.split('\0').filter(part => part !== '');
}
