/** The list of agents. A new kind is one file, one line here, and its name in contract/spec.ts. */
import { RasenError } from '../contract/errors.ts';
import type { Backend, Role, TaskSpec } from '../contract/spec.ts';
import { acpAgent } from './acp/index.ts';
import type { Agent } from './agent.ts';
import { CLAUDE_FOLDERS, claudeAgent } from './claude/index.ts';
import { CODEX_FOLDERS, codexAgent } from './codex/index.ts';
import { commandAgent } from './command/index.ts';
import type { AgentFolder } from './folders.ts';
import { GEMINI_FOLDERS, geminiAgent } from './gemini/index.ts';
import { OPENCODE_FOLDERS, opencodeAgent } from './opencode/index.ts';

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

const FOLDERS: Readonly<Partial<Record<Backend, readonly AgentFolder[]>>> = {
  claude: CLAUDE_FOLDERS,
  codex: CODEX_FOLDERS,
  gemini: GEMINI_FOLDERS,
  opencode: OPENCODE_FOLDERS,
};

/** The program that is spoken with over the protocol, where it is one that is known: `opencode acp`, `node …/gemini.js --acp`. */
function programOf(command: readonly string[]): Backend | null {
  const names = command.map(word => word.replace(/^.*\//, '').replace(/\.[cm]?js$/, ''));
  return (Object.keys(FOLDERS) as Backend[]).find(name => names.includes(name)) ?? null;
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
  const all = Object.entries(FOLDERS);
  const name = backend === 'acp' ? (programOf(command) ?? backend) : backend;
  const known = name !== null && FOLDERS[name] !== undefined;
  const is_own = (other: string) => (known ? other === name : backend !== null);
  return {
    own: all.flatMap(([name, folders]) => (is_own(name) ? folders : [])),
    others: all.flatMap(([name, folders]) => (is_own(name) ? [] : folders)),
    known,
  };
}
