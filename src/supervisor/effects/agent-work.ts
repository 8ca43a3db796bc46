/** A session of an agent as a job: its command, its filled prompt, its environment. For work and for judges alike. */
import { modelFor } from '../../agents/agent.ts';
import { DEFAULT_PROMPTS, PLAN_EXAMPLE } from '../../agents/default-prompts.ts';
import { agentOf } from '../../agents/index.ts';
import { fillPrompt } from '../../agents/prompt.ts';
import { promptValues } from '../../agents/prompt-values.ts';
import type { Role } from '../../task/spec.ts';
import type { Step, TaskState } from '../../task/state.ts';
import type { EffectContext } from './context.ts';

export interface Work {
  argv: string[];
  /** null: nothing on standard input. */
  prompt: string | null;
  env: Record<string, string>;
}

export interface Session {
  role: Role;
  /** Of the job: names its result file. */
  nonce: string;
  attempt: number;
  diff_range: string;
  /** The subtask's own model, if any. */
  model: string | null;
}

export function agentWork(context: EffectContext, state: TaskState, step: Step, session: Session): Work {
  const { role, attempt, diff_range } = session;
  const result_file = context.places.resultFile(state.id, session.nonce);
  const values = promptValues(state, step, attempt, { result_file, plan_schema: PLAN_EXAMPLE, diff_range });
  return agentOf(state.spec, role).plan({
    role,
    prompt: fillPrompt(state.spec.prompts[role] ?? DEFAULT_PROMPTS[role], values, `prompts/${role}.md`),
    result_file,
    task: state.id,
    subtask: step.id,
    attempt,
    model: modelFor(state.spec, role, session.model),
    max_thinking_tokens: state.spec.max_thinking_tokens,
  });
}
