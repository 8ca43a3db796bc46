/** accept_plan: the planner's result becomes a plan, or an exact list of what is wrong with it for its next attempt. */
import { readResultFile } from '../../agents/result-file.ts';
import { readPlanFile } from '../../config/plan-file.ts';
import { isRasenError } from '../../contract/errors.ts';
import type { Effect, Result } from '../../engine/effect.ts';
import { stepOf, type TaskState } from '../../engine/state.ts';
import { planHash } from '../../store/plan-hash.ts';
import type { EffectContext } from './context.ts';

export async function acceptPlan(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'accept_plan' }>,
): Promise<Result> {
  const attempt = stepOf(state, effect.step).attempt!;
  // Before it is hashed: the plan is what its hash says.
  const mask = await context.masks.of(state);
  const place = context.places.resultPlace(state.id, attempt.nonce);
  const folder = context.places.job(state.id, attempt.job);
  const { plan: written, problem } = await context.patience.with(folder, async ({ untroubled }) =>
    readResultFile(place, Date.now(), text => mask.text(text), untroubled),
  );
  const refuse = (why: string): Result => ({ type: 'accept_plan', accepted: null, problem: why });
  if (problem) return refuse(problem);
  if (written === undefined || written === null) return refuse('the result file has no plan');
  try {
    const text = JSON.stringify(written, null, 2);
    const { plan } = readPlanFile('the plan in the result file', text, {
      task: state.id,
      goal: state.spec.goal,
      origin: 'planner',
    });
    return {
      type: 'accept_plan',
      accepted: { plan: { ...plan, rev: state.plan_rev + 1 }, sha256: planHash(plan) },
      problem: null,
    };
  } catch (error) {
    if (isRasenError(error) && error.kind === 'config') return refuse(error.message);
    if (error instanceof RangeError) return refuse('the plan in the result file is nested too deeply');
    throw error;
  }
}
