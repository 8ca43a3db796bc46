/** The lines of the progress display. Pure: a view and a time in, lines out; live-lines.ts draws them. */
import type { SubtaskView, TaskView } from '../contract/view.ts';
import { oneLine } from './output.ts';
import { serviceText, wordOf } from './service-text.ts';
import { elapsed, localTime } from './time.ts';

/** Of what an agent says, more than any terminal is wide. */
const SAID_CHARS = 300;

/**
 * At most `rows_max` lines: the heading, then those subtasks that tell most. `said`: the last line of what each prints, by
 * subtask, shown below those that are worked on.
 */
export function progressLines(
  view: TaskView,
  now_ms: number,
  rows_max: number,
  said: ReadonlyMap<string, string> = new Map(),
): string[] {
  const since = Date.parse(view.started_at ?? view.created_at);
  const until = view.ended_at ? Date.parse(view.ended_at) : now_ms;
  const wait = view.resume_at ? `, goes on at ${localTime(view.resume_at)}` : '';
  const reason = view.reason && view.status !== 'running' ? `: ${oneLine(view.reason, 160)}` : '';
  const counts = `${view.completed_subtasks}/${view.total_subtasks} subtasks`;
  const heading = `${oneLine(view.name, 60)}  ${view.status}${reason}${wait}  ${counts}  ${elapsed(until - since)}`;
  const speaking = view.subtasks.filter(s => s.status === 'in_progress' && said.has(s.id));
  const heard = speaking.slice(0, Math.max(0, Math.floor((rows_max - 2) / 2)));
  const shown = mostTelling(view.subtasks, Math.max(1, rows_max - 2 - heard.length));
  const hidden = view.subtasks.length - shown.length;
  const width = Math.max(0, ...shown.map(s => s.id.length));
  const lines = shown.flatMap(s => [
    `  ${wordOf(s).padEnd(11)}  ${s.id.padEnd(width)}  ${detail(s, now_ms)}`.trimEnd(),
    ...(heard.includes(s) ? [`    ${oneLine(said.get(s.id)!, SAID_CHARS)}`] : []),
  ]);
  return [heading, ...lines, ...(hidden > 0 ? [`  … and ${hidden} more`] : [])];
}

/** What runs and what failed first, then what comes next, then what is done; shown in the order of the plan. */
function mostTelling(subtasks: readonly SubtaskView[], count: number): SubtaskView[] {
  if (subtasks.length <= count) return [...subtasks];
  const rank = { in_progress: 0, failed: 1, pending: 2, completed: 3, skipped: 4 };
  const chosen = new Set(subtasks.toSorted((a, b) => rank[a.status] - rank[b.status]).slice(0, count));
  return subtasks.filter(s => chosen.has(s));
}

/** What changes comes first: a narrow terminal cuts the end. */
function detail(subtask: SubtaskView, now_ms: number): string {
  const { attempt, history } = subtask;
  const parts: string[] = [];
  if (attempt) {
    const gate = attempt.gates.find(g => g.status === 'running');
    parts.push(gate ? `gate ${oneLine(gate.name, 60)}` : attempt.phase);
    const service = serviceText(subtask);
    if (service !== '') parts.push(service);
    else if (attempt.n > 1) parts.push(`attempt ${attempt.n}`);
    if (attempt.started_at) parts.push(elapsed(now_ms - Date.parse(attempt.started_at)));
  } else if (subtask.status !== 'pending') {
    const ms = history.reduce((sum, a) => sum + Date.parse(a.ended_at) - Date.parse(a.started_at), 0);
    if (history.length > 0) parts.push(elapsed(ms));
    if (subtask.reason) parts.push(oneLine(subtask.reason, 120));
  } else if (subtask.retry_at) parts.push(`again at ${localTime(subtask.retry_at)}`);
  return [...parts, oneLine(subtask.title, 80)].filter(part => part !== '').join('  ');
}

/** What changed between two views, as lines for a log; the first view tells where things stand. */
export function changeLines(before: TaskView | undefined, view: TaskView): string[] {
  const lines: string[] = [];
  const old = new Map(before?.subtasks.map(s => [s.id, s]));
  for (const s of view.subtasks) {
    const was = old.get(s.id);
    const changed = was ? wordOf(was) !== wordOf(s) || was.attempts !== s.attempts : s.status !== 'pending';
    const attempt =
      s.status === 'in_progress' && s.attempts > 1 && !s.service?.ready ? ` (attempt ${s.attempts})` : '';
    const why = s.reason && s.status !== 'completed' ? `: ${oneLine(s.reason)}` : '';
    const at = s.service?.ready && s.service.url ? ` at ${oneLine(s.service.url)}` : '';
    if (changed) lines.push(`${s.id}: ${wordOf(s)}${attempt}${at}${why}`);
  }
  if (before?.status !== view.status || before?.reason !== view.reason) {
    const why = view.reason ? `: ${oneLine(view.reason)}` : '';
    const until = view.resume_at ? ` (until ${localTime(view.resume_at)})` : '';
    lines.push(`task ${view.status}${why}${until}`);
  }
  return lines;
}
