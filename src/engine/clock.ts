/**
 * The clocks of the host, and what a task has to know when the wall clock moved against the monotonic one: somebody set
 * it, or the machine slept. Every event carries both clocks, so a move is seen by comparing the last event with now,
 * whether a supervisor was there meanwhile or not. Pure.
 */
import type { EventOf, NewEvent, Stamp } from '../contract/event.ts';
import { isTerminal, type TaskStatus } from '../contract/status.ts';
import { LIMIT_RETRY } from './limit-policy.ts';
import type { Attempt, Step, TaskState } from './state.ts';

/** What the clocks of the host show now, and which of its boots this is. */
export interface Reading extends Pick<Stamp, 't' | 'mono' | 'slept'> {
  boot: string;
}
export type Clock = () => Reading;

/**
 * A difference this large, in ms, is a jump; smaller ones are two clocks that were not read at the same instant. A clock
 * that is only disciplined takes the monotonic one along.
 */
export const JUMP_MS = 2000;

/** What was read when something was recorded last. */
export interface ClockMark {
  t: string;
  boot: string;
  /** The wall clock less the monotonic one. */
  offset_ms: number;
  slept_ms: number;
}

/**
 * How the wall clock moved meanwhile; null: it did not, as far as anybody can know. Across a restart of the machine the
 * monotonic clock says nothing. What is certain then: time does not go back.
 */
export function jumpBetween(mark: ClockMark, now: Reading): { ms: number; slept_ms: number } | null {
  const wall = Date.parse(now.t);
  if (mark.boot !== now.boot) {
    const ms = wall - Date.parse(mark.t);
    return ms <= -JUMP_MS ? { ms, slept_ms: 0 } : null;
  }
  const ms = wall - now.mono - mark.offset_ms;
  if (Math.abs(ms) < JUMP_MS) return null;
  // Sleep takes the wall clock ahead, and explains no more than that.
  const slept_ms = Math.min(Math.max(0, (now.slept ?? 0) - mark.slept_ms), Math.max(0, ms));
  return { ms, slept_ms };
}

/** How it moved since the last event of the task; null also where nothing of the task depends on it. */
export function jumpSince(state: TaskState, now: Reading): (NewEvent & { type: 'clock_jumped' }) | null {
  const { boot, clock_offset_ms: offset_ms, updated_at: t } = state;
  if (boot === null || offset_ms === null || !dependsOnClock(state)) return null;
  const jump = jumpBetween({ t, boot, offset_ms, slept_ms: state.slept_ms ?? 0 }, now);
  return jump && { type: 'clock_jumped', ...jump };
}

/** Whether it runs, or waits for a time. What rests until a person asks has no time that could be wrong. */
function dependsOnClock({ status, active }: TaskState): boolean {
  if (active.live > 0) return true;
  if (isTerminal(status) || status.name === 'interrupted') return false;
  return status.name !== 'blocked' || status.retry_at !== null;
}

/**
 * What was set moves along, so that a wait lasts as long as it was meant to. What the machine slept through has passed
 * like any other time for who waits, but not for what runs.
 */
export function clockJumped(state: TaskState, event: EventOf<'clock_jumped'>): TaskState {
  const by = (ms: number) => (t: string | null) =>
    t && ms !== 0 ? new Date(Date.parse(t) + ms).toISOString() : t;
  const moved = by(event.ms);
  // Older journals do not say which part was sleep: time that went ahead was taken for it.
  const set_ms = event.ms - (event.slept_ms ?? Math.max(0, event.ms));
  const set = by(set_ms);
  const { active } = state;
  return {
    ...state,
    steps: state.steps.map(s => ({
      ...s,
      retry_at: retryAt(s, set_ms, Date.parse(event.t)),
      attempt: s.attempt && attemptJumped(s.attempt, event.ms, set),
      session: s.session && { ...s.session, at: set(s.session.at)! },
      ...(s.service
        ? {
            service: {
              ...s.service,
              ready_at: set(s.service.ready_at),
              failed_at: s.service.failed_at.map(t => set(t)!),
            },
          }
        : {}),
      history: set_ms === 0 ? s.history : s.history.map(h => ({ ...h, set_ms: (h.set_ms ?? 0) + set_ms })),
    })),
    status: statusJumped(state.status, set),
    last_jump_at: event.t,
    last_closed_at: set(state.last_closed_at),
    active: { ...active, since: moved(active.since), until: moved(active.until) },
  };
}

/**
 * A wait ends after its length. The end of a usage limit is a time of day besides, which a clock that was put right has
 * come nearer to: then it is tried before, but not sooner than where nobody states an end.
 */
function retryAt({ retry_at, wait }: Step, set_ms: number, now_ms: number): string | null {
  if (retry_at === null || set_ms === 0) return retry_at;
  const stated = Date.parse(retry_at);
  const planned = stated + set_ms;
  const soonest = Math.max(stated, now_ms + LIMIT_RETRY.steps_ms[0]);
  return new Date(wait === 'limit' ? Math.min(planned, soonest) : planned).toISOString();
}

/** Only what runs now loses the time of the jump; what starts later has its own start. */
function attemptJumped(attempt: Attempt, ms: number, set: (t: string | null) => string | null): Attempt {
  const running = attempt.phase === 'running' || attempt.phase === 'stopping';
  return {
    ...attempt,
    paused_ms: running ? attempt.paused_ms + ms : attempt.paused_ms,
    gates: attempt.gates.map(g => (g.live ? { ...g, paused_ms: g.paused_ms + ms } : g)),
    held: attempt.held && { ...attempt.held, since: set(attempt.held.since)! },
  };
}

function statusJumped(status: TaskStatus, set: (t: string | null) => string | null): TaskStatus {
  return status.name === 'blocked' ? { ...status, retry_at: set(status.retry_at) } : status;
}
