/**
 * Work that a task hands over: tasks that its own processes submit. What becomes of each is told to its agents once, and
 * what it used counts against its budgets. Pure.
 */
import type { EventOf, NewEvent } from '../contract/event.ts';
import { NOTHING_USED } from './budget.ts';
import { hasAgent, hasRoomFor } from './notes.ts';
import type { TaskState, Used } from './state.ts';

/** How often work may be handed on: what a person has submitted is at depth 0. */
export const DEPTH_MAX = 2;
/** Tasks of one task that were handed over and are not over. */
export const HANDED_MAX = 200;

/** What of the end of a task is told. */
const RESULT_CHARS = 2000;
const TAIL_CHARS = 2000;

/** A task that was handed over, and is over. */
export interface HandedEnd {
  task: string;
  name: string;
  status: EventOf<'handed_over_ended'>['status'];
  reason: string | null;
  /** What its agent says that it did. */
  result: string | null;
  /** The last lines that it printed; secrets are masked. */
  tail: string | null;
  used: Used;
}

export function handedOver(state: TaskState, { task, tell }: EventOf<'task_handed_over'>): TaskState {
  return { ...state, handed: [...(state.handed ?? []), { task, tell }] };
}

export function handedOverEnded(state: TaskState, event: EventOf<'handed_over_ended'>): TaskState {
  const { task, tokens, usd } = event;
  const before = state.handed_used ?? NOTHING_USED;
  return {
    ...state,
    handed: (state.handed ?? []).filter(it => it.task !== task),
    handed_used: { tokens: before.tokens + tokens, usd: before.usd + usd },
  };
}

/** The `op` of the note, by which it is known that it was left already. */
const opOf = (task: string) => `handed-over/${task}`;

/**
 * What is recorded of the end, in one go: told once, whenever this is asked again. Empty: it is known. null: there is no
 * room for the note before the agents have heard others.
 */
export function handedBack(state: TaskState, end: HandedEnd): NewEvent[] | null {
  const { task, status, used } = end;
  const handed = state.handed?.find(it => it.task === task);
  if (!handed) return [];
  const over: NewEvent = { type: 'handed_over_ended', task, status, ...used };
  const op = opOf(task);
  const known = state.notes.some(note => note.op === op);
  if (!handed.tell || known || status === 'removed' || !hasAgent(state)) return [over];
  const text = textOf(end);
  if (!hasRoomFor(state, text)) return null;
  return [{ type: 'note_added', note: state.notes_made + 1, text, by: 'rasen', to: null, op }, over];
}

const ENDS = { completed: 'is completed', failed: 'has failed', cancelled: 'was cancelled' } as const;

function textOf({ task, name, status, reason, result, tail }: HandedEnd & { status: string }): string {
  const lines = [
    `(Not of the user: rasen tells what became of work that was handed over from this task.) Task "${name}" (${task}) ${ENDS[status as keyof typeof ENDS]}${reason ? `: ${reason}` : '.'}`,
  ];
  if (result) lines.push(`Its agent says: ${cut(result, RESULT_CHARS, 'start')}`);
  if (tail) lines.push(`The last that it printed:\n${cut(tail, TAIL_CHARS, 'end')}`);
  return lines.join('\n');
}

function cut(text: string, max: number, keep: 'start' | 'end'): string {
  if (text.length <= max) return text;
  const kept = keep === 'start' ? `${text.slice(0, max)}…` : `…${text.slice(-max)}`;
  return kept.toWellFormed();
}
