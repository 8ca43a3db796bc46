/** `rasen plan show|edit|import`: the subtasks of a task. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isRasenError, RasenError } from '../../errors.ts';
import type { Plan } from '../../index.ts';
import { defineCommand, FORMAT, TASK, TASK_OPTION } from '../command.ts';
import type { Context } from '../context.ts';
import { editFile } from '../editor.ts';
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
    'Subtasks that did not change keep what was done. Nothing of the task may be running: stop it before, resume it after. When the edited plan is wrong, the problems are shown and the editor opens again.',
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
    const folder = mkdtempSync(join(tmpdir(), 'rasen-plan-'));
    const file = join(folder, 'plan.yml');
    try {
      writeFileSync(file, yamlText(editable(source.plan)));
      await editUntilRight(context, source, file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

export const planImport = defineCommand<{ task?: string }>({
  name: 'plan import',
  summary: 'Put the plan of a file in force',
  arguments: [{ name: 'file', about: 'a plan in YAML, JSON or Markdown' }],
  options: [TASK_OPTION, ...FORMAT],
  examples: [{ command: 'rasen plan import plan.yml', about: 'for the task of this project' }],
  async run({ args: [file], options }, context) {
    const bundle = await context.loadConfigBundle();
    const source = await planSource(context, options.task);
    await replace(context, source, file!, bundle.readPlanText(resolve(context.cwd, file!)));
  },
});

async function editUntilRight(context: Context, source: PlanSource, file: string): Promise<void> {
  const before = readFileSync(file, 'utf8');
  for (;;) {
    await editFile(context, file);
    const text = readFileSync(file, 'utf8');
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
  return { ...rest, subtasks: subtasks.map(subtask => pruned(subtask)) };
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
    const what = 'run' in s.do ? s.do.run.join(' ') : s.do.agent;
    const needs = s.needs.length > 0 ? `  (after ${s.needs.join(', ')})` : '';
    const claimed = s.claimed_completed ? '  (said to be completed; the gates are asked first)' : '';
    return `${s.id}  ${oneLine(s.title || s.description || what, 100)}${needs}${claimed}`;
  });
  return [oneLine(plan.goal), ...lines].filter(line => line !== '').join('\n');
}
