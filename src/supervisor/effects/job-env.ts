/**
 * The environment of every program that a task runs, and the only place where secrets become values. From the weakest:
 * captured at submit, `env` of the task, its secrets, then what the effect adds (facts, the subtask's own).
 */
import { resolveSecrets } from '../../secrets/resolve.ts';
import { type GateKind, gatesOf, isAgentStep } from '../../task/gates-of.ts';
import type { SecretUser } from '../../task/spec.ts';
import type { Step, TaskState } from '../../task/state.ts';
import type { EffectContext } from './context.ts';

type Context = Pick<EffectContext, 'store' | 'secrets'>;

/** Throws `secret`; then nothing may be started. */
export async function jobEnv(
  context: Context,
  state: TaskState,
  user: SecretUser,
  added: Record<string, string>,
): Promise<Record<string, string>> {
  const plain = { ...context.store.env(state.id), ...state.spec.env };
  return { ...plain, ...(await secretsOf(context, state, user, plain)), ...added };
}

/** Which secrets the work of a step gets. */
export function userOfWork(state: TaskState, step: Step): SecretUser {
  if (isAgentStep(state, step)) return 'agent';
  return step.kind === 'setup' ? 'setup' : 'run';
}

/** Reviewer and QA are sessions of agents, which have to be logged in as any other. */
export function userOfGate(kind: GateKind): SecretUser {
  return kind === 'review' || kind === 'qa' ? 'agent' : 'gates';
}

/**
 * Looks up what the gates of a step will need, before its attempt begins: a session that can never be judged would be
 * time and money for nothing. Throws `secret`.
 */
export async function checkGateSecrets(context: Context, state: TaskState, step: Step): Promise<void> {
  const users = gatesOf(state, step)
    .filter(gate => gate.kind !== 'clean' && gate.kind !== 'diff')
    .map(gate => userOfGate(gate.kind));
  const plain = { ...context.store.env(state.id), ...state.spec.env };
  for (const user of new Set(users)) await secretsOf(context, state, user, plain);
}

function secretsOf(
  { secrets: places }: Context,
  state: TaskState,
  user: SecretUser,
  env: Record<string, string>,
): Promise<Record<string, string>> {
  return resolveSecrets(state.spec.secrets, user, { places, env, platform: process.platform });
}
