/**
 * The cage where the user's own service manager answers: each attempt is a transient service of its own, so that it
 * lives on through every end of the supervisor, nothing of it survives its own end, and the manager records that end.
 */
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, RasenError } from '../../errors.ts';
import type { ResourceLimits } from '../../task/plan.ts';
import { attemptMarker, readAttempt } from '../attempt-dir.ts';
import { HELPER_MS_MAX } from '../limits.ts';
import { MARKER_NAME } from '../platform/host.ts';
import type { Bell } from './bell.ts';
import type { Cage } from './cage.ts';
import { writeCage } from './cage-file.ts';
import { environmentFile, runFailure, unitName, unitWords } from './unit-command.ts';

export interface UnitCageOptions {
  /** Folder of unit.sh, record-exit.sh and runner.sh. */
  scripts: string;
  /** Folder for environment files: in memory where the system has such a place, private, of this instance. */
  environments: string;
  bell: Bell;
  /** Environment with which the manager is reached (XDG_RUNTIME_DIR). */
  env: NodeJS.ProcessEnv;
  /** Limits that the manager's controllers can hold. */
  enforces: readonly (keyof ResourceLimits)[];
}

export function unitCage(options: UnitCageOptions): Cage {
  return {
    kind: 'unit',
    enforces: options.enforces,
    async start(dir, env, { limits, onExit }) {
      const path = resolve(dir);
      const { spec } = readAttempt(path);
      if (!spec) {
        throw new RasenError('spawn', `There is no attempt to start in ${path}: spec.json is missing.`);
      }
      const marker = attemptMarker(spec);
      const unit = unitName(marker);
      await writeCage(path, { kind: 'unit', unit });
      const environment_file = join(options.environments, unit);
      await mkdir(options.environments, { recursive: true, mode: 0o700 });
      await writeFile(environment_file, environmentFile({ ...env, [MARKER_NAME]: marker }), { mode: 0o600 });
      options.bell.expect(unit, onExit);
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
      const failure = await systemdRun(words, options.env);
      if (failure === null) return;
      await rm(environment_file, { force: true });
      throw startError(marker, failure);
    },
  };
}

/** Null: the manager has taken it, now or before. */
async function systemdRun(
  words: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ kind: 'away' | 'refused'; text: string } | null> {
  return await new Promise(done => {
    execFile(
      'systemd-run',
      ['--user', ...words],
      { env, timeout: HELPER_MS_MAX, cwd: '/' },
      (error, _stdout, stderr) => {
        if (!error) return done(null);
        const kind = runFailure(stderr, error);
        done(kind === 'exists' ? null : { kind, text: stderr.trim() || messageOf(error) });
      },
    );
  });
}

function startError(marker: string, { kind, text }: { kind: 'away' | 'refused'; text: string }): RasenError {
  if (kind === 'away') {
    return new RasenError(
      'manager_away',
      `Attempt ${marker} is not started now: the user's service manager does not take it (${text}).`,
      { hint: 'It is tried again; nothing to do while the machine shuts down.' },
    );
  }
  return new RasenError('spawn', `The unit of attempt ${marker} could not be started: ${text}.`, {
    hint: 'rasen doctor tells about the service manager; `cage: group` in rasend.yml does without it.',
  });
}
