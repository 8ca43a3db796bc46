/**
 * The environment of every program that a task runs, complete, and the only place where secrets become values. From the
 * weakest: who the user is, defaults of the agent, captured at submit, `env` of the task, its secrets, a folder for
 * temporary files, then what the effect adds (facts, the subtask's own).
 */
import { agentOf } from '../../agents/index.ts';
import type { Role } from '../../contract/spec.ts';
import { type Gate, gatesOf } from '../../engine/gates-of.ts';
import { mayHave, type Recipient } from '../../engine/recipient.ts';
import type { Step, TaskState } from '../../engine/state.ts';
import { resolveSecrets } from '../../secrets/resolve.ts';
import type { EffectContext } from './context.ts';
import { agentRole } from './context.ts';
import { madeTemporaryFolder } from './temporary-folder.ts';
import { userEnv } from './user-env.ts';

type Context = Pick<EffectContext, 'store' | 'secrets' | 'masks'>;

export interface Job {
  who: Recipient;
  nonce: string;
  env: Record<string, string>;
  env_defaults?: Record<string, string>;
}

/** Throws `secret`; then nothing may be started. Makes the folder for temporary files. */
export async function jobEnv(
  context: Context,
  state: TaskState,
  { who, nonce, env, env_defaults }: Job,
): Promise<Record<string, string>> {
  const secrets = await secretsOf(context, state, who);
  return {
    ...userEnv(),
    ...env_defaults,
    ...plainEnv(context, state, who),
    ...secrets,
    TMPDIR: madeTemporaryFolder(context, state, nonce),
    ...env,
  };
}

/** Of a program that is no job, without its secrets: nothing of it is kept. */
export function openEnv(context: Context, state: TaskState, who: Recipient): Record<string, string> {
  return { ...userEnv(), ...plainEnv(context, state, who) };
}

/** Who does the work of a step. */
export function recipientOfWork(state: TaskState, step: Step): Recipient {
  const role = agentRole(state, step, null);
  return role === null ? command(state, step.kind === 'setup' ? 'setup' : 'run') : session(state, role);
}

export function recipientOfGate(state: TaskState, { kind }: Pick<Gate, 'kind'>): Recipient {
  if (kind === 'review') return session(state, 'reviewer');
  if (kind === 'qa') return session(state, 'qa');
  return command(state, kind === 'setup' ? 'setup' : 'gates');
}

const session = (state: TaskState, role: Role): Recipient => ({
  role,
  backend: agentOf(state.spec, role).id,
});

const command = (state: TaskState, kind: 'run' | 'gates' | 'setup'): Recipient => ({
  command: kind,
  agents: Object.keys(state.spec.agents).length > 0,
});

/**
 * Looks up what the gates of a step will need, before its attempt begins: a session that can never be judged would be
 * time and money for nothing. Throws `secret`.
 */
export async function checkGateSecrets(context: Context, state: TaskState, step: Step): Promise<void> {
  const kinds = new Set(gatesOf(state, step).map(gate => gate.kind));
  for (const kind of kinds)
    if (kind !== 'clean' && kind !== 'diff')
      await secretsOf(context, state, recipientOfGate(state, { kind }));
}

function plainEnv({ store }: Context, state: TaskState, who: Recipient): Record<string, string> {
  const captured = Object.entries(store.env(state.id)).filter(([name]) => mayHave(who, name));
  return { ...Object.fromEntries(captured), ...state.spec.env };
}

/** Throws `secret`. Commands that print secrets find what the programs find that they print them for. */
export async function secretsOf(
  context: Context,
  state: TaskState,
  who: Recipient,
): Promise<Record<string, string>> {
  const values = await resolveSecrets(state.spec.secrets, who, {
    places: context.secrets,
    env: openEnv(context, state, who),
    platform: process.platform,
  });
  context.masks.learn(state, values);
  return values;
}
