/** What stands in the placeholders of a prompt: facts of the task, the memory, and what earlier attempts really did. */

import type { Outcome } from '../contract/status.ts';
import { finalGates, gatesOf, subtaskOf } from '../engine/gates-of.ts';
import { notesInPrompt } from '../engine/notes.ts';
import { continuedFrom } from '../engine/resume.ts';
import { allowanceOf } from '../engine/retry.ts';
import type { AttemptRecord, Note, Step, TaskState } from '../engine/state.ts';
import { similarity } from '../util/similarity.ts';
import type { PromptValues } from './prompt.ts';

/** Attempts told in a prompt, and the size of gate output in it. */
const MAX_TOLD = 5;
const MAX_TAIL = 12_000;
/** Rough size of a token in English text. */
const CHARS_PER_TOKEN = 4;

export interface PromptPlace {
  result_file: string;
  plan_schema: string;
  diff_range: string;
}

export function promptValues(
  state: TaskState,
  step: Step,
  attempt: number,
  place: PromptPlace,
): PromptValues {
  const subtask = step.kind === 'subtask' ? subtaskOf(state, step.id) : null;
  const gates = (step.kind === 'plan' ? finalGates(state) : gatesOf(state, step)).filter(
    g => g.kind === 'run' && g.variant === null,
  );
  return {
    task: state.spec.goal,
    task_name: state.spec.name,
    subtask_id: step.id,
    subtask_title: subtask?.title ?? 'Repair what the final gates refused',
    subtask_description: subtask?.description ?? step.reason ?? '',
    acceptance: list(subtask?.acceptance ?? []),
    files: list(subtask?.files ?? []),
    tests: list(subtask?.tests ?? []),
    gates: list(gates.map(g => g.run!.run.join(' '))),
    memory: memoryText(state),
    history: historyText(state, step),
    last_gate_output: lastOutput(state, step)?.slice(-MAX_TAIL) ?? '(none)',
    feedback: feedback(state, step),
    notes: step.attempt ? notesText(notesInPrompt(state, step.attempt)) : NO_NOTES,
    attempt: String(attempt),
    max_attempts: String(allowanceOf(state, step)),
    ...place,
  };
}

/** The value of {notes} where there is none. */
export const NO_NOTES = '(none)';

export function notesText(notes: readonly Note[]): string {
  if (notes.length === 0) return NO_NOTES;
  return notes
    .map(
      ({ t, text }) => `- (${t.slice(0, 16).replace('T', ' ')} UTC) ${text.trim().replaceAll('\n', '\n  ')}`,
    )
    .join('\n');
}

const list = (items: readonly string[]) =>
  items.length === 0 ? '(none)' : items.map(item => `- ${item}`).join('\n');

function memoryText(state: TaskState): string {
  if (!state.spec.memory.enabled) return '(none)';
  const { decisions, learnings } = state.memory;
  const lines = [
    ...decisions.map(m => `- decision (${m.subtask_id}): ${m.content}`),
    ...learnings.map(m => `- learning (${m.subtask_id}): ${m.content}`),
  ];
  const max = state.spec.memory.max_tokens * CHARS_PER_TOKEN;
  while (lines.length > 0 && lines.join('\n').length > max) lines.shift();
  return lines.length === 0 ? '(none)' : lines.join('\n');
}

function historyText(state: TaskState, step: Step): string {
  const told = step.history.slice(-MAX_TOLD);
  if (told.length === 0) return '(this is the first attempt)';
  const lines = told.map(
    r =>
      `- attempt ${r.n}: ${r.outcome}${r.reason ? `: ${r.reason}` : ''}${r.summary ? ` (it said: ${r.summary})` : ''}${r.unreached ? `; the sandbox refused ${r.unreached.join(', ')}` : ''}`,
  );
  const continued = step.attempt ? continuedFrom(state, step, step.attempt.from) : null;
  if (continued)
    lines.push(
      '',
      `${interruption(continued)} What it did is in the working folder and its commits: go on from there.`,
    );
  if (step.counted >= 2)
    lines.push('', 'The same approach failed more than once. Take a DIFFERENT approach this time.');
  if (goesInCircles(told, state.spec.limits.circular_fix_threshold)) {
    lines.push(
      '',
      'The last attempts resemble each other: you are going in circles. Question the assumption they share.',
    );
  }
  return lines.join('\n');
}

/** What cut an attempt short, in a sentence. */
export function interruption({ n, outcome, reason }: AttemptRecord): string {
  const why: Partial<Record<Outcome, string>> = {
    limit: 'a usage limit was reached',
    overloaded: 'the service of the model was overloaded',
    network: 'the service of the model could not be reached',
    auth: 'the agent was not logged in any more',
    killed: 'it was stopped from outside',
    asked: 'it had a question',
  };
  const detail = outcome === 'killed' || !reason ? '' : ` (${reason})`;
  return `Attempt ${n} was interrupted: ${why[outcome] ?? outcome}${detail}.`;
}

/** Two of the last three failed attempts say nearly the same, or left the same files. */
function goesInCircles(told: readonly AttemptRecord[], threshold: number): boolean {
  const failed = told.filter(r => r.outcome !== 'ok').slice(-3);
  return failed.some((a, i) =>
    failed
      .slice(i + 1)
      .some(
        b =>
          (a.tree !== null && a.tree === b.tree) ||
          (!!a.summary && !!b.summary && similarity(a.summary, b.summary) >= threshold),
      ),
  );
}

/** The end of what the refusing gate said; for the planner, what was wrong with its plan. */
function lastOutput(state: TaskState, step: Step): string | null {
  if (step.kind === 'plan') return step.history.findLast(r => r.outcome === 'failed')?.reason ?? null;
  return lastRefusal(state, step)?.gate_tail ?? null;
}

function lastRefusal(state: TaskState, step: Step): AttemptRecord | null {
  const own = step.history.findLast(r => r.gate !== null);
  if (own || step.kind !== 'fix') return own ?? null;
  return state.steps.find(s => s.kind === 'final')?.history.findLast(r => r.gate !== null) ?? null;
}

function feedback(state: TaskState, step: Step): string {
  const refusal = lastRefusal(state, step);
  return refusal?.reason ?? '(none)';
}
