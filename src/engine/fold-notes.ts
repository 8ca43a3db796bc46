/** The part of the fold that is about notes. Pure. */
import type { EventOf } from '../contract/event.ts';
import { editAttempt } from './fold-tools.ts';
import type { Note, TaskState } from './state.ts';

/** Told notes that stay in the state, for the prompts of sessions that have not heard them. */
export const MAX_TOLD_NOTES = 20;

export function noteAdded(state: TaskState, event: EventOf<'note_added'>): TaskState {
  const { note, text, by, to, op, t } = event;
  if (note !== state.notes_made + 1)
    throw new Error(`task ${state.id}: note ${note} after ${state.notes_made}`);
  const added: TaskState = {
    ...state,
    notes: [...state.notes, { note, t, text, by, to, op, told: null }],
    notes_made: note,
  };
  return to === null ? added : editAttempt(added, to.step, to.n, attempt => ({ ...attempt, hurried: true }));
}

/** Words for one attempt are done with when they were said; the others stay, since a later session has not heard them. */
export function noteTold(state: TaskState, event: EventOf<'note_told'>): TaskState {
  const { note, step, n, how, t } = event;
  const known = state.notes.find(it => it.note === note);
  if (!known || known.told)
    throw new Error(`task ${state.id}: note ${note} is told to ${step}/${n}, and is not open`);
  const told = { step, n, how, t };
  const notes = state.notes
    .map(it => (it === known ? { ...it, told } : it))
    .filter(it => it.to === null || it.told === null);
  const old = notes.filter(it => it.told !== null).slice(0, -MAX_TOLD_NOTES);
  return { ...state, notes: notes.filter(it => !old.includes(it)) };
}

/** What was meant for one attempt alone ends with it. */
export function withoutNotesTo(notes: readonly Note[], step: string, n: number): Note[] {
  return notes.filter(it => it.to === null || it.to.step !== step || it.to.n !== n);
}
