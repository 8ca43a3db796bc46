/** `rasen list`: all tasks, newest first. */
import type { TaskView } from '../../index.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { oneLine } from '../output.ts';
import { findProject } from '../project.ts';
import { elapsed, wholeNumber } from '../time.ts';

/** The end of an id: the beginning is the time, and alike for tasks of one day. */
const SHORT_ID_CHARS = 8;

interface Options {
  status?: string;
  here?: boolean;
  lines?: number;
}

export const list = defineCommand<Options>({
  name: 'list',
  summary: 'List tasks, newest first',
  details: [
    'The first column is the end of the id; every command takes it as a name for the task.',
    'A task whose files were damaged, or were written by a newer rasen, is listed with what is wrong and what to do. Its key stays taken.',
  ],
  options: [
    { flags: '--status <names>', about: 'only tasks in these statuses: running,waiting' },
    { flags: '--here', about: 'only tasks of this project or folder' },
    { flags: '-n, --lines <n>', about: 'at most n tasks (default: 100)', parse: wholeNumber('--lines', 1) },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen list --status running,waiting', about: 'what goes on' },
    { command: "rasen list --format json | jq -r '.[].id'", about: 'for scripts' },
  ],
  async run({ options }, context) {
    const views = await context.link.call('task.list', {
      ...(options.status === undefined ? {} : { status: options.status.split(',').map(s => s.trim()) }),
      ...(options.here ? { project: findProject(context.cwd)?.root ?? context.cwd } : {}),
      ...(options.lines === undefined ? {} : { limit: options.lines }),
    });
    if (context.out.json) context.out.value(views);
    else if (views.length === 0) context.out.note('there are no such tasks');
    else {
      context.out.answer(table(views, context));
      for (const view of views.filter(one => !isUsable(one)))
        context.out.note(`${view.id} is ${view.status.replaceAll('_', ' ')}: ${oneLine(view.reason ?? '')}`);
    }
  },
});

/** It is on disk, and its files say what it is. */
const isUsable = ({ status }: TaskView) => status !== 'damaged' && status !== 'newer_format';

function table(views: readonly TaskView[], { out }: Context): string {
  const rows = views.map(view => [
    view.id.slice(-SHORT_ID_CHARS),
    oneLine(
      view.status === 'waiting' && view.why ? `waiting (${view.why})` : view.status.replaceAll('_', ' '),
    ),
    isUsable(view) ? `${view.completed_subtasks}/${view.total_subtasks}` : '-',
    elapsed(Date.now() - Date.parse(view.created_at)),
    oneLine(view.name, 60),
  ]);
  const all = [['ID', 'STATUS', 'DONE', 'AGE', 'NAME'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map(row => row[column]!.length)));
  const lines = all.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return [out.bold(lines[0]!), ...lines.slice(1)].join('\n');
}
