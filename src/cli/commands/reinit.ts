/** `rasen reinit`: a new task in place of that of this project. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isRasenError, RasenError } from '../../contract/errors.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { goalOf, makeTask, unfinishedTask } from '../make-task.ts';
import { oneLine } from '../output.ts';
import { inProject, needProject, type Project, readBelow } from '../project.ts';
import { changeTask, STOP_TIMEOUT_MS } from '../task-calls.ts';

interface Options {
  keepProgress?: boolean;
  task?: string;
  plan?: string;
  force?: boolean;
}

/** Views of the old task that tell its history. */
const HISTORY = [
  'implementation_plan.json',
  'attempt_history.json',
  'good_commits.json',
  'memories.md',
  'rasen.log',
];

export const reinit = defineCommand<Options>({
  name: 'reinit',
  summary: 'Make a new task in place of the finished task of this project',
  details: [
    'Text, plan, configuration and prompts stay unless others are given. The views of the old task are moved to .rasen/backup-<time>/; the old task itself stays with the supervisor.',
    'With --keep-progress the new task starts from the last good commit of the old one, and the views with its history stay.',
  ],
  options: [
    { flags: '-t, --task <text>', about: 'another task text, or a file with it; then without the old plan' },
    { flags: '--plan <file>', about: 'another plan' },
    { flags: '--keep-progress', about: 'start from the last good commit of the old task' },
    { flags: '-f, --force', about: 'cancel the old task if it is unfinished' },
    ...FORMAT,
  ],
  examples: [{ command: 'rasen reinit --force', about: 'the same task again, from the start' }],
  async run({ options }, context) {
    const { out } = context;
    const old = needProject(context.cwd);
    const { root } = old;
    const goal =
      options.task === undefined ? readBelow(root, '.rasen/task.txt') : goalOf(context, options.task);
    const kept = inProject(root, 'plan.json');
    const plan = options.plan ?? (options.task === undefined && existsSync(kept) ? kept : undefined);
    await endOld(context, old, options.force === true);
    const base = options.keepProgress ? await lastGood(context, old) : null;
    const backup = options.keepProgress ? null : moveHistory(old);
    const project = await makeTask(context, { root, goal, plan, base, status: 'reinitialized' });
    out.reply({ id: project.task.id, status: 'reinitialized', project: root, base, backup }, () =>
      [
        `Reinitialized as task ${project.task.id}: ${oneLine(goal, 100)}`,
        ...(base ? [`It starts from ${base.slice(0, 12)}.`] : []),
        'Start it with: rasen run --background',
      ].join('\n'),
    );
  },
});

async function endOld(context: Context, { task, root }: Project, force: boolean): Promise<void> {
  const unfinished = await unfinishedTask(context, { task, root });
  if (!unfinished) return;
  if (!force)
    throw new RasenError('task_state', `Task ${task.id} of this project is ${unfinished.status}.`, {
      hint: '`rasen reinit --force` cancels it first; its commits and logs are kept.',
      data: { id: task.id, status: unfinished.status },
    });
  await changeTask(context, 'task.cancel', task.id, { force: false }, { timeout_ms: STOP_TIMEOUT_MS });
}

async function lastGood(context: Context, { task }: Project): Promise<string | null> {
  if (task.submitted_at === null) return task.base;
  try {
    return (await context.link.call('task.get', { task: task.id })).commit ?? task.base;
  } catch (error) {
    if (isRasenError(error) && error.kind === 'task_unknown') return task.base;
    throw error;
  }
}

/** Gives the folder, relative to the project; null when there was nothing to move. */
function moveHistory({ root }: Project): string | null {
  const files = HISTORY.map(name => inProject(root, name)).filter(file => existsSync(file));
  if (files.length === 0) return null;
  const name = join('.rasen', `backup-${new Date().toISOString().replaceAll(/[:.]/g, '')}`);
  mkdirSync(join(root, name), { recursive: true });
  for (const file of files) renameSync(file, join(root, name, basename(file)));
  return name;
}
