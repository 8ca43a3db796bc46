/**
 * What the supervisor knows of a program that writes code: how to start it for a role. Pure: what a session did is
 * read from its result file and judged by gates, never believed.
 */
import type { Role, TaskSpec } from '../task/spec.ts';

export interface AgentRequest {
  role: Role;
  prompt: string;
  /** Where the agent must leave its result. */
  result_file: string;
  task: string;
  subtask: string;
  attempt: number;
  model: string | null;
  max_thinking_tokens: number;
}

export interface LaunchPlan {
  argv: string[];
  /** Added to the task's environment. */
  env: Record<string, string>;
  /** Given on standard input. */
  prompt: string;
}

export interface Agent {
  readonly id: string;
  plan(request: AgentRequest): LaunchPlan;
}

/** The model of a role: the subtask's own, the role's, the coder's. */
export function modelFor(spec: TaskSpec, role: Role, own: string | null): string | null {
  return own ?? spec.models[role] ?? spec.models.coder ?? null;
}
