/** The table of `rasen list`, cut to the width that there is. Pure. */

import { reasonText } from '../contract/status.ts';
import type { TaskView } from '../index.ts';
import { seedWord } from '../views/status-json.ts';
import { oneLine } from './output.ts';
import { elapsed } from './time.ts';

/** The end of an id: the beginning is the time, and alike for tasks of one day. */
const SHORT_ID_CHARS = 8;
/** Where there is room: of a name, a goal and the last line. */
const NAME_CHARS = 40;
const GOAL_CHARS = 60;
const LAST_CHARS = 100;
/** On a terminal, a name that leaves room for others; less of a goal or last line tells nothing. */
const NARROW_NAME_CHARS = 20;
const TEXT_CHARS_MIN = 10;
const GAP = '  ';
/** Of the columns: the last three are texts. */
const TEXTS = 3;

const HEAD = ['ID', 'STATUS', 'DONE', 'AGE', 'NAME', 'GOAL', 'LAST'];

/** It is on disk, and its files say what it is. */
export const isUsable = ({ status }: TaskView) => status !== 'damaged' && status !== 'newer_format';

/** `attended`: a supervisor runs. */
export function listRows(
  views: readonly (TaskView & { last_output?: string | null | undefined })[],
  { now_ms, attended }: { now_ms: number; attended: boolean },
): string[][] {
  return views.map(view => [
    view.id.slice(-SHORT_ID_CHARS),
    statusText(view, attended),
    isUsable(view) ? `${view.completed_subtasks}/${view.total_subtasks}` : '-',
    elapsed(now_ms - Date.parse(view.created_at)),
    oneLine(view.name, NAME_CHARS),
    // A plain command is called by its goal mostly.
    view.goal === view.name ? '' : oneLine(view.goal, GOAL_CHARS),
    oneLine(last(view), LAST_CHARS),
  ]);
}

function statusText(view: TaskView, attended: boolean): string {
  if (seedWord(view.status, attended) === 'not_running') return 'not_running';
  const status = view.status.replaceAll('_', ' ');
  return oneLine(view.status === 'waiting' && view.why ? `waiting (${reasonText(view.why)})` : status);
}

/** Why it does not go on, what came of it, or what it printed last. */
function last(view: TaskView & { last_output?: string | null | undefined }): string {
  if (!isUsable(view)) return '';
  return view.reason ?? (view.ended_at ? view.result : null) ?? view.last_output ?? '';
}

/** The heading and a line for each row. `columns`: no line is longer; absent: there is room. */
export function tableLines(rows: readonly (readonly string[])[], columns?: number): string[] {
  const all = [HEAD, ...rows];
  const natural = HEAD.map((_, column) => Math.max(...all.map(row => row[column]!.length)));
  const widths = columns === undefined ? natural : fitted(natural, columns);
  return all.map(row =>
    row
      .map((cell, i) => (widths[i]! > 0 ? cut(cell, widths[i]!).padEnd(widths[i]!) : null))
      .filter(cell => cell !== null)
      .join(GAP)
      .trimEnd(),
  );
}

/** The texts share what the short columns leave; what would be too short to tell anything is left out. */
function fitted(natural: readonly number[], columns: number): number[] {
  if (natural.reduce((sum, width) => sum + width + GAP.length, -GAP.length) <= columns) return [...natural];
  const short = natural.slice(0, -TEXTS);
  const [name = 0, goal = 0, last = 0] = natural.slice(-TEXTS);
  let left = columns - short.reduce((sum, width) => sum + width + GAP.length, 0);
  const take = (wanted: number, most: number): number => {
    const width = Math.min(wanted, most, left);
    if (width < Math.min(wanted, TEXT_CHARS_MIN)) return 0;
    left -= width + GAP.length;
    return width;
  };
  const named = Math.max(1, Math.min(name, goal + last === 0 ? name : NARROW_NAME_CHARS, left));
  left -= named + GAP.length;
  // What one does not need is the other's.
  const half = Math.floor((left - GAP.length) / 2);
  const goals = take(goal, Math.max(half, left - GAP.length - last));
  return [...short, named, goals, take(last, left)];
}

const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
