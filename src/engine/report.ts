/**
 * The report: what a person wants to know of a task in the morning. How it stands is the view of now; what happened is
 * counted from the events, all of them or those since a time. Pure.
 */
import type { Event } from '../contract/event.ts';
import { originText } from '../contract/origin.ts';
import type { ReportTotals, TaskReport, WaitRecord } from '../contract/report.ts';
import { isAtRest } from '../contract/status.ts';
import { fold } from './fold.ts';
import { nextCommand } from './next-command.ts';
import { agentOfAttempt } from './relay.ts';
import type { TaskState } from './state.ts';
import { viewOf } from './view.ts';

/** What is told of what agents left for later; each text once. */
const MAX_FOLLOWUPS = 50;
const MAX_DENIED = 50;

export interface ReportTime {
  now_ms: number;
  /** Only what happened from then on is counted; null: everything. */
  since_ms: number | null;
  /** Process of the supervisor, as in the view. */
  pid: number | null;
}

/** Throws where the events are no journal. */
export function reportOf(events: Iterable<Event>, at: ReportTime): TaskReport {
  const since = at.since_ms ?? Number.NEGATIVE_INFINITY;
  const attempts: Record<string, number> = {};
  const refused: Record<string, number> = {};
  const denied: NonNullable<TaskReport['denied']> = [];
  const waits: WaitRecord[] = [];
  const followups = new Map<string, { step: string; text: string }>();
  /** By the place of an agent in the list. */
  const work = new Map<number, { attempts: number; completed: string[] }>();
  let restarts = 0;
  let reboots = 0;
  let state: TaskState | null = null;
  /** The last state before the time that is asked for. */
  let before: TaskState | null = null;
  for (const event of events) {
    const was: TaskState | null = state;
    state = fold(was, event);
    follow(waits, was, state, event.t);
    if (Date.parse(event.t) < since) {
      before = state;
      continue;
    }
    if (event.type === 'attempt_closed') {
      // A check is nobody's attempt; what it refuses is told all the same.
      const attempt = was?.steps.find(s => s.id === event.step)?.attempt;
      if (attempt?.work) count(attempts, event.outcome);
      if (attempt?.work) workOf(work, attempt).attempts++;
      const gate = state.steps.find(s => s.id === event.step)?.history.at(-1)?.gate;
      if (gate && event.outcome === 'gate_failed') count(refused, gate);
    }
    if (event.type === 'step_completed') {
      const last = state.steps.find(s => s.id === event.step)?.history.findLast(r => r.work);
      if (last && subtasksOf(state).some(s => s.id === event.step))
        workOf(work, last).completed.push(event.step);
    }
    if (event.type === 'request_refused' && denied.length < MAX_DENIED)
      denied.push({ method: event.method, from: originText(event.origin), t: event.t });
    if (event.type === 'attempt_ended')
      for (const text of event.claim?.followups ?? [])
        if (followups.size < MAX_FOLLOWUPS && !followups.has(text))
          followups.set(text, { step: event.step, text });
    // Of one that somebody has to go on with, a new supervisor changes nothing.
    if (
      event.type === 'task_claimed' &&
      was &&
      was.boot !== null &&
      was.want === 'run' &&
      !isAtRest(was.status)
    ) {
      restarts++;
      if (was.boot !== state.boot) reboots++;
    }
  }
  if (!state) throw new Error('a journal without events has no report');
  const now = viewOf(state, at.pid, at.now_ms);
  const then = before && viewOf(before, at.pid, since);
  const done = (status: string) => subtasksOf(state).filter(s => s.status === status).length;
  const { id, name, goal, project, status, why, reason, result, verified, verified_but, resume_at } = now;
  const { branch, commit, merged } = now;
  const { created_at, started_at, ended_at, last_activity } = now;
  const input_tokens = now.total_input_tokens - (then?.total_input_tokens ?? 0);
  const output_tokens = now.total_output_tokens - (then?.total_output_tokens ?? 0);
  const spent = now.total_cost_usd;
  return {
    ...{ id, name, goal, project, status, why, reason, result, verified, verified_but, resume_at },
    needs_you: status === 'blocked' || status === 'interrupted' || status === 'failed',
    next: nextCommand(now),
    subtasks: {
      total: now.total_subtasks,
      completed: now.completed_subtasks,
      failed: done('failed'),
      skipped: done('skipped'),
    },
    ...{ branch, commit, merged, created_at, started_at, ended_at, last_activity },
    budgets: now.budgets,
    notes: now.notes,
    ...{ attempts, refused, restarts, reboots },
    ...(now.agents && {
      agents: now.agents.map(({ backend, tokens, usd }, agent) => ({
        ...{ backend, attempts: 0, completed: [], ...work.get(agent) },
        ...{ tokens, usd },
      })),
    }),
    ...(now.left_out ? { left_out: now.left_out } : {}),
    ...(now.meanwhile ? { meanwhile: now.meanwhile } : {}),
    forgeries: now.forgeries.filter(({ t }) => Date.parse(t) >= since),
    followups: [...followups.values()],
    denied,
    waits: waits
      .filter(wait => wait.until === null || Date.parse(wait.until) >= since)
      .map(wait => ({ ...wait, seconds: seconds(wait, since, at.now_ms) })),
    commits: now.total_commits - (then?.total_commits ?? 0),
    total_seconds: now.total_duration_seconds - (then?.total_duration_seconds ?? 0),
    active_seconds: now.active_seconds - (then?.active_seconds ?? 0),
    input_tokens,
    output_tokens,
    total_tokens: input_tokens + output_tokens,
    cost_usd: spent === null ? null : spent - (then?.total_cost_usd ?? 0),
  };
}

