/** A wait takes as long as it was meant to, by a watch that nobody sets: whatever was done to the wall clock meanwhile. */
import type { Event, Stamp } from '../../src/contract/event.ts';
import type { WaitReason } from '../../src/contract/status.ts';
import { LIMIT_RETRY } from '../../src/engine/limit-policy.ts';
import type { TaskState } from '../../src/engine/state.ts';
import { must, type World } from './simulation-world.ts';

/** A clock that was not looked at yet, and what is rounded. */
const SLACK_MS = 3000;

interface Wait {
  why: WaitReason;
  planned_ms: number;
  /** True time, of the world. */
  from: number;
  boot: string;
}

export class Waits {
  readonly #world: World;
  readonly #waits = new Map<string, Wait>();
  /** True time at which the clock was last set. */
  #set_at = Number.NEGATIVE_INFINITY;

  constructor(world: World) {
    this.#world = world;
  }

  clockSet(): void {
    this.#set_at = this.#world.t;
  }

  /** `boot`: in which it was written; it may be seen only after a crash. */
  event(boot: string, event: Event): void {
    switch (event.type) {
      case 'attempt_closed':
        this.#begin(event.step, boot, event, event);
        return;
      case 'gate_dropped':
        if (event.hold) this.#begin(event.step, boot, event, event.hold);
        return;
      case 'attempt_created':
      case 'gate_started':
        this.#end(event.step);
        return;
      case 'step_reset':
        this.#waits.delete(event.step);
        return;
      // A person, or a look at a login, takes the wait away.
      case 'task_resumed':
      case 'login_retried':
      case 'rolled_back':
      case 'plan_frozen':
        this.#waits.clear();
        return;
    }
  }

  /** Asked whenever the supervisor has looked: no wait is longer from now than it was planned to be. */
  looked(state: TaskState): void {
    if (state.status.name !== 'waiting' && state.status.name !== 'running') return;
    for (const step of state.steps) {
      const wait = this.#waits.get(step.id);
      if (!wait || step.retry_at === null || step.wait === null) continue;
      const passed = wait.boot === this.#world.boot ? this.#world.t - wait.from : 0;
      const left = Date.parse(step.retry_at) - this.#world.now;
      const planned = wait.planned_ms - passed + SLACK_MS;
      must(
        left <= planned,
        8,
        `${step.id} waits for ${left} ms more (${wait.why}), and ${planned} were planned`,
      );
    }
  }

  #begin(
    step: string,
    boot: string,
    { t, mono }: Stamp,
    { wait: why, retry_at }: { wait: WaitReason | null; retry_at: string | null },
  ): void {
    this.#waits.delete(step);
    // The day of a budget is one by the clock on the wall.
    if (why === null || retry_at === null || why === 'budget') return;
    const ago = boot === this.#world.boot ? this.#world.mono - mono : 0;
    const planned_ms = Date.parse(retry_at) - Date.parse(t);
    this.#waits.set(step, { why, planned_ms, from: this.#world.t - ago, boot });
  }

  /** Across a restart of the machine nobody knows how long it was off. */
  #end(step: string): void {
    const wait = this.#waits.get(step);
    this.#waits.delete(step);
    if (!wait || wait.boot !== this.#world.boot) return;
    const due = wait.from + wait.planned_ms;
    // The end of a limit is a time of day, too, which a clock that was set may have come nearer to.
    const soonest = wait.why === 'limit' ? Math.min(due, this.#set_at + LIMIT_RETRY.steps_ms[0]) : due;
    const early = Math.max(soonest, wait.from) - this.#world.t;
    must(early <= SLACK_MS, 8, `${step} begins ${early} ms before its wait is over (${wait.why})`);
  }
}
