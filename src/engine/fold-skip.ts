/** What a person leaves out from now on. Part of the fold. */
import type { Judge } from '../contract/spec.ts';
import { type GatePlace, gatesOf } from './gates-of.ts';
import type { GateRun, Step, TaskState } from './state.ts';

export function withoutJudges(state: TaskState, skip: readonly Judge[]): TaskState {
  if (skip.length === 0) return state;
  const { spec } = state;
  const off = (judge: Judge) => ({ ...spec[judge], enabled: spec[judge].enabled && !skip.includes(judge) });
  return {
    ...state,
    spec: { ...spec, review: off('review'), qa: off('qa') },
    steps: state.steps.map(s =>
      s.attempt ? { ...s, attempt: { ...s.attempt, gates: moved(state, s, s.attempt.gates, skip) } } : s,
    ),
  };
}

/** Where a judge looks: its checkout has a `setup` of its own, which goes with it. */
const PLACE: Readonly<Record<Judge, GatePlace>> = { review: 'reviewer', qa: 'qa' };

/** Gates are known by their place among those of the step: what comes after one that is left out moves up. */
function moved(state: TaskState, step: Step, runs: readonly GateRun[], skip: readonly Judge[]): GateRun[] {
  const places = skip.map(judge => PLACE[judge]);
  const isLeftOut = gatesOf(state, step).map(({ place }) => places.includes(place));
  return runs
    .filter(({ gate }) => !isLeftOut[gate])
    .map(run => ({ ...run, gate: run.gate - isLeftOut.slice(0, run.gate).filter(Boolean).length }));
}
