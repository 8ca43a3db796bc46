/**
 * Where a gate is asked: the worktree, the checkout of the final check, or one of its own: with the tests or the gate
 * configuration of before, without the change, and for each judge. A checkout in which `setup` has run is not made anew for the gates that follow: what was set up would
 * be gone.
 */
import { RasenError } from '../../contract/errors.ts';
import { type GatePlace, gatesOf } from '../../engine/gates-of.ts';
import type { Attempt, GateRun, Step, TaskState } from '../../engine/state.ts';
import { makeReadOnly } from '../../git/read-only.ts';
import { freshCheckout } from '../../git/worktree.ts';
import { baseConfigCheckout } from './base-config.ts';
import { baseTestsCheckout } from './base-tests.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { mutationCheckout } from './mutation.ts';
import { repositoryOf } from './repository.ts';
import { restoreForGates } from './workspace.ts';

/** The top of the checkout, ready for the gate. Errors: `git`. */
export async function gatePlace(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
  run: GateRun,
): Promise<string> {
  const gates = gatesOf(state, step);
  const gate = gates[run.gate]!;
  const { kind, place } = gate;
  const top = place === 'work' ? context.places.root(state, step) : context.places.checkout(state, place);
  if (state.spec.workspace.kind !== 'git') return top;
  const is_set_up = kind !== 'setup' && gates.some(g => g.kind === 'setup' && g.place === place);
  // Made when the attempt was prepared; set up once more, it has to be what it was then.
  const is_first = step.kind !== 'final' || kind !== 'setup' || run.try === 1;
  if (is_set_up) await stillThere(context, top);
  if (place === 'work' && is_first) await restoreForGates(context, state, step, attempt);
  else if (!is_set_up) await madeAnew(context, state, attempt, place, top);
  if (kind === 'review' || kind === 'qa') await makeReadOnly(top);
  return top;
}

async function madeAnew(
  context: EffectContext,
  state: TaskState,
  attempt: Attempt,
  place: GatePlace,
  path: string,
): Promise<void> {
  if (place === 'base-tests') return await baseTestsCheckout(context, state, attempt, path);
  if (place === 'base-config') return await baseConfigCheckout(context, state, attempt, path);
  if (place === 'mutation') return await mutationCheckout(context, state, attempt, path);
  const commit = attempt.sealed?.commit ?? attempt.from ?? goodCommit(state);
  await freshCheckout(await repositoryOf(context, state), { task: state.id, commit, path });
}

/** The gate is dropped then, and after some tries the attempt is made again, with what it needs. */
async function stillThere({ far }: EffectContext, path: string): Promise<void> {
  if (await far.isFolder(path)) return;
  throw new RasenError('git', `${path} is gone, with what was set up in it`, {
    hint: 'It is made again in the next attempt.',
    data: { path },
  });
}
