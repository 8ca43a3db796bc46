/**
 * Tools of an ACP session: a call is told once and then in pieces, by its id, and some programs tell it first where they
 * ask whether it is allowed.
 */
import { type Json, list, object, text } from '../json.ts';
import type { Seen } from '../stream.ts';

interface Call {
  name: string | null;
  input: unknown;
}

const MAX_OPEN = 200;
/** Ids of calls that are over: some programs go on to tell of them. */
const MAX_OVER = 50;

export class AcpTools {
  readonly #seen: Seen;
  readonly #open = new Map<string, Call>();
  readonly #over: string[] = [];

  constructor(seen: Seen) {
    this.#seen = seen;
  }

  told(update: Json): void {
    const id = text(update.toolCallId);
    if (id === null || this.#over.includes(id)) return;
    const known = this.#open.get(id);
    // The titles of a call tell of its progress; what it is does not change.
    const name = known?.name ?? text(update.name) ?? text(update.kind) ?? text(update.title);
    const call = { name, input: inputOf(update) ?? known?.input ?? null };
    if (this.#open.size < MAX_OPEN) this.#open.set(id, call);
    this.#seen.toolBegan(id, call.name, call.input);
    if (update.status !== 'completed' && update.status !== 'failed') return;
    this.#open.delete(id);
    this.#over.push(id);
    if (this.#over.length > MAX_OVER) this.#over.shift();
    this.#seen.toolEnded(id, update.rawOutput ?? update.content);
  }
}

/** What it is called with; where that is not said, what is shown of it. */
function inputOf(update: Json): unknown {
  const raw = object(update.rawInput);
  if (raw !== null && Object.keys(raw).length > 0) return raw;
  const shown = [text(update.title), ...list(update.locations), ...list(update.content)];
  return update.status === undefined || update.status === 'pending' ? shown : null;
}
