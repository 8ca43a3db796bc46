/** What a command inherits of its shell beside the environment: umask and resource limits. */
import { ownRlimits } from '../host/rlimits.ts';
import type { TaskSpec } from '../index.ts';

/** `env.RASEN_NOFILE`: the soft limit of open files before Node raised it for itself, as bin/rasen has seen it. */
export function inheritedOfShell(env: NodeJS.ProcessEnv): NonNullable<TaskSpec['process']> {
  const umask = process.umask(0o077);
  process.umask(umask);
  const { nofile, ...limits } = ownRlimits();
  const before = env.RASEN_NOFILE ?? '';
  const soft = /^\d+$/.test(before) ? Number(before) : before === 'unlimited' ? null : undefined;
  return {
    umask: umask.toString(8).padStart(3, '0'),
    limits: nofile && soft !== undefined ? { ...limits, nofile: { soft, hard: nofile.hard } } : limits,
  };
}
