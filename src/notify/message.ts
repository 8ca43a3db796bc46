/**
 * What a notice says: result, warnings, reason, the first error with its last lines, time, tokens and cost, and what to
 * type next.
 * Pure. Texts of agents and programs are cleaned of control characters and of what looks like a secret.
 */
import type { NoticeKind } from '../contract/notify.ts';
import { isTrouble, reasonText } from '../contract/status.ts';
import type { TaskView } from '../contract/view.ts';
import { budgetShare, budgetText } from '../engine/budget.ts';
import { unseenText } from '../engine/mutation.ts';
import { nextCommand } from '../engine/next-command.ts';
import type { Notice } from '../engine/notices.ts';
import type { AttemptRecord, Step, TaskState } from '../engine/state.ts';
import { viewOf } from '../engine/view.ts';
import { clockTime, duration, exactDuration } from '../engine/wall-time.ts';
import { warningsOf } from '../engine/warnings.ts';
import { sha256 } from '../util/sha256.ts';
import { lastChars, oneLine } from '../views/plain-text.ts';

const LINE_CHARS = 300;
const LAST_LINES = 10;
const LAST_CHARS = 1500;
/** Hex digits of the hash that names a notice. */
const ID_CHARS = 32;

export interface Message {
  /** The same for each try of one notice: who gets it twice can tell. */
  id: string;
  /** trigger: of a trigger itself, not of one of its runs. */
  kind: NoticeKind | 'test' | 'trigger';
  /** One line each for a heading, and for all of it. */
  title: string;
  text: string;
  t: string;
  task: string;
  name: string;
  project: string;
  status: string;
  why: string | null;
  reason: string | null;
  subtask: string | null;
  /** Of a task that is completed: what came of it, in one line. */
  result: string | null;
  /** What a person should know of it, whatever its status. */
  warnings: string[];
  /** Of the last attempt that went wrong. */
  error: string | null;
  last_lines: string[];
  resume_at: string | null;
  duration_seconds: number;
  active_seconds: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number | null;
  /** The command to type. */
  next: string | null;
}

/** `output`: the end of what the last attempt printed, for where no gate says more. */
export function messageFor(state: TaskState, notice: Notice, output: string, nowMs: number): Message {
  const view = viewOf(state, process.pid, nowMs);
  const reason = view.reason === null ? null : oneLine(view.reason, LINE_CHARS);
  const wrong = notice.kind === 'completed' ? null : lastWrong(state);
  const about = {
    task: state.id,
    name: oneLine(state.spec.name, 80),
    project: state.spec.project,
    status: view.status,
    why: view.why,
    reason:
      notice.kind === 'resumed'
        ? restarted(state)
        : notice.kind === 'budget'
          ? budget(state, notice)
          : reason,
    subtask: 'subtask' in state.status ? state.status.subtask : view.subtask_id,
    result: notice.kind === 'completed' ? resultOf(state, view) : null,
    warnings:
      notice.kind === 'completed' || notice.kind === 'failed'
        ? warningsOf(state).map(text => oneLine(text, LINE_CHARS))
        : [],
    error: wrong ? oneLine(`${wrong.outcome}: ${wrong.reason ?? 'no reason given'}`, LINE_CHARS) : null,
    last_lines: notice.kind === 'completed' ? [] : lastLinesOf(wrong?.gate_tail ?? output),
    resume_at: view.resume_at,
    duration_seconds: view.total_duration_seconds,
    active_seconds: view.active_seconds,
    input_tokens: view.total_input_tokens,
    output_tokens: view.total_output_tokens,
    cost_usd: view.total_cost_usd,
    next: nextCommand(view) ?? (notice.kind === 'completed' ? `rasen logs ${state.id}` : null),
  };
  const title = `rasen: ${about.name}: ${headline(state, notice.kind, nowMs)}`;
  const text = textOf(title, about);
  return {
    id: `rasen_${sha256(`${state.id} ${notice.key}`).slice(0, ID_CHARS)}`,
    kind: notice.kind,
    title,
    text,
    t: new Date(nowMs).toISOString(),
    ...about,
  };
}

/** For `rasen notify test`. */
export function testMessage(name: string, project: string, nowMs: number): Message {
  const title = `rasen: ${oneLine(name, 80)}: a test`;
  const text = `${title}\nNotifications of this project arrive here.`;
  return { ...bare(name, project, nowMs), kind: 'test', title, text, status: 'test' };
}

/** Of a trigger: `what` says in a few words what is the matter. */
export function triggerMessage(name: string, project: string, what: string, nowMs: number): Message {
  const reason = oneLine(what, LINE_CHARS);
  const title = `rasen: trigger ${oneLine(name, 80)}: ${reason}`;
  const next = `rasen trigger show ${name}`;
  return {
    ...bare(name, project, nowMs),
    ...{ kind: 'trigger', title, text: `${title}\nNext: ${next}`, status: 'trigger', reason, next },
  };
}

