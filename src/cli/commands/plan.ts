/** `rasen plan show|edit|import`: the subtasks of a task. */

import { resolve } from 'node:path';
import { isRasenError, messageOf, RasenError } from '../../contract/errors.ts';
import { commandOf } from '../../contract/work.ts';
import { shellWord } from '../../engine/shell-word.ts';
import { writtenSubtask } from '../../engine/written-plan.ts';
import type { Plan } from '../../index.ts';
import { defineCommand, FORMAT, TASK, TASK_OPTION } from '../command.ts';
import type { Context } from '../context.ts';
import { type Edited, editFile, newEdit } from '../editor.ts';
import { usage } from '../errors.ts';
import { oneLine } from '../output.ts';
import { type PlanSource, planSource } from '../plan-source.ts';
import { yamlText } from '../yaml-text.ts';

export const planShow = defineCommand({
  name: 'plan show',
  summary: 'Show the plan of a task',
  arguments: [TASK],
  options: [
    { flags: '--format <format>', about: 'of the answer; default: text', choices: ['yaml', 'json', 'text'] },
    { flags: '--json', about: 'short for --format json' },
  ],
  examples: [{ command: 'rasen plan show --format yaml > plan.yml', about: 'as a plan file' }],
  async run({ args: [given], options }, context) {
    const { plan } = await planSource(context, given);
    const { out } = context;
    if (out.json) return out.value(plan);
    if (!plan) return out.note('there is no plan yet; the first attempt of the run makes it');
    if (options.format === 'yaml') out.print(yamlText(editable(plan)));
    else out.answer(planText(plan));
  },
});

export const planEdit = defineCommand<{ task?: string }>({
  name: 'plan edit',
  summary: 'Edit the plan of a task in $EDITOR',
  details: [
    'Subtasks that did not change keep what was done. Nothing of the task may be running: stop it before, resume it after. When the edited plan is wrong, the problems are shown and the editor opens again. An edit that does not come into force is kept in a file, which is named.',
    'The editor is $VISUAL, else $EDITOR, else vi. One that returns at once needs the option that makes it wait: EDITOR="code --wait".',
  ],
  options: [TASK_OPTION, ...FORMAT],
  examples: [
    { command: 'rasen stop && rasen plan edit && rasen resume', about: 'change what is still to do' },
  ],
  async run({ options }, context) {
    const source = await planSource(context, options.task);
    if (!source.plan)
      throw new RasenError('task_state', 'There is no plan to edit yet.', {
        hint: `rasen plan import --task ${source.task} FILE`,
      });
    if (source.closed) throw source.closed;
    const before = yamlText(editable(source.plan));
    const edited = newEdit(source.project, before);
    try {
      await editUntilRight(context, source, edited);
    } catch (error) {
      if (edited.read() !== before) throw kept(error, source.task, edited.file);
      edited.remove();
      throw error;
    }
    edited.remove();
  },
});

export const planImport = defineCommand<{ task?: string }>({
  name: 'plan import',
  summary: 'Put the plan of a file in force',
  arguments: [{ name: 'file', about: 'a plan in YAML, JSON or Markdown, or of another program' }],
  options: [TASK_OPTION, ...FORMAT],
  examples: [{ command: 'rasen plan import plan.yml', about: 'for the task of this project' }],
  async run({ args: [file], options }, context) {
    const bundle = await context.loadConfigBundle();
    const source = await planSource(context, options.task);
    await replace(context, source, file!, bundle.readPlanText(resolve(context.cwd, file!)));
  },
});

async function editUntilRight(context: Context, source: PlanSource, { file, read }: Edited): Promise<void> {
  const before = read();
  for (;;) {
    await editFile(context, file);
    const text = read();
    if (text === before) return context.out.note('the plan was not changed');
    try {
      return await replace(context, source, file, text);
    } catch (error) {
      if (!isRasenError(error) || error.kind !== 'config' || !process.stdin.isTTY) throw error;
      context.out.note(error.message);
      if (!(await again())) throw usage('The plan was left as it was.');
    }
  }
}

/** Nothing that somebody wrote goes because it was refused, or nobody was there to take it. */
function kept(error: unknown, task: string, file: string): RasenError {
  const known = isRasenError(error) ? error : new RasenError('storage', messageOf(error), { cause: error });
  const { kind, message, hint, data } = known;
  const then = `Your edit is kept in ${file}\n  To put it in force: rasen plan import --task ${task} ${shellWord(file)}`;
  return new RasenError(kind, message, {
    hint: hint ? `${hint}\n  ${then}` : then,
    ...(data ? { data } : {}),
    cause: error,
  });
}

async function again(): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return !/^n/i.test(await lines.question('edit again? [Y/n] '));
  } finally {
    lines.close();
  }
}

async function replace({ out }: Context, source: PlanSource, file: string, text: string): Promise<void> {
  const view = await source.replace(file, text);
  if (out.json) out.value(view ?? { id: source.task, status: 'initialized' });
  else if (view) out.answer(`Plan of ${oneLine(view.name)} is now revision ${view.plan_rev}.`);
  else out.answer('Plan saved; `rasen run` takes it.');
}

/** Without what rasen sets itself and what is as it would be anyway. */
function editable({
  version: _v,
  task: _t,
  source: _s,
  rev: _r,
  subtasks,
  ...rest
}: Plan): Record<string, unknown> {
  return { ...rest, subtasks: subtasks.map(subtask => pruned(writtenSubtask(subtask))) };
}

const DEFAULTS: Readonly<Record<string, unknown>> = {
  on_fail: 'stop',
  on_lost: 'rerun',
  allow_empty: false,
  claimed_completed: false,
};

function pruned(value: object): Record<string, unknown> {
  const entries = Object.entries(value).filter(([name, inner]) => {
    if (inner === null || inner === '' || inner === DEFAULTS[name]) return false;
    return typeof inner !== 'object' || Object.keys(inner).length > 0;
  });
  return Object.fromEntries(entries);
}

function planText(plan: Plan): string {
  const lines = plan.subtasks.map(s => {
    const what = commandOf(s.do)?.join(' ') ?? 'coder';
    const after = s.needs.map(id => (s.need_states?.[id] ? `${id} (${s.need_states[id]})` : id));
    const needs = after.length > 0 ? `  (after ${after.join(', ')})` : '';
    const kind = 'keep' in s.do ? '  (a service)' : s.finally ? '  (at the end)' : '';
    const claimed = s.claimed_completed ? '  (said to be completed; the gates are asked first)' : '';
    return `${s.id}  ${oneLine(s.title || s.description || what, 100)}${needs}${kind}${claimed}`;
  });
  return [oneLine(plan.goal), ...lines].filter(line => line !== '').join('\n');
}
