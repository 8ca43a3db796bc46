/**
 * Who of a task's programs may have which credential: a session what its role and its agent need, a command what it was
 * given in writing. Pure; for captured variables and for secrets alike.
 */
import type { Backend } from '../contract/backends.ts';
import type { Role, SecretSpec, SecretUser } from '../contract/spec.ts';

/** A program that is about to be started: a session, or a command of a kind, in a task with agents or without any. */
export type Recipient =
  | { role: Role; backend: Backend }
  | { command: 'run' | 'gates' | 'setup' | 'notify'; agents: boolean };

/**
 * Variables that agents log in with, and the one whose own they are. null: of services that only programs of the kinds
 * which rasen does not know by name (any command, any program of the Agent Client Protocol) log in to.
 */
const LOGINS: Readonly<Record<string, Backend | null>> = {
  ANTHROPIC_API_KEY: 'claude',
  ANTHROPIC_AUTH_TOKEN: 'claude',
  ANTHROPIC_CUSTOM_HEADERS: 'claude',
  ANTHROPIC_FOUNDRY_API_KEY: 'claude',
  AWS_BEARER_TOKEN_BEDROCK: 'claude',
  CLAUDE_CODE_OAUTH_TOKEN: 'claude',
  OPENAI_API_KEY: 'codex',
  CODEX_API_KEY: 'codex',
  AZURE_OPENAI_API_KEY: 'codex',
  GEMINI_API_KEY: 'gemini',
  GOOGLE_API_KEY: 'gemini',
  // Codex may be led to any service that speaks its protocol.
  OPENROUTER_API_KEY: 'codex',
  OPENCODE_API_KEY: null,
  CURSOR_API_KEY: null,
  MISTRAL_API_KEY: null,
  DEEPSEEK_API_KEY: null,
  GROQ_API_KEY: null,
  XAI_API_KEY: null,
};

export const AGENT_LOGINS: readonly string[] = Object.keys(LOGINS);

/** Agents that log in with names of their own alone; what another kind of program needs is not known. */
const KNOWN: ReadonlySet<Backend> = new Set(['claude', 'codex', 'gemini']);

/** Whether an agent logs in with this variable, as far as is known. */
export function logsInWith(backend: Backend, name: string): boolean {
  if (!Object.hasOwn(LOGINS, name)) return false;
  return KNOWN.has(backend) ? LOGINS[name] === backend : true;
}

/**
 * Whether a captured variable is handed to a program: the login of an agent to that agent's sessions alone, the user's
 * ssh keys (of which the socket is) to those who write or run, everything else to all. Where no agent works, a command
 * that was given a key was given it by the user.
 */
export function mayHave(who: Recipient, name: string): boolean {
  if (Object.hasOwn(LOGINS, name)) return 'role' in who ? logsInWith(who.backend, name) : !who.agents;
  if (name === 'SSH_AUTH_SOCK') return !('role' in who) || who.role === 'coder';
  return true;
}

/** The words of users for roles. */
const ROLE_WORD = { initializer: 'planner', coder: 'coder', reviewer: 'reviewer', qa: 'qa' } as const;

/**
 * Whether a secret is for a program. Where nothing is said: for those who do the work, and the login of an agent for that
 * agent.
 */
export function isFor(who: Recipient, name: string, users: SecretSpec['for']): boolean {
  if (users !== null) return wordsOf(who).some(word => users.includes(word));
  return ('role' in who || who.command === 'run') && mayHave(who, name);
}

const wordsOf = (who: Recipient): SecretUser[] =>
  'role' in who ? ['agent', ROLE_WORD[who.role]] : [who.command];
