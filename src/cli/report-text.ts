/**
 * The report as a person reads it in the morning: one line over all, then the tasks, those first that need somebody.
 * Pure, so that the text can be compared with files.
 */

import type { Report, TaskReport } from '../contract/report.ts';
import { reasonText } from '../contract/status.ts';
import { oneLine } from './output.ts';
import { forgeryLines, leftOutLines, meanwhileLines } from './status-text.ts';
import { localTime, runtime } from './time.ts';

/** The end of an id, as in `rasen list`. */
const SHORT_ID_CHARS = 8;
/** Waits that are told one by one. */
const MAX_WAITS = 3;
/** Notes, and what was left for later. */
const MAX_TOLD = 5;

export function reportText(report: Report, now_ms: number): string {
  const parts = [headLine(report), ...report.tasks.map(task => taskText(task, now_ms))];
  const damaged = report.damaged.map(({ id, message }) => `${id} cannot be read: ${oneLine(message, 200)}`);
  return [...parts, ...(damaged.length > 0 ? [damaged.join('\n')] : [])].join('\n\n');
}

/** How each status is told in the head line, in this order. */
const TOLD: readonly [status: string, words: string][] = [
  ['verified', 'completed and verified'],
  ['unverified', 'completed, not verified'],
  ['blocked', 'blocked'],
  ['failed', 'failed'],
  ['interrupted', 'interrupted'],
  ['cancelled', 'cancelled'],
  ['waiting', 'waiting'],
  ['running', 'running'],
  ['pending', 'pending'],
];

function headLine({ since, totals }: Report): string {
  const { by_status } = totals;
  const told = TOLD.filter(([status]) => by_status[status]).map(
    ([status, words]) => `${by_status[status]} ${words}`,
  );
  const from = since === null ? '' : ` since ${localTime(since)}`;
  const all = `${count(totals.tasks, 'task')}${from}${told.length > 0 ? `: ${told.join(', ')}` : ''}`;
  return [
    all,
    `${tokens(totals.total_tokens)} tokens`,
    ...cost(totals.cost_usd),
    `needs you: ${totals.needs_you}`,
  ].join(' · ');
}

function taskText(task: TaskReport, now_ms: number): string {
  const lines = [`${standing(task)}  ${oneLine(task.name, 60)}  ${task.id.slice(-SHORT_ID_CHARS)}`];
  const goal = oneLine(task.goal, 120);
  if (goal !== oneLine(task.name, 120)) lines.push(goal);
  if (task.reason) lines.push(`Why: ${oneLine(task.reason, 400)}`);
  // Until it is over, that of one step is none of the task.
  if (task.result && task.ended_at) lines.push(`Result: ${oneLine(task.result.replace(/\s+/g, ' '), 400)}`);
  if (task.resume_at) lines.push(`Goes on: ${localTime(task.resume_at)}${inTime(task.resume_at, now_ms)}`);
  if (task.next) lines.push(`Next: ${task.next}`);
  lines.push(workLine(task), spentLine(task));
  if (task.agents) lines.push(task.agents.map(agentText).join(' · '));
  if (task.waits.length > 0) lines.push(waitLine(task));
  if (task.restarts > 0) lines.push(restartLine(task));
  for (const { method, from, t } of task.denied?.slice(0, MAX_TOLD) ?? [])
    lines.push(`refused: ${method} ${oneLine(from, 120)}, ${localTime(t)}`);
  lines.push(...leftOutLines(task.left_out), ...meanwhileLines(task.meanwhile));
  lines.push(...forgeryLines(task.forgeries));
  for (const { text } of task.notes.slice(0, MAX_TOLD)) lines.push(`not told yet: ${oneLine(text, 200)}`);
  for (const { step, text } of task.followups.slice(0, MAX_TOLD))
    lines.push(`left for later (${step}): ${oneLine(text, 200)}`);
  return lines.join('\n  ');
}