const subtasksOf = (state: TaskState) => state.steps.filter(s => s.kind === 'subtask');

function workOf(
  work: Map<number, { attempts: number; completed: string[] }>,
  attempt: { agent?: number },
): { attempts: number; completed: string[] } {
  const agent = agentOfAttempt(attempt);
  const known = work.get(agent) ?? { attempts: 0, completed: [] };
  work.set(agent, known);
  return known;
}

const count = (counts: Record<string, number>, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** Opens and closes waits. One that is only looked at again, for the same reason, goes on. */
function follow(waits: WaitRecord[], was: TaskState | null, is: TaskState, t: string): void {
  const [before, after] = [was?.status, is.status];
  const open = before?.name === 'waiting' ? waits.at(-1) : undefined;
  const goesOn = open && after.name === 'waiting' && after.why === open.why;
  if (open && !goesOn) open.until = t;
  if (after.name !== 'waiting') return;
  if (goesOn) open.message = after.message;
  else waits.push({ why: after.why, message: after.message, from: t, until: null, seconds: 0 });
}

function seconds(wait: WaitRecord, since_ms: number, now_ms: number): number {
  const until = wait.until === null ? now_ms : Date.parse(wait.until);
  return Math.max(0, Math.round((until - Math.max(since_ms, Date.parse(wait.from))) / 1000));
}

/** Who needs a person first, then what goes on, then what is over; the newest first among equals. */
export function reportOrder(a: TaskReport, b: TaskReport): number {
  return rank(a) - rank(b) || (a.id < b.id ? 1 : -1);
}

const rank = ({ needs_you, status, ended_at }: TaskReport) =>
  needs_you ? 0 : ended_at === null ? (status === 'waiting' ? 1 : 2) : 3;

export function totalsOf(reports: readonly TaskReport[]): ReportTotals {
  const by_status: Record<string, number> = {};
  for (const { status, verified } of reports)
    count(by_status, status === 'completed' ? (verified ? 'verified' : 'unverified') : status);
  const sum = (of: (report: TaskReport) => number) => reports.reduce((all, report) => all + of(report), 0);
  const costs = reports.map(report => report.cost_usd).filter(usd => usd !== null);
  return {
    tasks: reports.length,
    needs_you: reports.filter(report => report.needs_you).length,
    by_status,
    attempts: sum(report => Object.values(report.attempts).reduce((all, n) => all + n, 0)),
    commits: sum(report => report.commits),
    active_seconds: sum(report => report.active_seconds),
    total_tokens: sum(report => report.total_tokens),
    cost_usd: costs.length === 0 ? null : costs.reduce((all, usd) => all + usd, 0),
  };
}
