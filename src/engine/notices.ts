/**
 * Notices: what a person who is not there should be told of a task. Pure. Which are owed follows from the state alone;
 * the ledger in it says which were sent, or tried, so that each is sent once: for each task and reason, whatever
 * restarts in between. A crash between sending and writing that down repeats one, at most. What could not be sent is
 * tried again, by the channels that failed: a network that is away for a moment must not cost a night.
 */
import type { NoticeKind, NotifyChannel, NotifySpec } from '../contract/notify.ts';
import { isTerminal, isTrouble } from '../contract/status.ts';
import type { Effect, Observed } from './effect.ts';
import type { TaskState } from './state.ts';

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
  /** Channels that failed; the others told the person. Absent in older journals, and where all is to be tried again. */
  failed?: NotifyChannel[];
  /** None of them would take it the next time either, as far as they said. */
  final?: boolean;
}

/** Lines of the ledger that are kept whatever they are of. */
export const MAX_NOTIFIED = 100;
/** Of one notice: for most of a day. After the first that failed it is so long to the next, then twice as long each time. */
export const MAX_NOTICE_TRIES = 8;
export const NOTICE_RETRY_MS = 10 * 60_000;
const MAX_REFUSED = 2;
/** Notices of one task within an hour: a script that resumes it again and again must not flood anybody. */
export const MAX_NOTICES_PER_HOUR = 10;
const HOUR_MS = 3_600_000;
/** Of a time, up to its hour. */
const HOUR_CHARS = 'YYYY-MM-DDTHH'.length;

export const kindOf = ({ key }: Pick<Notice, 'key'>) => key.split(':', 1)[0] as NoticeKind;

/** Sent, or tried in vain for the last time. */
export function isToldOf({ notified }: TaskState, notice: string): boolean {
  const tries = notified.filter(({ key }) => key === notice);
  // What refuses for good is asked once more: somebody may have mended it meanwhile.
  const refused = tries.filter(({ final }) => final).length;
  return tries.length >= MAX_NOTICE_TRIES || refused >= MAX_REFUSED || tries.some(({ ok }) => ok);
}

/** Where a notice still has to go: everywhere, or by the channels that failed where others did not. */
export function stillTo({ spec, notified }: TaskState, notice: string): NotifySpec | null {
  const failed = notified.findLast(({ key }) => key === notice)?.failed;
  if (!spec.notify || !failed) return spec.notify;
  const { command, webhook, desktop } = spec.notify;
  return {
    ...spec.notify,
    command: failed.includes('command') ? command : null,
    webhook: failed.includes('webhook') ? webhook : null,
    desktop: failed.includes('desktop') && desktop,
  };
}

/** The ledger with one more line. What is still true, such as a budget that was warned of, would be told again without its lines. */
export function ledgerWith(state: TaskState, line: Notified): Notified[] {
  const all = [...state.notified, line];
  if (all.length <= MAX_NOTIFIED) return all;
  const current = new Set(due(state).map(({ key }) => key));
  const older = all.slice(0, -MAX_NOTIFIED).filter(({ key }) => current.has(key));
  return [...older, ...all.slice(-MAX_NOTIFIED)];
}

/** What a person should know now and was not told. */
export function owedNotices(state: TaskState): Notice[] {
  const { notify } = state.spec;
  if (notify === null || (notify.command === null && notify.webhook === null && !notify.desktop)) return [];
  return due(state).filter(({ key, kind }) => notify.on.includes(kind) && !isToldOf(state, key));
}

function due(state: TaskState): Notice[] {
  const { status } = state;
  const notices: Notice[] = [];
  if (state.rebooted) notices.push({ kind: 'resumed', key: `resumed:${state.rebooted.boot}` });
  if (status.name === 'completed' || status.name === 'failed')
    notices.push({
      kind: status.name,
      key: state.reopened ? `${status.name}:${state.reopened}` : status.name,
    });
  // A login is missed once, however often it is looked at.
  const since = status.name === 'blocked' && status.why === 'auth' && state.login ? state.login.since : null;
  if (status.name === 'blocked')
    notices.push({ kind: 'blocked', key: `blocked:${status.why}:${since ?? state.resumes}` });
  const waits = status.name === 'waiting' && status.why === 'limit' ? windowOf(state) : null;
  if (waits !== null) notices.push({ kind: 'waiting', key: `waiting:limit:${waits}` });
  if (status.name === 'waiting' && status.why === 'budget')
    notices.push({ kind: 'waiting', key: `waiting:budget:${status.resume_at}` });
  // Once in an hour, however often it comes and goes.
  if (status.name === 'waiting' && isTrouble(status.why))
    notices.push({ kind: 'waiting', key: `waiting:${status.why}:${status.resume_at.slice(0, HOUR_CHARS)}` });
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
  const later = (key: string) => retryAt(state, key, seen.now_ms);
  const all = owedNotices(state);
  const owed = all.filter(({ key }) => later(key) === null);
  const retries = all.map(({ key }) => later(key)).filter(at => at !== null);
  const recent = state.notified.filter(({ t }) => {
    const age = seen.now_ms - Date.parse(t);
    return age >= 0 && age < HOUR_MS;
  });
  const room = Math.max(0, MAX_NOTICES_PER_HOUR - recent.length);
  const effects = owed
    .slice(0, room)
    .map(({ key }): Effect => ({ type: 'notify', key: `notify:${key}`, notice: key }));
  const wakes = [...retries, ...(owed.length > room ? [Date.parse(recent[0]!.t) + HOUR_MS] : [])];
  return { effects, wake_ms: wakes.length > 0 ? Math.min(...wakes) : null };
}

/** When what this line of the ledger could not send is tried again (RFC 3339); null: never, or it was already. */
export function againAt(state: TaskState, line: Notified): string | null {
  const tries = state.notified.filter(({ key }) => key === line.key);
  if (line.ok || tries.at(-1) !== line || !owedNotices(state).some(({ key }) => key === line.key))
    return null;
  return new Date(Date.parse(line.t) + pauseAfter(tries.length)).toISOString();
}

const pauseAfter = (tries: number) => NOTICE_RETRY_MS * 2 ** (tries - 1);

/** When a notice that failed is tried again; null: now. */
function retryAt({ notified }: TaskState, notice: string, nowMs: number): number | null {
  const tries = notified.filter(({ key }) => key === notice);
  const last = tries.at(-1);
  if (!last) return null;
  const age = nowMs - Date.parse(last.t);
  const pause = pauseAfter(tries.length);
  return age >= 0 && age < pause ? nowMs - age + pause : null;
}

/** Nothing will ever be done for the task again, unless a person asks. */
export function isOver(state: TaskState): boolean {
  return isTerminal(state.status) && !state.merge && owedNotices(state).length === 0;
}
