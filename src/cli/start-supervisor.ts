/**
 * Starts a supervisor where none answers, for `rasen run` and `rasen resume`, and waits until it does: the installed
 * service, or where there is none a detached process.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  statfsSync,
} from 'node:fs';
import { join } from 'node:path';
import { EXIT, isRasenError, RasenError } from '../contract/errors.ts';
import { makeFolder } from '../host/make-folder.ts';
import { checkHome } from '../host/private.ts';
import { connect } from '../index.ts';
import type { Paths } from '../paths.ts';
import type { ServiceBundle } from './context.ts';
import type { Output } from './output.ts';
import { monotonicMs, sleep } from './time.ts';

const START_LIMITS = {
  wait_ms: 15_000,
  poll_ms: 20,
  /** Another one that was first does not answer for so long: it is tried again, since that one may be gone. */
  first_ms: 1_000,
  /** Times that one is killed while it starts before that is how it is. */
  kills: 3,
  /** What a supervisor says before it has a log; emptied when it has grown beyond this. */
  out_bytes: 1024 * 1024,
  tail_lines: 5,
} as const;

/** Node's channel, and what a service manager gave to our caller: the supervisor must not speak in its name. */
const CALLERS_OWN = /^(NODE_CHANNEL_.*|NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*)$/;

export interface StartOptions {
  /** Program and arguments. */
  command: readonly string[];
  paths: Paths;
  env: NodeJS.ProcessEnv;
  out: Output;
  loadServiceBundle(): ServiceBundle;
}

/**
 * Throws RasenError `spawn` with the last lines of a supervisor that died, `unreachable` when it does not answer, or
 * `service` when the installed service cannot be started: a detached one beside it would fight for the same state.
 */
export async function startSupervisor(options: StartOptions): Promise<void> {
  const { paths, env, out, loadServiceBundle } = options;
  checkHome(paths.home);
  const started = await loadServiceBundle().startInstalled({ env, paths }, text => out.note(text));
  if (!started) return await startDetached(options);
  for (const end = monotonicMs() + START_LIMITS.wait_ms; !(await answers(paths.socket)); ) {
    if (monotonicMs() > end)
      throw new RasenError('unreachable', `The service was started but does not answer on ${paths.socket}.`, {
        hint: 'rasen doctor looks for the usual reasons.',
      });
    await sleep(START_LIMITS.poll_ms);
  }
}

async function startDetached(options: StartOptions): Promise<void> {
  const { paths, out } = options;
  const { spawn } = await import('node:child_process');
  const file = join(paths.home, 'rasend.out');
  makeFolder(paths.home, 0o700);
  const fd = openOut(file);
  let from = fstatSync(fd).size;
  if (from > START_LIMITS.out_bytes) {
    ftruncateSync(fd, 0);
    from = 0;
  }
  out.note('no supervisor answers; starting one');
  try {
    const end = monotonicMs() + START_LIMITS.wait_ms;
    let started = launch(spawn, options, fd);
    for (let killed = 0; !(await answers(paths.socket)); await sleep(START_LIMITS.poll_ms)) {
      const { ended, pid } = started;
      if (ended?.how === 'killed') killed += 1;
      if (ended && ended.how !== 'second') {
        if (isFull(paths.home))
          throw new RasenError(
            'storage',
            `The supervisor did not start: no space is left for ${paths.home}.`,
            {
              hint: 'Free some space, and try again. Nothing was started.',
            },
          );
        if (ended.how === 'failed' || killed > START_LIMITS.kills)
          throw new RasenError('spawn', `The supervisor did not start (${ended.text}).${tail(file, from)}`, {
            hint: `All it said is in ${file}; rasen doctor looks for the usual reasons.`,
            data: { file },
          });
      }
      if (monotonicMs() > end)
        throw new RasenError(
          'unreachable',
          `The supervisor was started (PID ${pid}) but does not answer.${tail(file, from)}`,
          { hint: `Its log: ${paths.log}`, data: { pid: pid ?? null, file } },
        );
      // A kill may have been meant for another one; and one that was first may be gone by now.
      const pause = ended?.how === 'second' ? START_LIMITS.first_ms : 0;
      if (ended && monotonicMs() - ended.at >= pause) started = launch(spawn, options, fd);
    }
  } finally {
    closeSync(fd);
  }
}

interface Started {
  pid: number | undefined;
  /** null: it lives. second: somebody else was faster and holds the lock, and will answer. `at`: of monotonicMs(). */
  ended: { how: 'second' | 'killed' | 'failed'; text: string; at: number } | null;
}

function launch(
  spawn: typeof import('node:child_process').spawn,
  { command, env }: StartOptions,
  fd: number,
): Started {
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !CALLERS_OWN.test(name)));
  const child = spawn(command[0]!, command.slice(1), {
    detached: true,
    stdio: ['ignore', fd, fd],
    cwd: '/',
    env: clean,
  });
  const started: Started = { pid: child.pid, ended: null };
  child.once('error', error => {
    started.ended = { how: 'failed', text: error.message, at: monotonicMs() };
  });
  child.once('exit', (code, signal) => {
    const how = code === EXIT.temporary ? 'second' : signal ? 'killed' : 'failed';
    started.ended = { how, text: signal ? `signal ${signal}` : `exit status ${code}`, at: monotonicMs() };
  });
  child.unref();
  return started;
}

/** What it says before its log is open. A FIFO or link in its place is put aside: it would block, or lead elsewhere. */
function openOut(file: string): number {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const there = lstatSync(file, { throwIfNoEntry: false });
  if (there && !there.isFile()) renameSync(file, `${file}.unusable-${Date.now()}`);
  return openSync(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
}

async function answers(socket: string): Promise<boolean> {
  try {
    const client = await connect({ socket });
    try {
      await client.hello;
      return true;
    } finally {
      client.close();
    }
  } catch (error) {
    if (isRasenError(error) && ['unreachable', 'timeout', 'shutting_down'].includes(error.kind)) return false;
    throw error;
  }
}

/** Then it cannot even write why it ended. */
function isFull(home: string): boolean {
  try {
    const { bavail, ffree, files } = statfsSync(home);
    return bavail === 0 || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}

/** The last lines that were written behind `from`, without the frames of a stack, each on a line of its own. */
function tail(file: string, from: number): string {
  const text = readFileSync(file).subarray(from).toString('utf8').trimEnd();
  return text
    .split('\n')
    .filter(line => line.trim() !== '' && !/^\s+at /.test(line))
    .slice(-START_LIMITS.tail_lines)
    .map(line => `\n  ${line}`)
    .join('');
}
