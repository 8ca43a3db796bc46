/** A session of an agent as a job: its command, its filled prompt, its environment. For work and for judges alike. */
import { dirname } from 'node:path';
import { modelFor } from '../../agents/agent.ts';
import { DEFAULT_PROMPTS, PLAN_EXAMPLE } from '../../agents/default-prompts.ts';
import { agentOf } from '../../agents/index.ts';
import { fillPrompt, hasPlaceholder } from '../../agents/prompt.ts';
import { NO_NOTES, promptValues } from '../../agents/prompt-values.ts';
import { resumePrompt } from '../../agents/resume-prompt.ts';
import type { Backend } from '../../contract/backends.ts';
import type { Role } from '../../contract/spec.ts';
import { dollarsLeft } from '../../engine/budget.ts';
import { notesSinceThen } from '../../engine/notes.ts';
import { needsFallback } from '../../engine/retry.ts';
import type { Step, TaskState } from '../../engine/state.ts';
import { folderOfStep } from '../../engine/working-folder.ts';
import { isClone } from '../../git/workspace.ts';
import { workspaceAt } from '../../git/workspaces.ts';
import { sessionArgv } from '../../session/order.ts';
import type { EffectContext } from './context.ts';
import { openEnv } from './job-env.ts';
import { repositoryOf } from './repository.ts';
import { sandboxOf, sandboxText, type Wrap } from './sandboxed.ts';

export interface Work {
  argv: string[];
  /** null: nothing on standard input. */
  prompt: string | null;
  /** Over the environment of the task. */
  env: Record<string, string>;
  /** Beneath it. */
  env_defaults: Record<string, string>;
  /** Notes can be said to it. */
  talks: boolean;
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
  /** Of the job. */
  folder: string;
  /** The session to go on with. */
  resume: string | null;
}

export async function agentWork(
  context: EffectContext,
  state: TaskState,
  step: Step,
  session: Session,
  wrap: Wrap,
): Promise<Work> {
  const { role, nonce, attempt, resume } = session;
  const result_file = context.places.resultFile(state.id, session.nonce);
  // Who only judges has nothing to commit.
  const judges = role === 'reviewer' || role === 'qa';
  const agent = agentOf(state.spec, role);
  const sandbox = await sandboxOf(context, state, { role, backend: agent.id });
  const work = agent.plan({
    role,
    prompt:
      resume === null
        ? firstPrompt(state, step, session, { result_file, sandboxed: sandbox !== null })
        : resumePrompt(step, result_file, notesSinceThen(state, step, step.attempt!)),
    result_file,
    task: state.id,
    subtask: step.id,
    attempt,
    nonce,
    model:
      (needsFallback(step) && state.spec.fallback_models[role]) || modelFor(state.spec, role, session.model),
    max_thinking_tokens: state.spec.max_thinking_tokens,
    writable: [dirname(result_file), ...(judges ? [] : await foldersToCommit(context, state, step))],
    cwd: session.cwd,
    own_sandbox: sandbox === null || sandbox.nests,
    resume,
    help: await helpOf(context, state, { role, backend: agent.id }, agent.asks_help, wrap),
    budget_usd: dollarsLeft(state, step, { day: context.day, job: () => null }),
  });
  const { talk } = work;
  // Who speaks with it stays outside: it holds locks and notes that are none of the agent's.
  const argv = talk
    ? sessionArgv(context.session_program, {
        ...talk,
        argv: wrap(talk.argv),
        fallback: talk.fallback && wrap(talk.fallback),
        ...(talk.record && { record: wrap(talk.record) }),
        ...context.places.talk(session.folder),
      })
    : wrap(work.argv);
  return { ...work, argv, talks: talk !== null };
}

/** null: nobody asks, or it does not say. */
async function helpOf(
  context: EffectContext,
  state: TaskState,
  who: { role: Role; backend: Backend },
  asks: readonly string[] | undefined,
  wrap: Wrap,
): Promise<string | null> {
  if (!asks) return null;
  const { command } = (state.spec.agents[who.role] ?? state.spec.agents.coder)!;
  const argv = [...command, ...asks];
  // As the session itself: in its sandbox, with its PATH.
  return await context.help.of(argv, wrap(argv), openEnv(context, state, who));
}

/** The template of the role, filled. A user's own that has no place for notes has them at its end. */
function firstPrompt(
  state: TaskState,
  step: Step,
  session: Session,
  { result_file, sandboxed }: { result_file: string; sandboxed: boolean },
): string {
  const { role, attempt, diff_range } = session;
  const values = promptValues(state, step, attempt, { result_file, plan_schema: PLAN_EXAMPLE, diff_range });
  const template = state.spec.prompts[role] ?? DEFAULT_PROMPTS[role];
  const prompt = fillPrompt(template, values, `prompts/${role}.md`);
  const parts = [prompt];
  if (values.notes !== undefined && values.notes !== NO_NOTES && !hasPlaceholder(template, 'notes'))
    parts.push(`The user adds:\n${values.notes}\n`);
  if (sandboxed) parts.push(sandboxText(state));
  return parts.length === 1 ? prompt : parts.map(part => part.trimEnd()).join('\n\n') + '\n';
}

/**
 * What is written where something is committed, besides the folder that the session works in: the rest of its workspace, and
 * git's own folder of it; of a linked worktree that of the repository, too.
 */
async function foldersToCommit(context: EffectContext, state: TaskState, step: Step): Promise<string[]> {
  if (state.spec.workspace.kind !== 'git') return [];
  const root = context.places.root(state, step);
  const found = await workspaceAt(await repositoryOf(context, state), root);
  const rest = folderOfStep(state, step) === null ? [] : [root];
  if (found === null) return rest;
  return isClone(found) ? [...rest, found.theirs] : [...rest, found.admin, found.common_dir];
}
