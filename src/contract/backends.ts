/** The names of agents: values of `backend`. */

/** Each also the name of its program, whose own ways are known. */
export const AGENT_PROGRAMS = ['claude', 'codex', 'gemini', 'opencode'] as const;
export type AgentProgram = (typeof AGENT_PROGRAMS)[number];

/** With the two kinds that stand for any program. */
export const BACKENDS = [...AGENT_PROGRAMS, 'acp', 'command'] as const;
export type Backend = (typeof BACKENDS)[number];
