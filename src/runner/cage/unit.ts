/**
 * The cage where the user's own service manager answers: each attempt is a transient service of its own, so that it
 * lives on through every end of the supervisor, nothing of it survives its own end, and the manager records that end.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, messageOf, RasenError } from '../../errors.ts';
import { markFor } from '../../host/mark.ts';
import { attemptMarker, readAttempt } from '../attempt-dir.ts';
import { HELPER_MS_MAX } from '../limits.ts';
import { MARKER_NAME } from '../platform/host.ts';
import type { Bell } from './bell.ts';
import type { Cage } from './cage.ts';
import { writeCage } from './cage-file.ts';
import { environmentFile, type RunFailure, runFailure, unitName, unitWords } from './unit-command.ts';

/** How long a unit of the same name is waited for, in ms, and how often it is looked at. */
const NAME_MS_MAX = 30_000;
const NAME_POLL_MS = 50;

export interface UnitCageOptions {
  /** Folder of unit.sh, record-exit.sh and runner.sh. */
  scripts: string;
  /** Folder for environment files: in memory where the system has such a place, private, of this instance. */
  environments: string;
  bell: Bell;
  /** Environment with which the manager is reached (XDG_RUNTIME_DIR). */
  env: NodeJS.ProcessEnv;
}

export function unitCage(options: UnitCageOptions): Cage {
  return {
    kind: 'unit',
    async start(dir, env, { limits, onExit }) {
      const path = resolve(dir);
      const { spec } = readAttempt(path);
      if (!spec) {
        throw new RasenError('spawn', `There is no attempt to start in ${path}: spec.json is missing.`);
      }
      const marker = attemptMarker(spec);
      const unit = unitName(marker);
      const text = environmentFile({
        ...env,
        [MARKER_NAME]: marker,
        RASEN_RUNNER_MARK: markFor(spec.task),
      });
      await writeCage(path, { kind: 'unit', unit });
      // A name of its own for each start: a unit that was started before this one may be reading its file.
      const environment_file = join(options.environments, `${unit}.${randomBytes(6).toString('hex')}`);
      let started = false;
      try {
        await writeEnvironment(environment_file, text, marker);
        const words = unitWords({
          unit,
          description: `Rasen attempt ${spec.task}/${spec.subtask}/${spec.attempt}`,
          dir: path,
          unit_script: join(options.scripts, 'unit.sh'),
          record_script: join(options.scripts, 'record-exit.sh'),
          environment_file,
          bell: options.bell.path(unit),
          limits,
        });
        options.bell.expect(unit, onExit);
        started = await run(words, options.env, path, marker);
      } finally {
        // The unit that starts with it removes it itself.
        if (!started) await rm(environment_file, { force: true });
      }
    },
  };
}

/**
 * True: started. False: the unit of this attempt is there already, and its runner has the claim. A unit of the same name
 * that has not said its last word (a gate that is run again under its old name) is waited for.
 */
async function run(words: string[], env: NodeJS.ProcessEnv, dir: string, marker: string): Promise<boolean> {
  for (const end = performance.now() + NAME_MS_MAX; ; ) {
    const failure = await systemdRun(words, env);
    if (failure === null) return true;
    if (failure.kind === 'refused') throw refusal(marker, failure.text);
    if (failure.kind === 'away') throw away(marker, failure.text);
    if (readAttempt(dir).claimed) return false;
    if (performance.now() > end) throw away(marker, failure.text);
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

async function writeEnvironment(path: string, text: string, marker: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // The folder of the user's session goes and comes with his manager.
    if (['ENOENT', 'EACCES'].includes(errnoOf(error) ?? '')) throw away(marker, messageOf(error));
    throw new RasenError(
      'storage',
      `The environment of attempt ${marker} could not be written: ${messageOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

function away(marker: string, why: string): RasenError {
  return new RasenError(
    'manager_away',
    `Attempt ${marker} is not started now: the user's service manager does not take it (${why}).`,
    { hint: 'It is tried again; nothing to do while the machine shuts down.' },
  );
}

function refusal(marker: string, why: string): RasenError {
  return new RasenError('spawn', `The unit of attempt ${marker} could not be started: ${why}.`, {
    hint: 'rasen doctor tells about the service manager; `cage: group` in rasend.yml does without it.',
  });
}
