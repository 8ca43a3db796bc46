/**
 * The directory of one attempt: the whole contract between supervisor and runner (architecture 3). Here are its types,
 * how the supervisor writes it before a start, and how it reads what the runner left. Decides nothing.
 */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { syncDirectoriesUpTo, syncDirectory, writeSynced } from './durable.ts';
import type { Identity } from './identity.ts';
import { SPEC_BYTES_MAX } from './limits.ts';
import { checkCommand } from './order.ts';
import { type ExitRecord, parseExit, parseIdentity, type RunnerMark } from './records.ts';
import { readSmall, statOf } from './small-file.ts';

export interface AttemptSpec {
  version: 1;
  task: string;
  subtask: string;
  /** Number of the attempt; fences later writers. */
  attempt: number;
  epoch: number;
  nonce: string;
  argv: string[];
  /** Absolute. */
  cwd: string;
  /** Octal, as `022`. */
  umask: string;
  /** Resource limits of the command, as ulimitWords() has them; absent: those of the supervisor. */
  limits?: string;
  /** prompt: `prompt.md`. fifo: the FIFO `stdin`, held open by the runner. Else the absolute path of a file. */
  stdin: 'null' | 'prompt' | 'fifo' | `/${string}`;
  /** Path of the file with the environment, relative to this directory. */
  env_ref: string;
  output_max_bytes: number;
}

/** Identity of the session program, as in `runner`: it can tell the agent to come to an end. */
export const SESSION_FILE = 'session';

export interface AttemptFacts {
  spec: AttemptSpec | null;
  /** A runner, or the supervisor's fence, has the name `claim`: no other runner will ever start. */
  claimed: boolean;
  /** The supervisor fenced it: no runner ever ran. */
  fenced: boolean;
  identity: Identity | null;
  /** Present = over. */
  exit: ExitRecord | null;
  /**
   * In a unit: what its runner said when the command had ended, and what that left running may still be swept. It is
   * the record of the end where the manager came to write none.
   */
  ended: ExitRecord | null;
  /** Names of records that somebody else than the runner has written. */
  forged: string[];
  output_bytes: number;
  output_mtime_ms: number | null;
}

/** What the processes of an attempt carry in RASEN_ATTEMPT. */
export function attemptMarker(spec: Pick<AttemptSpec, 'task' | 'subtask' | 'attempt' | 'nonce'>): string {
  return `${spec.task}/${spec.subtask}/${spec.attempt}/${spec.nonce}`;
}

/**
 * Writes everything that a runner needs; durable when it returns. Repeating it with the same spec does nothing.
 * Throws `task_exists` for another spec in the same place, `damaged` for an unreadable one, `storage` when the disk refuses.
 */
export async function writeAttempt(
  dir: string,
  spec: AttemptSpec,
  files: { prompt?: string } = {},
): Promise<void> {
  checkCommand(spec);
  if (spec.stdin === 'prompt' && files.prompt === undefined) {
    throw new RasenError('usage', `Attempt ${attemptMarker(spec)} reads a prompt, but none was given.`);
  }
  try {
    const created = await mkdir(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, 'spec.json');
    if (statOf(path)) assertSame(dir, spec);
    else {
      await Promise.all([
        files.prompt === undefined ? null : writeSynced(join(dir, 'prompt.md'), files.prompt),
        writeSynced(`${path}.tmp`, `${JSON.stringify(spec)}\n`),
      ]);
      // Last and atomic: where spec.json is, all the rest is too.
      await rename(`${path}.tmp`, path);
    }
    await syncDirectory(dir);
    if (created) await syncDirectoriesUpTo(dir, created);
  } catch (error) {
    if (error instanceof RasenError) throw error;
    throw new RasenError(
      'storage',
      `The attempt's directory ${dir} could not be written: ${messageOf(error)}.`,
      {
        hint: errnoOf(error) === 'ENOSPC' ? 'Free disk space.' : undefined,
        cause: error,
      },
    );
  }
}

/**
 * What the directory says now. Cheap, for polling; whatever is missing, torn or foreign reads as absent.
 *
 * @param mark by which the records of its runner are known; it is not taken from the directory.
 */
export function readAttempt(dir: string, mark: RunnerMark): AttemptFacts {
  const claim = statOf(join(dir, 'claim'));
  const output = statOf(join(dir, 'output'));
  const runner = readSmall(join(dir, 'runner'));
  const exit = readEnd(dir, 'exit', mark);
  const ended = typeof exit === 'object' && exit !== null ? null : readEnd(dir, 'ended', mark);
  const forged = Object.entries({ exit, ended }).filter(([, end]) => end === 'forged');
  return {
    spec: readSpec(dir),
    claimed: claim !== null,
    fenced: claim?.isDirectory() ?? false,
    identity: runner && parseIdentity(runner.text, mark.record_keys && mark.nonce),
    exit: exit === 'forged' ? null : exit,
    ended: ended === 'forged' ? null : ended,
    forged: forged.map(([name]) => name),
    output_bytes: output?.size ?? 0,
    output_mtime_ms: output?.mtimeMs ?? null,
  };
}

function readEnd(dir: string, name: 'exit' | 'ended', mark: RunnerMark): ExitRecord | 'forged' | null {
  const path = join(dir, name);
  const file = readSmall(path);
  if (file) return parseExit(file.text, file.mtime_ms, mark);
  // Something else under the name, which no runner makes.
  const stat = mark.record_keys && statOf(path);
  return stat && !stat.isFile() ? 'forged' : null;
}

/** null: there is none that could be read. */
export function readSpec(dir: string): AttemptSpec | null {
  const file = readSmall(join(dir, 'spec.json'), SPEC_BYTES_MAX);
  try {
    const spec = JSON.parse(file?.text ?? 'null');
    return spec?.version === 1 && typeof spec.nonce === 'string' ? (spec as AttemptSpec) : null;
  } catch {
    return null;
  }
}

function assertSame(dir: string, spec: AttemptSpec): void {
  const existing = readSpec(dir);
  if (!existing) {
    throw new RasenError(
      'damaged',
      `The file ${join(dir, 'spec.json')} cannot be read; it is left as it is.`,
      {
        hint: 'Start the subtask again as a new attempt.',
      },
    );
  }
  if (!isDeepStrictEqual(existing, JSON.parse(JSON.stringify(spec)))) {
    throw new RasenError(
      'task_exists',
      `Attempt ${attemptMarker(existing)} is in ${dir} already, with another content than ${attemptMarker(spec)}.`,
      { hint: 'Give the new attempt the next number.' },
    );
  }
}
