/**
 * A task as `rasen status` shows it: first the seed's lines, exactly and in its order, then ours. Pure, so that the
 * text can be compared with files.
 */

import { reasonText } from '../contract/status.ts';
import type { SubtaskView, TaskView } from '../contract/view.ts';
import { nextCommand } from '../engine/next-command.ts';
import { oneLine } from './output.ts';
import { serviceText, wordOf } from './service-text.ts';
import { localTime, runtime, toSeconds } from './time.ts';

/** The seed's fields; a status file has them and perhaps no more. */
export type SeedStatus = Partial<
  Pick<
    TaskView,
    | 'pid'
    | 'iteration'
    | 'max_iterations'
    | 'subtask_id'
    | 'subtask_description'
    | 'completed_subtasks'
    | 'total_subtasks'
    | 'total_commits'
    | 'last_activity'
    | 'total_duration_seconds'
    | 'started_at'
  >
> & { status: string };

export function seedLines(view: SeedStatus): string[] {
  const lines = [`Status: ${view.status}`];
  if (view.pid != null) lines.push(`PID: ${view.pid}`);
  if (view.iteration != null) {
    const of = !view.max_iterations ? '' : `/${view.max_iterations}`;
    lines.push(`Iteration: ${view.iteration}${of}`);
  }
  lines.push(progressLine(view));
  lines.push(`Total commits: ${view.total_commits ?? 0}`);
  if (view.subtask_id) {
    lines.push(`Current subtask: ${view.subtask_id}`);
    if (view.subtask_description) lines.push(`  Description: ${oneLine(view.subtask_description)}`);
  }
  if (view.last_activity) lines.push(`Last activity: ${toSeconds(view.last_activity)}`);
  const seconds = secondsOf(view);
  if (seconds !== null) lines.push(`Runtime: ${runtime(seconds)}`);
  return lines;
}

export function progressLine(view: SeedStatus): string {
  return `Progress: ${view.completed_subtasks ?? 0}/${view.total_subtasks ?? 0} subtasks completed`;
}

/** A status file of the seed has no duration, but when the task started and was last active. */
function secondsOf({ total_duration_seconds, started_at, last_activity }: SeedStatus): number | null {
  if (started_at == null) return null;
  if (total_duration_seconds != null) return total_duration_seconds;
  const ms = Date.parse(last_activity ?? '') - Date.parse(started_at ?? '');
  return Number.isNaN(ms) ? null : ms / 1000;
}

/** Attempts to forge records that are shown; all of them are in the journal. */
const MAX_FORGERIES = 3;
const MAX_LEFT_OUT = 5;
const MAX_MEANWHILE = 5;

export interface StatusTextOptions {
  /** In place of its status, where there is another word for it. */
  word?: string;
  now_ms: number;
}

/** Of an older supervisor without reservations. */
function verifiedText({ verified, verified_but }: TaskView): string {
  if (!verified) return `no (${verified_but ? oneLine(verified_but, 400) : 'nothing but the agent says so'})`;
  return verified_but ? `yes, but ${oneLine(verified_but, 400)}` : 'yes';
}

export function statusText(view: TaskView, options: StatusTextOptions): string {
  const lines = seedLines({ ...view, status: options.word ?? view.status });
  lines.push(`Task: ${view.id} (${oneLine(view.name, 80)})`);
  if (view.branch) lines.push(`Branch: ${view.branch}`);
  if (view.rolling_back)
    lines.push(`Rolling back: ${view.rolling_back.steps.map(id => oneLine(id, 50)).join(', ')}`);
  if (view.reason) lines.push(`Reason: ${waitingFor(view)}${oneLine(view.reason, 400)}`);
  if (view.parent) lines.push(`Handed over by: ${view.parent}`);
  if (view.handed_over?.length) lines.push(`Handed over: ${view.handed_over.join(', ')}`);
  if (view.group) lines.push(`Group: ${oneLine(view.group, 80)}`);
  if (view.priority) lines.push(`Priority: ${view.priority}`);
  for (const { note, text } of view.notes ?? [])
    lines.push(`Note ${note}, not told yet: ${oneLine(text.replace(/\s+/g, ' '), 200)}`);
  if (view.resume_at)
    lines.push(`Waiting until: ${localTime(view.resume_at)}${inTime(view.resume_at, options.now_ms)}`);
  if (view.total_tokens > 0 || view.total_cost_usd != null || view.budgets.length > 0)
    lines.push(`Used: ${usedText(view)}`);
  if (view.retry_at)
    lines.push(`Looks again: ${localTime(view.retry_at)}${inTime(view.retry_at, options.now_ms)}`);
  const unsent = view.notifications.at(-1);
  if (unsent && !unsent.ok) lines.push(`Not notified: ${unsent.kind}: ${oneLine(unsent.detail ?? '', 200)}`);
  // Until it is over, that of one step is none of the task. Of an older supervisor: none.
  if (view.result && view.ended_at) lines.push(`Result: ${oneLine(view.result.replace(/\s+/g, ' '), 400)}`);
  for (const { step, reason } of view.failed_at_end ?? [])
    lines.push(
      `At the end: ${oneLine(step, 50)} failed: ${oneLine(reason, 200)} (it decides nothing about the task)`,
    );
  if (view.status === 'completed') lines.push(`Verified: ${verifiedText(view)}`);
  lines.push(...leftOutLines(view.left_out), ...meanwhileLines(view.meanwhile));
  lines.push(...forgeryLines(view.forgeries));
  const cages = new Set(view.subtasks.map(s => s.attempt?.cage).filter(cage => cage != null));
  if (cages.size > 0) lines.push(`Cage: ${[...cages].join(', ')} (rasen doctor tells why)`);
  if (view.agents) lines.push(`Agents: ${view.agents.map(one => agentText(one, options.now_ms)).join('; ')}`);
  lines.push(...sandboxLine(view));
  if (view.merged) lines.push(`Merged: into ${view.merged.into} as ${view.merged.commit.slice(0, 12)}`);
  if (view.subtasks.length > 0)
    lines.push('Subtasks:', ...subtaskTable(view.subtasks).map(line => `  ${line}`));
  const next = options.word === 'not_running' ? `rasen resume ${view.id}` : nextCommand(view);
  if (next) lines.push(`Next: ${next}`);
  return lines.join('\n');
}

