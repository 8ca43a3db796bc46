/**
 * Which agent plays a role. A role that says anything of its own (a backend, a program) says all of it; one that says
 * nothing has the main agent. Used where a spec is made; pure.
 */
import type { Backend } from '../contract/backends.ts';
import { type AgentSpec, ROLES, type Role, type TaskSpec } from '../contract/spec.ts';
import { roleKey, type Settings } from './keys.ts';

/** null: nothing is configured. */
export function mainAgent(settings: Settings): AgentSpec | null {
  return specOf(settings['agent.backend'], settings['agent.command']);
}

export function agentOfRole(settings: Settings, role: Role): AgentSpec | null {
  const backend = settings[roleKey.backend(role)];
  const command = settings[roleKey.command(role)];
  return backend === null && command === null ? mainAgent(settings) : specOf(backend, command);
}

/** Those of all roles. */
export const agentsOf = (settings: Settings): AgentSpec[] => [
  ...ROLES.map(role => agentOfRole(settings, role)).filter(agent => agent !== null),
  ...relayOf(settings),
];

export const backendOfRole = (settings: Settings, role: Role): Backend | undefined =>
  agentOfRole(settings, role)?.backend;

/** Those that take over from the main agent, in their order. */
export const relayOf = (settings: Settings): NonNullable<TaskSpec['relay']>['agents'] =>
  settings['agent.relay'].flatMap(({ backend, command, model }) => {
    const agent = specOf(backend, command);
    return agent === null ? [] : [{ ...agent, ...(model === null ? {} : { model }) }];
  });

function specOf(backend: Backend | null, command: string[] | null): AgentSpec | null {
  if (backend === null || backend === 'command') return command && { backend: 'command', command };
  return { backend, command: command ?? [backend] };
}
