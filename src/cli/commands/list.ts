/** `rasen list`: all tasks, newest first. */
import { isRasenError } from '../../contract/errors.ts';
import type { TriggerView } from '../../index.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { isUsable, listRows, tableLines } from '../list-text.ts';
import { oneLine } from '../output.ts';
import { findProject } from '../project.ts';
import { sourceOf, tellSource } from '../source.ts';
import { wholeNumber } from '../time.ts';
import { triggerTable } from '../trigger-text.ts';

interface Options {
  status?: string;
  here?: boolean;
  lines?: number;
}

export const list = defineCommand<Options>({
  name: 'list',
  summary: 'List tasks, newest first, and triggers',
  details: [
    'The first column is the end of the id; every command takes it as a name for the task. LAST is why the task waits or stopped, or the last line that it printed. On a terminal the lines are cut to its width.',
    'Where no supervisor runs, the disk is read; what would go on is not_running then.',
    'Triggers follow the tasks, as in `rasen trigger list`; with --status, and in JSON, there are tasks alone.',
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
    const { link, out } = context;
    const filter = {
      ...(options.status === undefined ? {} : { status: options.status.split(',').map(s => s.trim()) }),
      ...(options.here ? { project: findProject(context.cwd)?.root ?? context.cwd } : {}),
      ...(options.lines === undefined ? {} : { limit: options.lines }),
    };
    const views = await link.call('task.list', { ...filter, last_output: true }).catch(error => {
      // A supervisor of before the upgrade does not know the last output.
      if (isRasenError(error) && error.kind === 'incompatible') return link.call('task.list', filter);
      throw error;
    });
    if (out.json) {
      const source = sourceOf(context);
      return out.value(views.map(view => ({ ...view, source })));
    }
    const triggers = options.status === undefined ? await triggersHere(context, filter.project) : [];
    if (views.length === 0 && triggers.length === 0) {
      if (options.status !== undefined || options.here) out.note('there are no such tasks');
      else out.answer('No tasks yet.');
    } else {
      tellSource(context);
      if (views.length === 0) return out.answer(triggerTable(triggers, Date.now()).join('\n'));
      const rows = listRows(views, { now_ms: Date.now(), attended: !link.isFromDisk });
      const [head, ...rest] = tableLines(rows, out.stdout.isTTY ? out.stdout.columns : undefined);
      out.answer([out.bold(head!), ...rest].join('\n'));
      for (const view of views.filter(one => !isUsable(one)))
        out.note(`${view.id} is ${view.status.replaceAll('_', ' ')}: ${oneLine(view.reason ?? '')}`);
      if (triggers.length > 0) out.answer(`\n${triggerTable(triggers, Date.now()).join('\n')}`);
    }
  },
});

/** A supervisor of before the upgrade knows none. */
async function triggersHere({ link }: Context, project: string | undefined): Promise<TriggerView[]> {
  try {
    return await link.call('trigger.list', project === undefined ? {} : { project });
  } catch (error) {
    if (isRasenError(error)) return [];
    throw error;
  }
}
