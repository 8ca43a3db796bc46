/** What a user says to the agents of a task while it goes on: checked, recorded, and left to the loop to be told. */
import { RasenError } from '../contract/errors.ts';
import type { NewEvent } from '../contract/event.ts';
import { isInside, originText } from '../contract/origin.ts';
import { isTerminal } from '../contract/status.ts';
import { hasAgent, hasRoomFor, MAX_OPEN_CHARS, MAX_OPEN_NOTES, openNotes, reachOf } from '../engine/notes.ts';
import { stepOf, type TaskState } from '../engine/state.ts';
import { type Ask, asked, over, resumption } from './commands.ts';
import { isDeaf } from './effects/tell.ts';
import type { Places } from './places.ts';
import type { Reconciler } from './reconcile.ts';
import type { Entry, Registry } from './registry.ts';

export interface Noted {
  entry: Entry;
  note: number;
  /** live: the session that runs is told; prompt: the next one is. */
  how: 'live' | 'prompt';
  /** Whose session that is. */
  step: string | null;
}

export class Notes {
  readonly #registry: Registry;
  readonly #reconciler: Reconciler;
  readonly #places: Places;

  constructor(registry: Registry, reconciler: Reconciler, places: Places) {
    this.#registry = registry;
    this.#reconciler = reconciler;
    this.#places = places;
  }

  note(ref: string, text: string, ask: Ask): Promise<Noted> {
    return this.#add(ref, text, ask, 'note', () => []);
  }

  /** Words for a task that waits for them, which then goes on. */
  answer(ref: string, text: string, ask: Ask): Promise<Noted> {
    return this.#add(ref, text, ask, 'answer', state => {
      if (state.status.name !== 'blocked' || state.status.why !== 'question') throw noQuestion(state);
      return resumption(ask.op);
    });
  }

  async #add(
    ref: string,
    said: string,
    ask: Ask,
    verb: string,
    more: (state: TaskState) => NewEvent[],
  ): Promise<Noted> {
    const { op, origin } = ask;
    // Agents take what a note says for the word of the user.
    const text = isInside(origin) ? `(Not of the user: ${originText(origin)}.) ${said}` : said;
    const entry = this.#registry.resolve(ref);
    const told = await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      // Its answer was lost, and it is asked again.
      const known = op === undefined ? undefined : state.notes.find(note => note.op === op);
      if (known) return { note: known.note, ...(known.told ?? this.#reachOf(state)) };
      if (isTerminal(state.status)) throw over(state, verb);
      if (state.want === 'cancel') throw new RasenError('task_state', `task ${entry.id} is being cancelled`);
      const events = more(state);
      if (!hasAgent(state)) throw nobody(state);
      checkRoom(state, text);
      const note = state.notes_made + 1;
      const reach = this.#reachOf(state);
      const added: NewEvent = { type: 'note_added', note, text, by: 'user', to: null, op: op ?? null };
      await this.#registry.record(entry, asked(ask, [added, ...events]));
      return { note, ...reach };
    });
    await this.#reconciler.pass(entry);
    return { entry, note: told.note, how: told.how, step: told.step };
  }

  #reachOf(state: TaskState): ReturnType<typeof reachOf> {
    const { how, step } = reachOf(state);
    if (step === null) return { how, step };
    const { job } = stepOf(state, step).attempt!;
    return isDeaf(this.#places.job(state.id, job)) ? { how: 'prompt', step: null } : { how, step };
  }
}

function checkRoom(state: TaskState, text: string): void {
  if (hasRoomFor(state, text)) return;
  const open = openNotes(state);
  throw new RasenError(
    'task_state',
    `task ${state.id} has ${open.length} notes that no agent has been told yet; there is no room for another one`,
    {
      hint: `At most ${MAX_OPEN_NOTES}, with ${MAX_OPEN_CHARS} characters in all. They are told when the next attempt starts.`,
    },
  );
}

function nobody({ id }: TaskState): RasenError {
  return new RasenError('task_state', `task ${id} has no agent that could be told`, {
    hint: `It runs commands alone. What they print: rasen logs ${id}`,
  });
}

function noQuestion(state: TaskState): RasenError {
  const asked = state.steps.find(s => s.block?.why === 'question');
  const hint = asked
    ? `${asked.id} has a question, and other subtasks are still worked on. Say it with: rasen note ${state.id} "…", then: rasen retry --task ${state.id} ${asked.id}`
    : `To say something all the same: rasen note ${state.id} "…"`;
  return new RasenError('task_state', `task ${state.id} is ${state.status.name} and waits for no answer`, {
    hint,
  });
}
