/** The list of agents. A new kind is one file and one line here. */
import { RasenError } from '../errors.ts';
import type { Role, TaskSpec } from '../task/spec.ts';
import type { Agent } from './agent.ts';
import { commandAgent } from './command.ts';

/** The agent that plays a role in a task; judges and the planner default to the coder's program. */
export function agentOf(spec: TaskSpec, role: Role): Agent {
  const chosen = spec.agents[role] ?? spec.agents.coder;
  if (!chosen) {
    throw new RasenError('config', `no agent is configured for the role ${role}`, {
      hint: 'Name a program in rasen.yml:  agent: {command: ["claude", "-p"]}',
    });
  }
  return commandAgent(chosen.command);
}
