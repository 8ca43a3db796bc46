/**
 * Notices: what a person who is not there should be told of a task. Pure. Which are owed follows from the state alone;
 * the ledger in it says which were sent, or tried, so that each is sent once: for each task and reason, whatever
 * restarts in between. A crash between sending and writing that down repeats one, at most.
 */
import * as z from 'zod';
import type { Effect, Observed } from './effect.ts';
import type { TaskState } from './state.ts';
import { isTerminal } from './status.ts';

/** budget: most of what may be spent is spent. resumed: the machine was restarted. waiting: for a usage limit. */
export const NOTICE_KINDS = ['completed', 'failed', 'blocked', 'waiting', 'resumed', 'budget'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

const MAX_URL = 2000;

/** Where notices of a task go. */
export const notifySpec = z.strictObject({
  command: z
    .array(z.string().max(65_536))
    .min(1)
    .max(1000)
    .nullable()
    .default(null)
    .describe('Program that finds the notice as JSON on its standard input.'),
  webhook: z
    .url({ protocol: /^https?$/ })
    .max(MAX_URL)
    .nullable()
    .default(null)
    .describe('Address that gets the notice as JSON by POST.'),
  desktop: z.boolean().default(false).describe('Shown by notify-send, or by osascript on macOS.'),
  on: z
    .array(z.enum(NOTICE_KINDS))
    .default([...NOTICE_KINDS])
    .describe('What is told.'),
});
export type NotifySpec = z.infer<typeof notifySpec>;

export interface Notice {
  /** The same for the same reason; begins with the kind. */
  key: string;
  kind: NoticeKind;
}

/** One line of the ledger. */
export interface Notified {
  key: string;
  t: string;
  ok: boolean;
  /** What went wrong. */
  detail: string | null;
}

/** Lines of the ledger; only what a task is now can be owed, so older ones are not asked for. */
export const MAX_NOTIFIED = 100;
/** Notices of one task within an hour: a script that resumes it again and again must not flood anybody. */
export const MAX_NOTICES_PER_HOUR = 10;
const HOUR_MS = 3_600_000;

export const kindOf = ({ key }: Pick<Notice, 'key'>) => key.split(':', 1)[0] as NoticeKind;

/** What a person should know now and was not told. */
export function owedNotices(state: TaskState): Notice[] {
  const { notify } = state.spec;
  if (notify === null || (notify.command === null && notify.webhook === null && !notify.desktop)) return [];
  return due(state).filter(
    ({ key, kind }) => notify.on.includes(kind) && !state.notified.some(told => told.key === key),
  );
}

function due(state: TaskState): Notice[] {
  const { status } = state;
  const notices: Notice[] = [];
  if (state.rebooted) notices.push({ kind: 'resumed', key: `resumed:${state.rebooted.boot}` });
  if (status.name === 'completed' || status.name === 'failed')
    notices.push({ kind: status.name, key: status.name });
  // A login is missed once, however often it is looked at.
  const since = status.name === 'blocked' && status.why === 'auth' && state.login ? state.login.since : null;
  if (status.name === 'blocked')
    notices.push({ kind: 'blocked', key: `blocked:${status.why}:${since ?? state.resumes}` });
  const waits = status.name === 'waiting' && status.why === 'limit' ? windowOf(state) : null;
  if (waits !== null) notices.push({ kind: 'waiting', key: `waiting:limit:${waits}` });
  if (status.name === 'waiting' && status.why === 'budget')
    notices.push({ kind: 'waiting', key: `waiting:budget:${status.resume_at}` });
  for (const budget of state.warned)
    notices.push({ kind: 'budget', key: `budget:${budget}${allowance(state, budget)}` });
  return notices;
}

/** A budget that a person allowed once more is told of once more; that of a day has the day in its name. */
function allowance({ used_before }: TaskState, budget: string): string {
  return budget.includes(' ') ? '' : `:${budget === 'usd' ? used_before.usd : used_before.tokens}`;
}

/** The first attempt of the row that met the limit: later ones are the same window, whose end was not where it was said. */
function windowOf(state: TaskState): string | null {
  const step = state.steps.find(s => s.wait === 'limit');
  if (!step) return null;
  const other = step.history.findLastIndex(({ outcome }) => outcome !== 'limit' && outcome !== 'lost');
  return `${step.id}/${step.history[other + 1]?.n ?? step.attempts}`;
}

/** Sends what is owed, and says when there is room for what is not sent yet. */
export function nextNotices(state: TaskState, seen: Observed): { effects: Effect[]; wake_ms: number | null } {
  if (seen.draining) return { effects: [], wake_ms: null };
  const owed = owedNotices(state);
  if (owed.length === 0) return { effects: [], wake_ms: null };
  const recent = state.notified.filter(({ t }) => {
    const age = seen.now_ms - Date.parse(t);
    return age >= 0 && age < HOUR_MS;
  });
  const room = Math.max(0, MAX_NOTICES_PER_HOUR - recent.length);
  const effects = owed
    .slice(0, room)
    .map(({ key }): Effect => ({ type: 'notify', key: `notify:${key}`, notice: key }));
  const wake_ms = owed.length > room ? Date.parse(recent[0]!.t) + HOUR_MS : null;
  return { effects, wake_ms };
}

/** Nothing will ever be done for the task again, unless a person asks. */
export function isOver(state: TaskState): boolean {
  return isTerminal(state.status) && !state.merge && owedNotices(state).length === 0;
}
