/**
 * Which agent plays a role. A role that says anything of its own (a backend, a program) says all of it; one that says
 * nothing has the main agent. Used where a spec is made; pure.
 */
import type { Backend } from '../contract/backends.ts';
import { type AgentSpec, ROLES, type Role } from '../contract/spec.ts';
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
export const agentsOf = (settings: Settings): AgentSpec[] =>
  ROLES.map(role => agentOfRole(settings, role)).filter(agent => agent !== null);

export const backendOfRole = (settings: Settings, role: Role): Backend | undefined =>
  agentOfRole(settings, role)?.backend;

function specOf(backend: Backend | null, command: string[] | null): AgentSpec | null {
  if (backend === null || backend === 'command') return command && { backend: 'command', command };
  return { backend, command: command ?? [backend] };
}
