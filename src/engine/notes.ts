/** Notes: words to the agents while a task goes on, and whom they still have to reach. Pure. */
import type { NewEvent } from '../contract/event.ts';
import { isAgentStep } from './gates-of.ts';
import type { Attempt, Note, Step, TaskState } from './state.ts';

/** Notes that may wait to be told at once, and all their text. */
export const MAX_OPEN_NOTES = 20;
export const MAX_OPEN_CHARS = 32_000;
/** Text of notes that were told before, in one prompt; the last ones. */
const MAX_TOLD_CHARS = 16_000;
/** Share of an agent's time after which it is told to come to an end. */
export const HURRY_SHARE = 0.8;

/** Notes that a session which runs has not heard and shall hear. */
export function notesFor(state: TaskState, step: Step, attempt: Attempt): Note[] {
  return state.notes.filter(({ note, to, told }) => {
    if (told !== null) return false;
    return to === null ? note > attempt.notes : to.step === step.id && to.n === attempt.n;
  });
}

/** What was said to whoever works on the task, and no agent has heard. */
export function openNotes(state: TaskState): Note[] {
  return state.notes.filter(({ to, told }) => to === null && told === null);
}

/** Whether these words still find room; what no agent has been told yet is kept for the next one. */
export function hasRoomFor(state: TaskState, text: string): boolean {
  const open = openNotes(state);
  const chars = open.reduce((sum, note) => sum + note.text.length, text.length);
  return open.length < MAX_OPEN_NOTES && chars <= MAX_OPEN_CHARS;
}

/** Notes that stand in the prompt of a new session, which has to be told again what others heard. */
export function notesInPrompt(state: TaskState, attempt: Attempt): Note[] {
  const open = openNotes(state).filter(({ note }) => note <= attempt.notes);
  const told: Note[] = [];
  let chars = 0;
  for (const note of state.notes.toReversed()) {
    if (note.to !== null || note.told === null) continue;
    chars += note.text.length;
    if (chars > MAX_TOLD_CHARS) break;
    told.push(note);
  }
  return [...told, ...open].toSorted((a, b) => a.note - b.note);
}

/**
 * Those in the prompt of a session that is gone on with: it remembers the others. What was said to it last it may not
 * have heard any more.
 */
export function notesSinceThen(state: TaskState, step: Step, attempt: Attempt): Note[] {
  return notesInPrompt(state, attempt).filter(({ told }) => {
    if (told === null) return true;
    if (told.step !== step.id) return false;
    return told.n === attempt.n || (told.how === 'live' && told.n === attempt.n - 1);
  });
}

/** The attempt has begun, so its prompt was read. */
export function toldByPrompt(state: TaskState, step: Step, attempt: Attempt): NewEvent[] {
  if (!isAgentStep(state, step)) return [];
  return openNotes(state)
    .filter(({ note }) => note <= attempt.notes)
    .map(({ note }) => ({ type: 'note_told', note, step: step.id, n: attempt.n, how: 'prompt' }));
}

/** Said to a session that runs, as far as that is not recorded yet. */
export function toldLive(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  said: readonly number[],
): NewEvent[] {
  return notesFor(state, step, attempt)
    .filter(({ note }) => said.includes(note))
    .map(({ note }) => ({ type: 'note_told', note, step: step.id, n: attempt.n, how: 'live' }));
}

/** Whether any step of the task is worked on by an agent. */
export function hasAgent(state: TaskState): boolean {
  if (Object.keys(state.spec.agents).length === 0) return false;
  return state.plan === null || state.steps.some(step => isAgentStep(state, step));
}

/** Where words of the user's are heard first: by a session that runs, or in the next prompt. */
export function reachOf(state: TaskState): { how: 'live' | 'prompt'; step: string | null } {
  const step = state.steps.find(
    s => s.attempt?.phase === 'running' && s.attempt.talks && state.want === 'run',
  );
  return step ? { how: 'live', step: step.id } : { how: 'prompt', step: null };
}

/** A session that can be spoken with hears in time that its time is running out. */
export function hurry(state: TaskState, step: Step, attempt: Attempt, left_ms: number): NewEvent {
  const minutes = Math.max(1, Math.round(left_ms / 60_000));
  const text =
    `Most of the time for this session is used; about ${minutes} minute${minutes === 1 ? ' is' : 's are'} left. ` +
    'Bring what you are doing to an end now: leave the project in a working state, commit, and write the result file. ' +
    'If something is left to be done, say in its summary what.';
  const to = { step: step.id, n: attempt.n };
  return { type: 'note_added', note: state.notes_made + 1, text, by: 'rasen', to, op: null };
}
