/** What is told of triggers, by a supervisor and where none runs. Changes nothing. */
import { RasenError } from '../../contract/errors.ts';
import { isTimed } from '../../triggers/calendar.ts';
import { nextDue } from '../../triggers/decide.ts';
import type { TriggerState } from '../../triggers/state.ts';
import { receiptsOf, viewOf } from '../../triggers/view.ts';
import type { Triggers } from './triggers.ts';

export type TriggerSource = Pick<Triggers, 'all' | 'get' | 'watching'>;

export class TriggerReader {
  readonly #triggers: TriggerSource;

  constructor(triggers: TriggerSource) {
    this.#triggers = triggers;
  }

  viewOf(state: TriggerState) {
    const watching = this.#triggers.watching(state.id);
    return { ...viewOf(state, Date.now()), watching };
  }

  fullOf(state: TriggerState) {
    return { ...this.viewOf(state), definition: state.definition };
  }

  get(ref: string) {
    return this.fullOf(this.#triggers.get(ref));
  }

  list({ project, source }: { project?: string | undefined; source?: string | undefined }) {
    return this.#triggers
      .all()
      .filter(({ definition }) => project === undefined || definition.task.project === project)
      .filter(({ definition }) => source === undefined || definition.source === source)
      .sort((a, b) => a.definition.name.localeCompare(b.definition.name))
      .map(state => this.viewOf(state));
  }

  log(ref: string, limit: number) {
    return receiptsOf(this.#triggers.get(ref), limit);
  }

  /** Throws `trigger_state` where it has no times. */
  next(ref: string, count: number): { times: string[]; tz: string } {
    let state = this.#triggers.get(ref);
    const { name, when, policy } = state.definition;
    if (!isTimed(when))
      throw new RasenError(
        'trigger_state',
        `Trigger "${name}" has no times: it is due when ${REASONS[when.kind]}.`,
      );
    const times: string[] = [];
    if (state.status !== 'active') return { times, tz: policy.tz };
    for (let due = nextDue(state); due && times.length < count; due = nextDue(state)) {
      times.push(new Date(due.due_ms).toISOString());
      state = { ...state, cursor: due.slot_ms };
    }
    return { times, tz: policy.tz };
  }
}

const REASONS = { watch: 'files change', webhook: 'something is delivered' } as const;
