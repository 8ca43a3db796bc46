/**
 * Tools of an ACP session: a call is told once and then in pieces, by its id, and some programs tell it first where they
 * ask whether it is allowed.
 */
import { text } from '../json.ts';
import type { SessionEvent } from '../session-event.ts';

type ToolEvent = Extract<SessionEvent, { kind: 'tool' | 'tool_over' }>;

const MAX_OPEN = 200;
/** Ids of calls that are over: some programs go on to tell of them. */
const MAX_OVER = 50;

export class AcpTools {
  readonly #open = new Map<string, { name: unknown; input: unknown }>();
  readonly #over: string[] = [];

  /** With what was told of it before; null: of a call that is over, or of none. */
  whole(event: ToolEvent): ToolEvent | null {
    const id = text(event.id);
    if (id === null || this.#over.includes(id)) return null;
    if (event.kind === 'tool_over') {
      this.#open.delete(id);
      this.#over.push(id);
      if (this.#over.length > MAX_OVER) this.#over.shift();
      return event;
    }
    const known = this.#open.get(id);
    // The titles of a call tell of its progress; what it is does not change.
    const call = { name: known?.name ?? event.name, input: event.input ?? known?.input ?? null };
    if (this.#open.size < MAX_OPEN) this.#open.set(id, call);
    return { ...event, ...call };
  }
}
