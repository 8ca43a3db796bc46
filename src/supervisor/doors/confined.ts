/**
 * What a task becomes that a session in a sandbox hands over: it has what that one has, and nothing that it could not do
 * itself. The order comes from a program that may be anybody's, so what is not known to stay inside is refused, in words.
 * Pure.
 */
import { createHash } from 'node:crypto';
import { isAbsolute, join, resolve } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import type { ResourceLimits, Subtask, SubtaskLimits } from '../../contract/plan.ts';
import type { Enclosure, SandboxSpec } from '../../contract/sandbox.ts';
import type { Probe } from '../../contract/service.ts';
import type { TaskSpec } from '../../contract/spec.ts';
import { isBelow } from '../../host/below.ts';

export interface Session {
  /** Of its task. */
  spec: TaskSpec;
  /** What it works in, by physical paths. */
  enclosure: Enclosure;
  /** Of the user, whose files are named from it. */
  home: string;
}

const KEY_CHARS = 200;

/** Variables are set for each subtask; all of them together are no more than this, in bytes. */
const ENV_BYTES_MAX = 4 * 1024 * 1024;

/**
 * @param project physical path of the folder where the task is to work; null: there is none, or it could not be looked at.
 *   Throws `not_permitted`.
 */
export function confined(spec: TaskSpec, project: string | null, session: Session): TaskSpec {
  refuse(spec, project, session);
  const { spec: parent } = session;
  return {
    ...spec,
    project: project!,
    key: spec.key === null ? null : keyIn(parent.id, spec.key),
    priority: Math.min(spec.priority, parent.priority),
    plan: spec.plan && { ...spec.plan, subtasks: spec.plan.subtasks.map(s => ofSession(s, spec, parent)) },
    limits: {
      ...spec.limits,
      ...noMore(spec.limits, parent.limits),
      output_max_bytes: Math.min(spec.limits.output_max_bytes, parent.limits.output_max_bytes),
    },
    // Some of them are read outside of the sandbox (TMPDIR): what a subtask has for itself is for its program alone.
    env: {},
    sandbox: sandboxIn(session),
    // Hooks run outside, in the folder of the task; its parent is told.
    notify: null,
    secrets: {},
  };
}

/** One session's keys are none of the user's, of other tasks or of triggers. */
function keyIn(task: string, key: string): string {
  const whole = `${task}/${key}`;
  if (whole.length <= KEY_CHARS) return whole;
  return `${task}/${createHash('sha256').update(key).digest('hex')}`;
}

function sandboxIn({ spec, enclosure, home }: Session): SandboxSpec {
  const { write, read, network } = spec.sandbox!;
  const absolute = (path: string) =>
    path === '~' || path.startsWith('~/')
      ? join(home, path.slice(1))
      : isAbsolute(path)
        ? path
        : resolve(spec.project, path);
  const all = 'require' as const;
  return {
    roles: { initializer: all, coder: all, reviewer: all, qa: all },
    ...{ commands: all, gates: all },
    ...{ write: write.map(absolute), read: read.map(absolute), network },
    within: enclosure,
  };
}

function ofSession(subtask: Subtask, { env }: TaskSpec, { limits }: TaskSpec): Subtask {
  const own = noMore(subtask.limits, limits);
  return { ...subtask, env: { ...env, ...subtask.env }, limits: { ...subtask.limits, ...own } };
}

/** Not more of the machine than the session may have. */
function noMore<T extends ResourceLimits | SubtaskLimits>(
  wanted: T,
  most: ResourceLimits,
): Omit<ResourceLimits, 'runtime_max_seconds'> {
  const least = (name: 'memory_max_bytes' | 'cpu_max_percent' | 'tasks_max') => {
    const [a, b] = [wanted[name], most[name]];
    return a === null ? b : b === null ? a : Math.min(a, b);
  };
  return {
    memory_max_bytes: least('memory_max_bytes'),
    cpu_max_percent: least('cpu_max_percent'),
    tasks_max: least('tasks_max'),
  };
}

function refuse(spec: TaskSpec, project: string | null, { spec: parent, enclosure }: Session): void {
  const { plan, workspace } = spec;
  const agents =
    Object.keys(spec.agents).length > 0 || plan?.subtasks.some(({ do: work }) => 'agent' in work);
  if (plan === null || agents || workspace.kind !== 'folder')
    throw not(
      'work for an agent is not handed over from inside a sandbox: which program that is, and what judges it, would be said by whoever asks',
      'Hand a command over, do the work in this session, or say in its result what is left to be done.',
    );
  // Whether a path outside is there is not told either.
  if (project === null || !isBelow(enclosure.root, project))
    throw not(
      `${spec.project} is no folder in ${enclosure.root}, which is what this session works in`,
      'Name a folder in there, or none.',
    );
  const bytes = Object.entries(spec.env).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes * plan.subtasks.length > ENV_BYTES_MAX)
    throw not(
      `${bytes} bytes of variables for each of ${plan.subtasks.length} subtasks are more than ${ENV_BYTES_MAX / 1024 / 1024} MiB`,
      'Put them into a file that the commands read.',
    );
  const secrets = Object.keys(spec.secrets).filter(name => spec.secrets[name]!.for?.join() !== 'notify');
  const odd = [
    ...(secrets.length > 0 ? [`secrets (${secrets.join(', ')})`] : []),
    ...(spec.setup === null ? [] : ['setup']),
    ...(spec.gates.length > 0 || plan.subtasks.some(({ gates }) => gates.length > 0) ? ['gates'] : []),
    ...(spec.services?.length ? ['services beside the work'] : []),
    ...(spec.stdin === null ? [] : ['a standard input']),
    ...(spec.views === null ? [] : ['views']),
  ];
  if (odd.length > 0)
    throw not(
      `${odd.join(', ')}: a task from inside a sandbox has none`,
      'Hand over commands and services alone.',
    );
  for (const subtask of plan.subtasks) refuseProbes(subtask, parent.sandbox!.network);
}

/** Looks at services are the supervisor's own, from outside. */
function refuseProbes({ id, service }: Subtask, network: SandboxSpec['network']): void {
  for (const probe of [service?.ready?.probe, service?.health?.probe]) {
    const why = probe && reachesOut(probe, network);
    if (why)
      throw not(
        `"${id}": ${why}, which its session could not do itself`,
        'Let a command look whether it is ready: that runs in the sandbox, too.',
      );
  }
}

function reachesOut(probe: Probe, network: SandboxSpec['network']): string | null {
  if (probe.kind === 'file' && (isAbsolute(probe.path) || probe.path.split('/').includes('..')))
    return `it is ready by the file ${probe.path}`;
  if ((probe.kind === 'tcp' || probe.kind === 'http') && network !== 'all')
    return 'it is ready by an answer from a network';
  return null;
}

function not(why: string, hint: string): RasenError {
  return new RasenError('not_permitted', `Nothing was handed over: ${why}.`, { hint });
}
