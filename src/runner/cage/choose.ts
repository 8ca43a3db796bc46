/** Which cage attempts are started in on this machine, and why: asked once, when the supervisor starts. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RasenError } from '../../contract/errors.ts';
import type { ResourceLimits } from '../../contract/plan.ts';
import { sessionRuntime } from '../../paths.ts';
import { HELPER_MS_MAX } from '../limits.ts';
import type { CageKind } from './cage.ts';
import { Cgroup, cgroupOf } from './cgroup.ts';

export interface CageChoice {
  kind: CageKind;
  /** In words for people, for doctor and status. */
  why: string;
  /** Limits that this cage can hold on this machine; the others are asked for in vain. */
  enforces: readonly (keyof ResourceLimits)[];
  /** Environment in which the manager is reached. */
  env: NodeJS.ProcessEnv;
}

/** Type=exec and OOMPolicy= are of 240 and 243. */
const SYSTEMD_MIN = 243;
/** At boot the manager may need a moment; under a service manager it is waited for so long, in ms. */
const MANAGER_MS_MAX = 30_000;
const MANAGER_POLL_MS = 250;

export interface ChooseOptions {
  wanted: 'auto' | CageKind;
  env: NodeJS.ProcessEnv;
  /** A service manager runs us: a user manager has to be there, or comes in a moment. */
  patient: boolean;
}

/** Throws `config` when units are asked for where they cannot be. */
export async function chooseCage({ wanted, env, patient }: ChooseOptions): Promise<CageChoice> {
  // As a login would set it: without a session (cron, a system service) nobody does, and `su` leaves another user's.
  // At boot it may come after us.
  const manager = { ...env, XDG_RUNTIME_DIR: sessionRuntime(env) ?? `/run/user/${process.getuid?.()}` };
  const choice = (
    kind: CageKind,
    why: string,
    enforces: CageChoice['enforces'] = ['runtime_max_seconds'],
  ) => ({
    kind,
    why,
    enforces,
    env: manager,
  });
  const impossible = (why: string): CageChoice => {
    if (wanted === 'auto') return choice('group', why);
    throw new RasenError('config', `cage: unit cannot be had here: ${why}.`, {
      hint: 'Use cage: auto or group.',
    });
  };
  if (wanted === 'group') return choice('group', 'asked for by the setting cage');
  if (process.platform !== 'linux') return impossible('systemd is needed for units');
  if (!existsSync('/run/systemd/system')) return impossible('systemd does not run here');
  if (cgroupOf('self') === null) return impossible('the control groups here are those of version 1 only');

  const deadline = performance.now() + (patient ? MANAGER_MS_MAX : 0);
  for (;;) {
    const { version, problem } = await askManager(manager);
    if (version !== null && version < SYSTEMD_MIN)
      return impossible(`systemd ${version} is too old for units (${SYSTEMD_MIN} or newer)`);
    if (version !== null)
      return choice('unit', `the user's service manager answers (systemd ${version})`, enforcedByManager());
    if (performance.now() >= deadline) {
      // Children of a confined service would be confined too: sudo and sandboxes fail there. The manager will come.
      if (patient) return choice('unit', `the user's service manager is waited for: ${problem}`);
      return impossible(`no service manager of this user answers: ${problem}`);
    }
    await sleep(MANAGER_POLL_MS);
  }
}

async function askManager(env: NodeJS.ProcessEnv): Promise<{ version: number | null; problem: string }> {
  // Looked at first: where there is no manager, the programs need not be started to say so.
  const socket = join(env.XDG_RUNTIME_DIR!, 'systemd/private');
  if (!existsSync(socket)) {
    return { version: null, problem: `${socket} is not there` };
  }
  return await new Promise(done => {
    execFile(
      'systemctl',
      ['--user', 'show', '--property=Version', '--value'],
      { env, timeout: HELPER_MS_MAX, cwd: '/' },
      (error, stdout, stderr) => {
        const version = Number(/^\d+/.exec(stdout.trim())?.[0] ?? 0);
        if (!error && version > 0) return done({ version, problem: '' });
        done({ version: null, problem: stderr.trim() || error?.message || 'systemctl gave no version' });
      },
    );
  });
}

/** Limits are silently ignored where the kernel's controller is not handed down to the user's manager. */
function enforcedByManager(): (keyof ResourceLimits)[] {
  const uid = process.getuid?.() ?? 0;
  const own = cgroupOf('self') ?? '/';
  const slice =
    /^(.*\/user@\d+\.service)/.exec(own)?.[1] ?? `/user.slice/user-${uid}.slice/user@${uid}.service`;
  const controllers = new Cgroup(slice).controllers();
  return [
    ...(controllers.includes('memory') ? (['memory_max_bytes'] as const) : []),
    ...(controllers.includes('cpu') ? (['cpu_max_percent'] as const) : []),
    ...(controllers.includes('pids') ? (['tasks_max'] as const) : []),
    'runtime_max_seconds',
  ];
}