/** A message that is of no task. */
function bare(
  name: string,
  project: string,
  nowMs: number,
): Omit<Message, 'kind' | 'title' | 'text' | 'status'> {
  return {
    id: `rasen_${sha256(`${project} ${name} ${nowMs}`).slice(0, ID_CHARS)}`,
    ...{
      t: new Date(nowMs).toISOString(),
      task: '',
      name: oneLine(name, 80),
      project,
      why: null,
      reason: null,
    },
    ...{ subtask: null, result: null, warnings: [], error: null, last_lines: [], resume_at: null },
    ...{
      duration_seconds: 0,
      active_seconds: 0,
      input_tokens: 0,
      output_tokens: 0,
      cost_usd: null,
      next: null,
    },
  };
}

function headline(state: TaskState, kind: NoticeKind, nowMs: number): string {
  const { status } = state;
  if (kind === 'completed')
    return status.name !== 'completed' || !status.verified
      ? 'completed, not verified'
      : unseenText(state) === null
        ? 'completed'
        : 'completed, but look at what verified it';
  if (kind === 'blocked' && status.name === 'blocked') return `blocked (${status.why}), needs a person`;
  if (kind === 'waiting' && status.name === 'waiting') {
    if (isTrouble(status.why)) return `waits (${reasonText(status.why)}), goes on by itself`;
    const at = Date.parse(status.resume_at);
    const zone = state.spec.time_zone ?? undefined;
    return `waits until ${clockTime(at, nowMs, zone)} (in ${duration(at - nowMs)})`;
  }
  if (kind === 'resumed')
    return status.name === 'interrupted' ? 'stopped by a restart' : 'goes on after a restart';
  if (kind === 'budget') return 'most of a budget is used';
  return kind;
}

/** What the last agent said of its work, and what there is of it; of a command, how it ended. */
function resultOf(
  state: TaskState,
  { completed_subtasks: done, total_subtasks: all, ...view }: TaskView,
): string {
  const ended = state.steps.filter(s => s.kind === 'subtask').flatMap(s => s.history.at(-1) ?? []);
  const said = ended
    .filter(({ summary }) => summary)
    .toSorted((a, b) => a.ended_at.localeCompare(b.ended_at));
  const words = said.at(-1)?.summary;
  const code = ended.length === 1 && !words ? ended[0]!.code : null;
  const commits = view.total_commits;
  const parts = [
    ...(words ? [oneLine(words, LINE_CHARS)] : []),
    ...(code === null ? [] : [`exit status ${code}`]),
    ...(all > 1 ? [`${done}/${all} subtasks`] : []),
    ...(commits > 0 ? [`${commits} ${commits === 1 ? 'commit' : 'commits'} on ${view.branch}`] : []),
  ];
  return parts.join('; ') || 'done';
}

/** How much of which, as far as the task itself can tell. */
function budget(state: TaskState, { key }: Notice): string {
  const [name = ''] = key.slice('budget:'.length).split(/[ :]/, 1);
  const share = budgetShare(state);
  return share?.budget === name ? budgetText(share) : `most of limits.${name} is used`;
}

/** After a restart of the machine: what was in the middle of something. */
function restarted(state: TaskState): string {
  const cut = state.steps.filter(
    ({ attempt, history }) =>
      (attempt && attempt.boot !== state.rebooted?.boot) || history.at(-1)?.outcome === 'lost',
  );
  const what = cut.map(({ id, attempts }) => `${id} (attempt ${attempts})`).join(', ');
  return what === ''
    ? 'the machine was restarted; nothing was lost'
    : `the machine was restarted during ${what}`;
}

/** The last attempt of any step that did not end well. */
function lastWrong(state: TaskState): AttemptRecord | null {
  const last = (step: Step) => step.history.at(-1);
  const wrong = state.steps.map(last).filter(record => record !== undefined && record.outcome !== 'ok');
  return wrong.reduce<AttemptRecord | null>(
    (latest, record) => (latest === null || record!.ended_at >= latest.ended_at ? record! : latest),
    null,
  );
}

function lastLinesOf(text: string): string[] {
  const lines = lastChars(text, LAST_CHARS).split('\n').slice(-LAST_LINES);
  return lines.map(line => oneLine(line, LINE_CHARS)).filter(line => line !== '');
}

function textOf(title: string, about: Omit<Message, 'id' | 'kind' | 'title' | 'text' | 't'>): string {
  const { input_tokens, output_tokens, cost_usd, duration_seconds, active_seconds } = about;
  const tokens = input_tokens + output_tokens > 0 ? `, ${input_tokens + output_tokens} tokens` : '';
  const cost = cost_usd === null ? '' : `, ${cost_usd.toFixed(2)} USD`;
  const active = active_seconds === duration_seconds ? '' : `, ${exactDuration(active_seconds)} active`;
  const spent = `${exactDuration(duration_seconds)}${active}${tokens}${cost}`;
  return [
    title,
    ...(about.reason ? [about.reason] : []),
    ...(about.result ? [`Result: ${about.result}`] : []),
    ...about.warnings.map(text => `Warning: ${text}`),
    ...(about.error && !about.reason?.includes(about.error) ? [`Last error: ${about.error}`] : []),
    ...about.last_lines.map(line => `  ${line}`),
    `Time: ${spent}`,
    ...(about.next ? [`Next: ${about.next}`] : []),
  ].join('\n');
}