const AWAY: Readonly<Record<string, string>> = {
  limit: 'usage limit',
  auth: 'not logged in',
  overloaded: 'overloaded for an hour',
};

/** Who works, and who has no turn, until when and why. */
function agentText(
  { backend, works, away_until, why }: NonNullable<TaskView['agents']>[number],
  now_ms: number,
): string {
  if (works) return `${backend} works`;
  if (away_until === undefined) return backend;
  const until =
    away_until === null
      ? 'until the task is resumed'
      : `until ${localTime(away_until)}${inTime(away_until, now_ms)}`;
  return `${backend} is away ${until} (${AWAY[why ?? ''] ?? why})`;
}

const COMMANDS: ReadonlySet<string> = new Set(['run', 'service', 'finally']);

/** Of agents that run: what keeps them from the rest of the machine. */
function sandboxLine({ subtasks }: TaskView): string[] {
  const running = subtasks.filter(({ kind, attempt }) => !COMMANDS.has(kind) && attempt?.cage != null);
  if (running.length === 0) return [];
  const kinds = [...new Set(running.map(({ attempt }) => attempt?.sandbox ?? null))];
  return kinds.map(kind =>
    kind === null
      ? 'Sandbox: none, its agent can read and write all that you can (rasen doctor tells why)'
      : `Sandbox: ${kind}`,
  );
}

/** Of a wait that no time is known for. */
function waitingFor({ status, why, resume_at, merging }: TaskView): string {
  const waits = status === 'waiting' || merging;
  return waits && why !== null && resume_at === null ? `waiting (${reasonText(why)}): ` : '';
}

/** Of a supervisor that does not know of any: none. */
export function leftOutLines(left: TaskView['left_out']): string[] {
  const lines = (left ?? []).slice(-MAX_LEFT_OUT).map(({ path, why }) => oneLine(`${path} ${why}`, 300));
  return lines.map(line => `Not in any commit: ${line}`);
}

/** Of a supervisor that does not know of any: none. */
export function meanwhileLines(meanwhile: TaskView['meanwhile']): string[] {
  return (meanwhile ?? [])
    .slice(-MAX_MEANWHILE)
    .map(text => `Meanwhile in your repository: ${oneLine(text, 300)}`);
}

/** Of a supervisor that does not know of any: none. */
export function forgeryLines(forgeries: TaskView['forgeries'] | undefined): string[] {
  return (forgeries ?? []).slice(-MAX_FORGERIES).map(({ step, n, gate, what }) => {
    const during = gate === null ? `attempt ${n} of ${step}` : `gate ${gate + 1} of attempt ${n} of ${step}`;
    return `Tried to forge records during ${during}: ${oneLine(what.join('; '), 300)} (it did not count)`;
  });
}

/** Tokens and dollars, and each limit with what was used of it. */
function usedText(view: TaskView): string {
  const cost = view.total_cost_usd == null ? '' : `, ${dollars(view.total_cost_usd)}`;
  const limits = view.budgets.map(({ budget, used, limit }) => {
    const amount = budget.includes('usd') ? dollars : count;
    return `${amount(used)} of ${amount(limit)} (limits.${budget})`;
  });
  return [`${count(view.total_tokens)} tokens${cost}`, ...limits].join('; ');
}

const dollars = (usd: number) => `$${usd.toFixed(2)}`;
const count = (n: number) => n.toLocaleString('en-US');

function inTime(time: string, now_ms: number): string {
  const ms = Date.parse(time) - now_ms;
  return ms > 0 ? ` (in ${runtime(ms / 1000)})` : '';
}

const beside = (text: string) => (text === '' ? '' : `  [${text}]`);

export function subtaskTable(subtasks: readonly SubtaskView[]): string[] {
  const width = Math.min(40, Math.max(...subtasks.map(s => s.id.length)));
  return subtasks.map(s => {
    const status = wordOf(s).padEnd('in_progress'.length);
    const tries = s.attempts > 1 && !s.service ? ` (attempt ${s.attempts})` : '';
    const why = s.reason ? `: ${oneLine(s.reason, 120)}` : '';
    const title = s.title ? `  ${oneLine(s.title, 80)}` : '';
    return `${s.id.padEnd(width)}  ${status}${title}${tries}${beside(serviceText(s))}${why}`;
  });
}
