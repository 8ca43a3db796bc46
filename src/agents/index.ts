/**
 * The list of agents: how each is started, and what its sessions come to. A new one is a folder here, its name in
 * contract/backends.ts, and a line in each list that it belongs in: here, in readers.ts, and where it has them in
 * dialogues.ts and programs.ts. They are apart because each program of rasen is built with those alone that it needs.
 */
import { AGENT_PROGRAMS, BACKENDS, type Backend } from '../contract/backends.ts';
import { RasenError } from '../contract/errors.ts';
import type { Role, TaskSpec } from '../contract/spec.ts';
import { acpAgent } from './acp/start.ts';
import type { Agent } from './agent.ts';
import { claudeAgent } from './claude/start.ts';
import { codexAgent } from './codex/start.ts';
import { commandAgent } from './command/start.ts';
import type { AgentFolder } from './folders.ts';
import { geminiAgent } from './gemini/start.ts';
import { opencodeAgent } from './opencode/start.ts';

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

/** The program that is spoken with over the Agent Client Protocol, where it is one that is known. */
function programOf(command: readonly string[]): Backend | null {
  const names = command.map(word => word.replace(/^.*\//, '').replace(/\.[cm]?js$/, ''));
  return AGENT_PROGRAMS.find(name => names.includes(name)) ?? null;
}

/**
 * What an agent keeps in the home of the user, and what the others do, who are nothing to it. A program that is not known
 * by name may be any of them, or start one; null: it is no agent. `known`: it will need what is its own.
 */
export function agentFolders(
  backend: Backend | null,
  command: readonly string[] = [],
): {
  own: AgentFolder[];
  others: AgentFolder[];
  known: boolean;
} {
  const name = backend === 'acp' ? (programOf(command) ?? backend) : backend;
  const known = name !== null && foldersOf(name) !== null;
  const is_own = (other: Backend) => (known ? other === name : backend !== null);
  const of = (own: boolean) =>
    BACKENDS.flatMap(other => (is_own(other) === own ? (foldersOf(other) ?? []) : []));
  return { own: of(true), others: of(false), known };
}

const foldersOf = (backend: Backend): readonly AgentFolder[] | null => AGENTS[backend]([]).folders ?? null;
