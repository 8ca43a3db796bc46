/** A session of an agent as a job: its command, its filled prompt, its environment. For work and for judges alike. */
import { dirname, isAbsolute, join } from 'node:path';
import { modelFor } from '../../agents/agent.ts';
import { DEFAULT_PROMPTS, PLAN_EXAMPLE } from '../../agents/default-prompts.ts';
import { agentOf } from '../../agents/index.ts';
import { fillPrompt } from '../../agents/prompt.ts';
import { promptValues } from '../../agents/prompt-values.ts';
import { linkedAt } from '../../git/linked.ts';
import { dollarsLeft } from '../../task/budget.ts';
import type { Role } from '../../task/spec.ts';
import type { Step, TaskState } from '../../task/state.ts';
import type { EffectContext } from './context.ts';

export interface Work {
  argv: string[];
  /** null: nothing on standard input. */
  prompt: string | null;
  /** Over the environment of the task. */
  env: Record<string, string>;
  /** Beneath it. */
  env_defaults: Record<string, string>;
}

export interface Session {
  role: Role;
  /** Of the job: names its result file. */
  nonce: string;
  attempt: number;
  diff_range: string;
  /** The subtask's own model, if any. */
  model: string | null;
  /** Where it works. */
  cwd: string;
}

export async function agentWork(
  context: EffectContext,
  state: TaskState,
  step: Step,
  session: Session,
): Promise<Work> {
  const { role, nonce, attempt, diff_range } = session;
  const result_file = context.places.resultFile(state.id, session.nonce);
  const values = promptValues(state, step, attempt, { result_file, plan_schema: PLAN_EXAMPLE, diff_range });
  const work = agentOf(state.spec, role).plan({
    role,
    prompt: fillPrompt(state.spec.prompts[role] ?? DEFAULT_PROMPTS[role], values, `prompts/${role}.md`),
    result_file,
    task: state.id,
    subtask: step.id,
    attempt,
    nonce,
    model: modelFor(state.spec, role, session.model),
    max_thinking_tokens: state.spec.max_thinking_tokens,
    writable: [dirname(result_file), ...(await gitFolders(session.cwd))],
    cwd: session.cwd,
    resume: null,
    budget_usd: dollarsLeft(state, step, { day: context.day, job: () => null }),
  });
  return { ...work, env: { ...work.env, TMPDIR: temporaryFolder(context, state, nonce) } };
}

/** What git writes into when something is committed in a linked worktree: its own folder and that of the repository. */
async function gitFolders(cwd: string): Promise<string[]> {
  const linked = await linkedAt(cwd);
  return linked === null ? [] : [linked.admin, linked.common_dir];
}

/**
 * Where a session puts its temporary files, its alone, so that it can be cleared away after it. Not among the state: its
 * path must be short enough for a socket.
 */
export function temporaryFolder(context: EffectContext, state: TaskState, nonce: string): string {
  const base = context.store.env(state.id).TMPDIR;
  return join(base !== undefined && isAbsolute(base) ? base : '/tmp', `rasen-${nonce}`);
}
