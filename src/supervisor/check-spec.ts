/**
 * What the schema of a spec cannot say: paths that stay where they belong, texts that the system can take. Used by
 * Commands before anything is made durable; the command line checks most of it earlier, other clients do not.
 */
import { isAbsolute, normalize } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { type Plan, planProblems } from '../contract/plan.ts';
import type { TaskSpec } from '../contract/spec.ts';
import { commandOf } from '../contract/work.ts';

/** Throws `config` that names everything that is wrong. */
export function checkOrder(spec: TaskSpec, env: Record<string, string>): void {
  const problems: string[] = [];
  if (!isAbsolute(spec.project)) problems.push(`project: "${spec.project}" is not an absolute path`);
  if (spec.workspace.kind === 'git') {
    const base = normalize(spec.workspace.base_path).replace(/\/+$/, '');
    const own = base !== '.' && base !== '' && base !== '.git' && !base.startsWith('.git/');
    if (!own) problems.push('workspace.base_path: must be a folder of its own, outside .git');
  }
  for (const [name, path] of Object.entries(spec.views ?? {})) {
    if (typeof path === 'string' && !isInside(path))
      problems.push(`views.${name}: "${path}" is not a path inside the project`);
  }
  const commands = [
    spec.setup,
    ...Object.values(spec.agents).map(agent => agent.command),
    ...(spec.relay?.agents ?? []).map(agent => agent.command),
    ...spec.gates.map(gate => gate.run),
  ];
  if (commands.some(argv => argv && !argv[0])) problems.push('a command names no program');
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || name.includes('=') || `${name}${value}`.includes('\0'))
      problems.push(`env: "${name}" cannot be in an environment`);
  }
  if (spec.plan && spec.plan.task !== spec.id)
    problems.push(`plan.task: the plan is of task ${spec.plan.task}`);
  if (hasNul(spec)) problems.push('a text has a NUL in it');
  refuse(`the task ${spec.id}`, problems);
  if (spec.services) checkServices(spec.services, spec.id);
  if (spec.plan) checkPlan(spec.plan, spec.id);
}

/** Throws `config` for a plan that cannot be worked on. */
export function checkPlan(plan: Plan, task: string): void {
  const problems = planProblems(plan.subtasks).map(p => p.message);
  for (const { id, do: work, cwd, gates } of plan.subtasks) {
    const command = commandOf(work);
    if (command && !command[0]) problems.push(`"${id}" names no program`);
    if (cwd !== null && !isInside(cwd))
      problems.push(`"${id}": the folder "${cwd}" is not inside the workspace`);
    for (const gate of gates)
      if (!gate.run[0]) problems.push(`gate "${gate.name}" of "${id}" names no program`);
  }
  if (hasNul(plan)) problems.push('a text has a NUL in it');
  refuse(`the plan of ${task}`, problems);
}

/** Throws `config` for what cannot be kept up. */
function checkServices(services: Plan['subtasks'], task: string): void {
  const problems = planProblems(services).map(p => p.message);
  for (const { id, do: work, cwd } of services) {
    if (!('keep' in work)) problems.push(`"${id}" is no service`);
    else if (!work.keep[0]) problems.push(`"${id}" names no program`);
    if (cwd !== null && !isInside(cwd))
      problems.push(`"${id}": the folder "${cwd}" is not inside the workspace`);
  }
  refuse(`the services of ${task}`, problems);
}

function refuse(what: string, problems: string[]): void {
  if (problems.length === 0) return;
  throw new RasenError('config', `${what} is not sound: ${problems.join('; ')}`, {
    hint: 'Nothing was accepted. Correct it and submit it again.',
    data: { problems },
  });
}

const isInside = (path: string) => path !== '' && !isAbsolute(path) && !path.split('/').includes('..');

/** In JSON a NUL is always written as an escape, and a backslash of the text is doubled. */
const hasNul = (value: unknown) => /(?:^|[^\\])(?:\\\\)*\\u0000/.test(JSON.stringify(value));
