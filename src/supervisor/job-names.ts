/** Names of jobs for those who read the journal from its start: an event that ends a job does not say it again. */
import type { Event } from '../contract/event.ts';
import { oldGateJob, oldWorkJob } from '../engine/state.ts';

export interface JobRef {
  job: string;
  step: string;
  n: number;
}

/** Name of a job: the work of an attempt, or one of its gates. */
const JOB = /^([^/]+)\/(\d+)(?:-\w+)?(?:\/gates\/(\d+)\.\d+(?:-\w+)?)?$/;

/** null: it is no name of a job. `gate`: its number; null: it is the work of an attempt. */
export function parseJob(job: string): (JobRef & { gate: number | null }) | null {
  const [, step, n, gate] = JOB.exec(job) ?? [];
  if (step === undefined) return null;
  return { job, step, n: Number(n), gate: gate === undefined ? null : Number(gate) };
}

export class JobNames {
  readonly #work = new Map<string, string>();
  readonly #gates = new Map<string, string>();

  /** Every event, in order; again is harmless. */
  learn(event: Event): void {
    if (event.type === 'attempt_created')
      this.#work.set(workOf(event), event.job ?? oldWorkJob(event.step, event.n));
    if (event.type === 'gate_started')
      this.#gates.set(
        gateOf(event),
        event.job ?? oldGateJob({ job: this.#workJob(event) }, event.gate, event.try),
      );
  }

  /** The job that begins with the event. */
  started(event: Event): JobRef | null {
    if (event.type === 'attempt_started') return refOf(event, this.#workJob(event));
    return event.type === 'gate_started' ? this.#gate(event) : null;
  }

  /** The job that ends with it. */
  ended(event: Event): JobRef | null {
    if (event.type === 'attempt_ended') return refOf(event, this.#workJob(event));
    return event.type === 'gate_ended' || event.type === 'gate_dropped' ? this.#gate(event) : null;
  }

  #workJob(at: { step: string; n: number }): string {
    return this.#work.get(workOf(at)) ?? oldWorkJob(at.step, at.n);
  }

  /** null: a gate without a process. */
  #gate(at: GateAt): JobRef | null {
    const job = this.#gates.get(gateOf(at));
    return job === undefined ? null : refOf(at, job);
  }
}

type GateAt = { step: string; n: number; gate: number; try: number };
const workOf = ({ step, n }: { step: string; n: number }) => `${step}/${n}`;
const gateOf = ({ step, n, gate, try: tries }: GateAt) => `${step}/${n}/${gate}.${tries}`;
const refOf = ({ step, n }: { step: string; n: number }, job: string): JobRef => ({ job, step, n });
