/** Which cage attempts are started in on this machine, and why: asked once, when the supervisor starts. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceLimits } from '../../task/plan.ts';
import { HELPER_MS_MAX } from '../limits.ts';
import type { CageKind } from './cage.ts';
import { Cgroup, cgroupOf } from './cgroup.ts';

export interface CageChoice {
  kind: CageKind;
  /** In words for people, for doctor and status. */
  why: string;
  enforces: readonly (keyof ResourceLimits)[];
  /** Environment in which the manager is reached. */
  env: NodeJS.ProcessEnv;
}

/** At boot the manager may need a moment; under a service manager it is waited for so long, in ms. */
const MANAGER_MS_MAX = 30_000;
const MANAGER_POLL_MS = 250;

export interface ChooseOptions {
  wanted: 'auto' | CageKind;
  env: NodeJS.ProcessEnv;
  /** A service manager runs us: a user manager has to be there, or comes in a moment. */
  patient: boolean;
}

export async function chooseCage({ wanted, env, patient }: ChooseOptions): Promise<CageChoice> {
  const manager = managerEnv(env);
  const group = (why: string): CageChoice => ({
    kind: 'group',
    why,
    enforces: ['runtime_max_seconds'],
    env: manager,
  });
  if (wanted === 'group') return group('asked for by the setting cage');
  if (process.platform !== 'linux') return group('systemd is needed for units');
  if (!existsSync('/run/systemd/system')) {
    if (wanted === 'auto') return group('systemd does not run here');
  }
  const deadline = performance.now() + (patient ? MANAGER_MS_MAX : 0);
  for (;;) {
    const { version, problem } = await askManager(manager);
    if (version !== null) {
      const enforces = enforcedByManager();
      return {
        kind: 'unit',
        why: `the user's service manager answers (systemd ${version})`,
        enforces,
        env: manager,
      };
    }
    if (performance.now() >= deadline) {
      if (wanted === 'auto') return group(`no service manager of this user answers: ${problem}`);
      const why = `asked for by the setting cage, although the manager does not answer: ${problem}`;
      return { kind: 'unit', why, enforces: ['runtime_max_seconds'], env: manager };
    }
    await sleep(MANAGER_POLL_MS);
  }
}

/** As a login would set it: without a session (cron, a system service) nobody does. */
function managerEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const uid = process.getuid?.();
  if (env.XDG_RUNTIME_DIR || uid === undefined) return env;
  return { ...env, XDG_RUNTIME_DIR: `/run/user/${uid}` };
}

async function askManager(env: NodeJS.ProcessEnv): Promise<{ version: string | null; problem: string }> {
  // Looked at first: where there is no manager, the programs need not be started to say so.
  if (!existsSync(join(env.XDG_RUNTIME_DIR ?? '/', 'systemd/private'))) {
    return { version: null, problem: `${env.XDG_RUNTIME_DIR}/systemd/private is not there` };
  }
  return await new Promise(done => {
    execFile(
      'systemctl',
      ['--user', 'show', '--property=Version', '--value'],
      { env, timeout: HELPER_MS_MAX, cwd: '/' },
      (error, stdout, stderr) => {
        const version = /^\d+/.exec(stdout.trim())?.[0] ?? null;
        if (!error && version) return done({ version, problem: '' });
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
