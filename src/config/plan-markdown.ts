/**
 * A plan in Markdown: `### Task N: title`, below it text, `- [ ]` checkboxes (the acceptance criteria) and lines
 * `Files:`, `Tests:`. Tasks are done in their order. Anything that could be a task but is not written so is refused,
 * so that no work is overlooked.
 */
import { NO_SUBTASK_LIMITS } from '../task/resource-limits.ts';
import { type Draft, type DraftSubtask, NO_DEFAULTS } from './plan-draft.ts';
import { chain } from './plan-form.ts';
import type { Place, Problems } from './problems.ts';

// Lines come without trailing space, and no expression has two neighbours that match the same: a stranger's line of
// a megabyte must not cost more than its length.
const HEADING = /^(#{1,6})\s+(\S.*)$/;
const TASK = /^Task\s+(\d{1,4})\s*(?:[:.–—-]\s*(.*))?$/i;
const CHECKBOX = /^\s*[-*+]\s+\[([ xX])\]\s+(\S.*)$/;
const PATHS = /^(?:[-*+]\s+)?(?:\*\*|__)?(Files|Tests):(?:\*\*|__)?\s*(\S.*)$/i;
const FENCE = /^\s*(```|~~~)/;

interface Open {
  draft: DraftSubtask;
  text: string[];
  boxes: number;
  checked: number;
}

export function isMarkdown(path: string): boolean {
  return /\.(?:md|markdown)$/i.test(path);
}

export function readMarkdownPlan(input: string, problems: Problems): Draft {
  const tasks: Open[] = [];
  let name: string | null = null;
  let open: Open | null = null;
  let fence: string | null = null;
  input.split('\n').forEach((full, index) => {
    const line = full.trimEnd();
    const at: Place = { line: index + 1, column: 1 };
    const mark = FENCE.exec(line)?.[1];
    if (mark && (fence === null || fence === mark)) fence = fence === null ? mark : null;
    const heading = fence === null && !mark ? HEADING.exec(line) : null;
    if (heading) {
      const marks = heading[1]!;
      const title = withoutClosing(heading[2]!);
      const task = TASK.exec(title);
      if (task && marks !== '###')
        problems.add(at, '', `"${title}" is not a task; write ### Task ${task[1]}`, `### ${title}`);
      else if (marks === '###' && /^Task\b/i.test(title) && !task)
        problems.add(at, '', `"${title}" has no number; write ### Task N: title`);
      if (marks === '#') name ??= title;
      if (task && marks === '###') {
        open = start(task, at);
        tasks.push(open);
        // A deeper heading is a part of the task, any other ends it.
      } else if (marks.length <= 3) open = null;
      else open?.text.push(line);
      return;
    }
    const box = fence === null && !mark ? CHECKBOX.exec(line) : null;
    if (box && open === null)
      problems.add(at, '', 'a checkbox outside of a task; put it under ### Task N: title');
    if (open === null) return;
    const paths = fence === null ? PATHS.exec(line) : null;
    if (box) {
      open.boxes++;
      if (box[1] !== ' ') open.checked++;
      open.draft.subtask.acceptance.push(box[2]!);
    } else if (paths) {
      const key = paths[1]!.toLowerCase() as 'files' | 'tests';
      const names = paths[2]!.split(',').map(path => path.trim().replaceAll('`', ''));
      open.draft.subtask[key].push(...names.filter(path => path !== ''));
    } else open.text.push(line);
  });
  for (const { draft, text, boxes } of tasks) {
    draft.subtask.description = text.join('\n').trim();
    if (boxes === 0 && draft.subtask.description === '' && draft.subtask.title === '')
      problems.add(draft.at, draft.subtask.id, 'says nothing to do');
  }
  if (tasks.length === 0)
    problems.add({ line: 1, column: 1 }, '', 'has no tasks; each is a heading ### Task N: title');
  const subtasks = tasks.map(task => task.draft);
  chain(subtasks);
  return {
    subtasks,
    goal: null,
    defaults: { ...NO_DEFAULTS, name: (name as string | null)?.slice(0, 200) ?? null },
    claimed_completed: tasks
      .filter(task => task.boxes > 0 && task.checked === task.boxes)
      .map(task => task.draft.subtask.id),
  };
}

/** A heading may end in hashes, which are not part of it. */
function withoutClosing(title: string): string {
  let end = title.length;
  while (end > 0 && title[end - 1] === '#') end--;
  return end < title.length && title[end - 1] === ' ' ? title.slice(0, end).trimEnd() : title;
}

function start(task: RegExpExecArray, at: Place): Open {
  const id = `task-${Number(task[1])}`;
  const subtask: DraftSubtask['subtask'] = {
    id,
    title: task[2] ?? '',
    description: '',
    do: { agent: 'coder' },
    needs: [],
    files: [],
    acceptance: [],
    tests: [],
    gates: [],
    attempts: null,
    timeout_seconds: null,
    idle_timeout_seconds: null,
    on_fail: 'stop',
    on_lost: 'rerun',
    allow_empty: false,
    cwd: null,
    env: {},
    model: null,
    limits: NO_SUBTASK_LIMITS,
    claimed_completed: false,
  };
  return { draft: { subtask, at, id_at: at, needs_at: [], path: id }, text: [], boxes: 0, checked: 0 };
}