function standing({ status, why, verified, verified_but, merged }: TaskReport): string {
  if (status === 'completed')
    return `completed, ${verified ? 'verified' : 'not verified'}${verified_but ? ` (but ${verified_but})` : ''}${merged ? `, merged into ${merged.into}` : ''}`;
  return why === null ? status : `${status} (${reasonText(why)})`;
}

function workLine({ subtasks, attempts, refused, commits, branch }: TaskReport): string {
  const { failed, skipped } = subtasks;
  const left = [failed > 0 ? `${failed} failed` : '', skipped > 0 ? `${skipped} skipped` : ''].filter(
    Boolean,
  );
  const done = `${subtasks.completed}/${count(subtasks.total, 'subtask')}${left.length > 0 ? ` (${left.join(', ')})` : ''}`;
  const outcomes = sorted(attempts).map(([outcome, n]) => {
    const gates =
      outcome === 'gate_failed'
        ? sorted(refused).map(([gate, times]) => `${oneLine(gate, 60)} ${times}`)
        : [];
    return `${n} ${outcome}${gates.length > 0 ? ` (${gates.join(', ')})` : ''}`;
  });
  const all = Object.values(attempts).reduce((sum, n) => sum + n, 0);
  const tried = `${count(all, 'attempt')}${outcomes.length > 0 ? `: ${outcomes.join(', ')}` : ''}`;
  const where = commits > 0 && branch ? ` on ${branch}` : '';
  return [done, tried, `${count(commits, 'commit')}${where}`].join(' · ');
}

function spentLine(task: TaskReport): string {
  const times = `active ${runtime(task.active_seconds)} of ${runtime(task.total_seconds)}`;
  const budgets = task.budgets.map(({ budget, used, limit }) => {
    const amount = budget.includes('usd') ? (usd: number) => cost(usd)[0]! : tokens;
    return `${amount(used)} of ${amount(limit)} (limits.${budget})`;
  });
  return [times, `${tokens(task.total_tokens)} tokens`, ...cost(task.cost_usd), ...budgets].join(' · ');
}

/** Who did what. */
function agentText({
  backend,
  attempts,
  completed,
  tokens: used,
  usd,
}: NonNullable<TaskReport['agents']>[number]) {
  const done = completed.length > 0 ? ` (${oneLine(completed.join(', '), 120)})` : '';
  const price = usd > 0 ? `, ${cost(usd)[0]}` : '';
  return `${backend}: ${count(completed.length, 'subtask')}${done} in ${count(attempts, 'attempt')}, ${tokens(used)} tokens${price}`;
}

function waitLine({ waits }: TaskReport): string {
  const told = waits
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, MAX_WAITS)
    .map(wait => {
      const end = wait.until === null ? ', still' : '';
      return `${wait.why} ${runtime(wait.seconds)} from ${localTime(wait.from)}${end} (${oneLine(wait.message, 80)})`;
    });
  const more = waits.length > MAX_WAITS ? '; the longest: ' : ': ';
  return `waited ${times(waits.length)}${more}${told.join('; ')}`;
}

function restartLine({ restarts, reboots }: TaskReport): string {
  const of = reboots > 0 ? `, ${reboots} of them of the machine` : '';
  return `went on by itself after ${count(restarts, 'restart')}${of}`;
}

/** The most frequent first. */
const sorted = (counts: Record<string, number>) =>
  Object.entries(counts).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));

const count = (n: number, thing: string) => `${n} ${thing}${n === 1 ? '' : 's'}`;
const times = (n: number) => (n === 1 ? 'once' : `${n} times`);
const cost = (usd: number | null) => (usd === null ? [] : [`$${usd.toFixed(2)}`]);

/** `850`, `85.0 k`, `23.4 M`. */
export function tokens(n: number): string {
  if (n < 1000) return String(n);
  const [size, unit] = n < 999_950 ? [1000, 'k'] : n < 999_950_000 ? [1_000_000, 'M'] : [1_000_000_000, 'G'];
  return `${(n / size).toFixed(1)} ${unit}`;
}

function inTime(time: string, now_ms: number): string {
  const ms = Date.parse(time) - now_ms;
  return ms > 0 ? ` (in ${runtime(ms / 1000)})` : '';
}
