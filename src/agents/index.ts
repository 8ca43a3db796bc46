/** The list of agents. A new kind is one file, one line here, and its name in task/spec.ts. */
import { RasenError } from '../errors.ts';
import type { Backend, Role, TaskSpec } from '../task/spec.ts';
import { acpAgent } from './acp.ts';
import type { Agent } from './agent.ts';
import { claudeAgent } from './claude.ts';
import { codexAgent } from './codex.ts';
import { commandAgent } from './command.ts';
import { geminiAgent } from './gemini.ts';
import { opencodeAgent } from './opencode.ts';

export const AGENTS: Readonly<Record<Backend, (command: readonly string[]) => Agent>> = {
  claude: claudeAgent,
  codex: codexAgent,
  gemini: geminiAgent,
  opencode: opencodeAgent,
  acp: acpAgent,
  command: commandAgent,
};

/** The agent that plays a role in a task; judges and the planner default to the coder's program. */
export function agentOf(spec: TaskSpec, role: Role): Agent {
  const chosen = spec.agents[role] ?? spec.agents.coder;
  if (!chosen) {
    throw new RasenError('config', `no agent is configured for the role ${role}`, {
      hint: 'Name one in rasen.yml:  backend: claude',
    });
  }
  return AGENTS[chosen.backend](chosen.command);
}
