/**
 * The cage where the user's own service manager answers: each attempt is a transient service of its own, so that it
 * lives on through every end of the supervisor, nothing of it survives its own end, and the manager records that end.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, messageOf, RasenError } from '../../contract/errors.ts';
import { markFor } from '../../host/mark-of-task.ts';
import { userEntry } from '../../host/user.ts';
import { bytesOfText } from '../../util/exact-text.ts';
import { attemptMarker } from '../attempt-dir.ts';
import { HELPER_MS_MAX } from '../limits.ts';
import { runnerOrder, runnerText } from '../order.ts';
import { MARKER_NAME } from '../platform/host.ts';
import { statOf } from '../small-file.ts';
import type { Bell } from './bell.ts';
import type { Cage } from './cage.ts';
import { writeCage } from './cage-file.ts';
import { keptCopy } from './kept-copy.ts';
import {
  LAST_WORD,
  lastWordIn,
  type RunFailure,
  runFailure,
  startFile,
  unitName,
  unitWords,
} from './unit-command.ts';

/** How long a unit of the same name is waited for, in ms, and how often it is looked at. */
const NAME_MS_MAX = 30_000;
const NAME_POLL_MS = 50;
/** How long a unit whose end is recorded may take to be over for its manager, in ms. */
const WORD_MS_MAX = 2000;

export interface UnitCageOptions {
  /** Folder of record-exit.sh and runner.sh, as they lie next to the running program. */
  scripts: string;
  /** Folder for copies of what a unit needs when it ends, which may be after all else has moved. */
  copies: string;
  /** Folder for files to start from: in memory where the system has such a place, private, of this instance. */
  environments: string;
  bell: Bell;
  /** Environment with which the manager is reached (XDG_RUNTIME_DIR). */
  env: NodeJS.ProcessEnv;
}

export function unitCage(options: UnitCageOptions): Cage {
  const text = runnerText(readFileSync(join(options.scripts, 'runner.sh'), 'utf8'));
  const recorder = readFileSync(join(options.scripts, 'record-exit.sh'), 'utf8');
  return {
    kind: 'unit',
    async start(dir, env, { spec, root, key, limits, onExit }) {
      const path = resolve(dir);
      const marker = attemptMarker(spec);
      const unit = unitName(marker);
      const order = runnerOrder({ dir: path, cage: 'unit', spec, root, parent: null, key });
      const added = { [MARKER_NAME]: marker, RASEN_RUNNER_MARK: markFor(spec.task) };
      const start = startFile({ ...env, ...added }, order + text);
      const record_script = await keptCopy(options.copies, 'record-exit.sh', recorder);
      await writeCage(path, { kind: 'unit', unit });
      // A name of its own for each start: a unit that was started before this one may be reading its file.
      const start_file = join(options.environments, `${unit}.${randomBytes(6).toString('hex')}`);
      let started = false;
      try {
        await writeStart(start_file, start, marker, options.env);
        const unit_words = unitWords({
          unit,
          description: `Rasen attempt ${spec.task}/${spec.subtask}/${spec.attempt}`,
          dir: path,
          record_script,
          start_file,
          bell: options.bell.path(unit),
          limits,
        });
        options.bell.expect(unit, onExit);
        started = await run(unit_words, options.env, { unit, dir: path, marker });
      } finally {
        // The unit that starts with it removes it itself.
        if (!started) await rm(start_file, { force: true });
      }
    },
    async lastWord(marker) {
      const unit = unitName(marker);
      const words = ['show', ...LAST_WORD.map(name => `--property=${name}`), unit];
      for (const end = performance.now() + WORD_MS_MAX; ; await sleep(NAME_POLL_MS)) {
        const word = lastWordIn((await systemctl(words, options.env)) ?? '');
        if (word === 'ending' && performance.now() < end) continue;
        if (word === null || word === 'ending') return null;
        if (word.failed) await letGo(unit, options.env);
        return { code: word.code };
      }
    },
  };
}

/** A unit that failed stays with its manager until somebody has looked at it. */
const letGo = (unit: string, env: NodeJS.ProcessEnv) => systemctl(['reset-failed', unit], env);

/** What it prints; null: it failed, or no manager answers. */
async function systemctl(words: string[], env: NodeJS.ProcessEnv): Promise<string | null> {
  return await new Promise(done => {
    execFile('systemctl', ['--user', ...words], { env, timeout: HELPER_MS_MAX, cwd: '/' }, (error, stdout) =>
      done(error ? null : stdout),
    );
  });
}

/**
 * True: started. False: the unit of this attempt is there already, and its runner has the claim. A unit of the same name
 * that has not said its last word (a gate that is run again under its old name) is waited for.
 */
async function run(
  words: string[],
  env: NodeJS.ProcessEnv,
  { unit, dir, marker }: { unit: string; dir: string; marker: string },
): Promise<boolean> {
  for (const end = performance.now() + NAME_MS_MAX; ; ) {
    const failure = await systemdRun(words, env);
    if (failure === null) return true;
    if (failure.kind === 'refused') throw refusal(marker, failure.text);
    if (failure.kind === 'away') throw away(marker, failure.text, env);
    if (statOf(join(dir, 'claim'))) return false;
    if (performance.now() > end) throw away(marker, failure.text, env);
    // One that failed before it had a runner is in the way until it is let go of.
    await letGo(unit, env);
    await sleep(NAME_POLL_MS);
  }
}

/** Null: the manager has taken it. */
async function systemdRun(
  words: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ kind: RunFailure; text: string } | null> {
  return await new Promise(done => {
    execFile(
      'systemd-run',
      ['--user', ...words],
      { env, timeout: HELPER_MS_MAX, cwd: '/' },
      (error, _stdout, stderr) => {
        if (!error) return done(null);
        const text = stderr.trim() || messageOf(error);
        done({ kind: error.killed ? 'away' : runFailure(stderr), text });
      },
    );
  });
}

async function writeStart(path: string, text: string, marker: string, env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, bytesOfText(text), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // The folder of the user's session goes and comes with his manager.
    if (['ENOENT', 'EACCES'].includes(errnoOf(error) ?? '')) throw away(marker, messageOf(error), env);
    throw new RasenError(
      'storage',
      `What attempt ${marker} starts from could not be written: ${messageOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

const absence = (user: string) =>
  `attempts of ${user} run in ${user}'s service manager, which does not run; let it run: sudo loginctl enable-linger ${user}`;

/** `env`: without the manager's socket in it, the manager does not run, and what mends that is known. */
function away(marker: string, why: string, env: NodeJS.ProcessEnv): RasenError {
  const folder = env.XDG_RUNTIME_DIR ?? '';
  const absent = !existsSync(join(folder, 'systemd/private'));
  const message = absent
    ? absence(userEntry().name)
    : `the user's service manager does not take attempt ${marker} now (${why})`;
  return new RasenError('manager_away', message, {
    hint: 'It is tried again; nothing to do while the machine shuts down.',
  });
}

function refusal(marker: string, why: string): RasenError {
  return new RasenError('spawn', `The unit of attempt ${marker} could not be started: ${why}.`, {
    hint: 'rasen doctor tells about the service manager; `cage: group` in rasend.yml does without it.',
  });
}
