/**
 * Starts a runner, and fences attempts that must never start. The runner is in a session of its own and outlives the
 * supervisor; the supervisor learns from the files in the directory, never from the child process.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { markFor } from '../host/mark-of-task.ts';
import { bytesOfText } from '../util/exact-text.ts';
import { attemptMarker } from './attempt-dir.ts';
import type { StartOptions } from './cage/cage.ts';
import { syncFile } from './durable.ts';
import { exportLines, RUNNER_NAME, runnerOrder } from './order.ts';
import { MARKER_NAME } from './platform/host.ts';
import { statOf } from './small-file.ts';

/**
 * Starts a runner and resolves when the process is there. Starting the same attempt again is harmless: one runner wins the
 * claim, the others end at once.
 *
 * @param env the whole environment of the command; nothing of the supervisor's own is added. Names that are no shell
 *   variables (`a.b`) do not survive the shell.
 * @param text that of runner.sh, given as a word: a file could be changed by whatever runs as the same user.
 * Throws `spawn`.
 */
export async function startRunner(
  dir: string,
  env: Record<string, string>,
  text: string,
  { spec, root, key, onExit }: Pick<StartOptions, 'spec' | 'root' | 'key' | 'onExit'>,
): Promise<void> {
  const path = resolve(dir);
  const marker = attemptMarker(spec);
  const [plain, odd] = byBytes(env);
  const order = `${odd}${runnerOrder({ dir: path, cage: 'group', spec, root, parent: process.pid, key })}`;
  const child = spawn('/bin/sh', ['-c', text, RUNNER_NAME, path], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...plain, [MARKER_NAME]: marker, RASEN_RUNNER_MARK: markFor(spec.task) },
  });
  child.unref();
  tell(child.stdin, order);
  // The runner leaves the sync of its record to a living parent: a program less per attempt.
  child.once(
    'exit',
    () =>
      void syncFile(join(path, 'exit'))
        .catch(() => false)
        .then(onExit),
  );
  await new Promise<void>((done, failed) => {
    child.once('spawn', done);
    child.once('error', error => {
      failed(
        new RasenError(
          'spawn',
          `The runner of attempt ${marker} could not be started: ${messageOf(error)}.`,
          {
            hint: hintFor(errnoOf(error)),
            cause: error,
          },
        ),
      );
    });
  });
}

/** A shell reads a line byte by byte; what is longer it has read by a program, which costs as much as that line. */
const READ_BYTES_MAX = 16 * 1024;

/** What was cut short must not be run: it may be a command with fewer words. */
const WHOLE = 'rasen_whole=yes\n';

/** A socket that nobody else can open. A runner that ends without reading (another one was first) is no fault. */
function tell(stdin: Writable, order: string): void {
  stdin.on('error', () => {});
  const bytes = bytesOfText(order);
  const all = bytes.length > READ_BYTES_MAX;
  const head = `${all ? 'all' : order.split('\n').length - 1}\n`;
  stdin.end(Buffer.concat([Buffer.from(head), bytes, Buffer.from(all ? WHOLE : '')]));
}

/** What Node can hand over, which is UTF-8, and the rest as words of the shell. */
function byBytes(env: Record<string, string>): [Record<string, string>, string] {
  const odd = Object.entries(env).filter(([, value]) => !value.isWellFormed());
  if (odd.length === 0) return [env, ''];
  const plain = Object.entries(env).filter(([, value]) => value.isWellFormed());
  return [Object.fromEntries(plain), exportLines(Object.fromEntries(odd))];
}

/**
 * Makes sure that a runner which has not claimed the attempt yet never will. 'claimed': too late, a runner was first.
 * Repeatable: an attempt that is fenced stays 'fenced'. Throws `storage`.
 */
export function fence(dir: string): 'fenced' | 'claimed' {
  const claim = join(dir, 'claim');
  try {
    mkdirSync(claim, 0o700);
    return 'fenced';
  } catch (error) {
    // Ours is a directory, a runner's is a file.
    if (errnoOf(error) === 'EEXIST') return statOf(claim)?.isDirectory() ? 'fenced' : 'claimed';
    throw new RasenError('storage', `The attempt in ${dir} could not be fenced: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

function hintFor(errno: string | undefined): string | undefined {
  if (errno === 'E2BIG') return 'Make the environment of the task smaller.';
  if (errno === 'EAGAIN') return 'The limit of processes is reached: run less at once, or raise it.';
  return undefined;
}
