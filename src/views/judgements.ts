/** What review and QA said, in the shape of RASEN's plan file: per subtask and for the whole. Pure. */
import { gatesOf } from '../engine/gates-of.ts';
import type { Step, TaskState } from '../engine/state.ts';
import { VIEW_LIMITS } from './limits.ts';
import { oneLine } from './plain-text.ts';

type Judge = 'review' | 'qa';

export interface Judgement {
  state: 'pending' | 'approved' | 'refused';
  /** Rounds that were judged. */
  rounds: number;
  /** What the last round refused. */
  remarks: string[];
}

const NONE: Judgement = { state: 'pending', rounds: 0, remarks: [] };

/** The judgement on one step; pending while nobody judged its last attempt. */
export function judgementOf(state: TaskState, step: Step, judge: Judge): Judgement {
  const gates = gatesOf(state, step).map(gate => gate.name);
  const place = gates.indexOf(judge);
  if (place < 0) return NONE;
  const said: Judgement[] = step.history.flatMap(({ outcome, gate, reason, issues }): Judgement[] => {
    if (outcome === 'ok') return [{ ...NONE, state: 'approved' }];
    if (outcome !== 'gate_failed' || gate === null) return [];
    if (gate === judge) return [{ ...NONE, state: 'refused', remarks: remarksOf(issues, reason) }];
    // A later gate refused the round, so this one let it pass.
    return gates.indexOf(gate) > place ? [{ ...NONE, state: 'approved' }] : [];
  });
  const open = step.attempt?.gates.find(g => g.gate === place)?.evidence;
  if (open) {
    const issues = open.findings.map(f => f.text);
    said.push(
      open.passed
        ? { ...NONE, state: 'approved' }
        : { ...NONE, state: 'refused', remarks: remarksOf(issues, open.reason) },
    );
  }
  const last = said.at(-1) ?? NONE;
  // A step that was reset, or is being worked on again, waits for a new judgement of what was approved.
  const stale = last.state === 'approved' && !open && step.status !== 'completed';
  return { ...last, state: stale ? 'pending' : last.state, rounds: said.length };
}

/** The judgement on the whole task: that of the final check, or of all subtasks where each is judged on its own. */
export function judgementOfTask(state: TaskState, judge: Judge): Judgement & { last: string | null } {
  const judged = state.steps
    .filter(step => gatesOf(state, step).some(gate => gate.kind === judge))
    .map(step => ({ step, said: judgementOf(state, step, judge) }));
  const seen = judged.filter(({ said }) => said.rounds > 0);
  const refused = judged.filter(({ said }) => said.state === 'refused');
  const all =
    judged.length > 0 &&
    judged.every(({ said, step }) => said.state === 'approved' || step.status === 'skipped');
  return {
    state: refused.length > 0 ? 'refused' : all && seen.length > 0 ? 'approved' : 'pending',
    rounds: judged.reduce((sum, { said }) => sum + said.rounds, 0),
    remarks: refused.flatMap(({ said }) => said.remarks),
    last: seen.at(-1)?.step.id ?? null,
  };
}

/** Issues that QA named as often as the threshold, the most frequent first. */
export function recurringIssues(state: TaskState): { issue: string; times: number }[] {
  return Object.entries(state.issues)
    .filter(([, times]) => times >= state.spec.qa.recurring_issue_threshold)
    .sort(([, a], [, b]) => b - a)
    .map(([issue, times]) => ({ issue: remark(issue), times }));
}

/** Issue by issue; where the judge named none, its summary. */
const remarksOf = (issues: readonly string[] | undefined, reason: string | null) =>
  issues && issues.length > 0 ? issues.map(remark) : reason ? [remark(reason)] : [];

const remark = (text: string) =>
  oneLine(
    text.replace(/^(?:review|qa): (?:changes requested: )?/i, '').replace(/^changes requested: /i, ''),
    VIEW_LIMITS.text_chars,
  );
