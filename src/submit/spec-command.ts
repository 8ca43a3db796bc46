/**
 * The spec of plain commands (`rasen run -- CMD`) and of pipelines (`rasen run -f FILE`): work in the folder itself,
 * no agent, no views in the project, and no limit that the user did not ask for. Of the configuration only the notices
 * count for them. Nothing here needs a schema: what has a default is left out, and a short command starts sooner.
 */
import { basename } from 'node:path';
import type { PlanDefaults } from '../config/index.ts';
import type { Notices } from '../config/notices-of.ts';
import { RasenError } from '../contract/errors.ts';
import type { Plan, Subtask } from '../contract/plan.ts';
import type { Limits, SpecDraft, TaskSpec } from '../contract/spec.ts';
import { shellLine } from '../engine/shell-word.ts';
import { shownText } from '../util/exact-text.ts';

/** A command may be as long as the kernel takes; the text that stands for it is for people. */
export const GOAL_CHARS = 8192;

export interface CommandTask {
  id: string;
  argv: string[];
  /** Absolute. */
  cwd: string;
  name?: string | null | undefined;
  key?: string | null | undefined;
  limits?: Partial<Limits> | undefined;
  notices?: Notices | undefined;
  /** What is run in place of `argv`, which is what people see: the command inside another one. */
  run?: string[] | undefined;
  stdin?: TaskSpec['stdin'] | undefined;
  /** After a power cut: run it again (default), or count it as failed. */
  on_lost?: Subtask['on_lost'] | undefined;
}

export interface PipelineTask {
  id: string;
  /** As readPlanFile gives them. */
  plan: Plan;
  defaults: PlanDefaults;
  /** Absolute. */
  cwd: string;
  /** Shown when neither `name` nor the file has one: the file's own name. */
  file?: string | null | undefined;
  name?: string | null | undefined;
  key?: string | null | undefined;
  limits?: Partial<Limits> | undefined;
  notices?: Notices | undefined;
}

export function commandSpec(task: CommandTask): SpecDraft {
  if (task.argv.length === 0 || task.argv[0]!.trim() === '')
    throw new RasenError('usage', 'There is no command.', {
      hint: 'Write it after two dashes: rasen run -- npm test',
    });
  const goal = shortened(shellLine(task.argv), GOAL_CHARS);
  const plan = {
    version: 1 as const,
    task: task.id,
    goal,
    source: 'command' as const,
    rev: 1,
    subtasks: [
      {
        id: 'run',
        title: shortened(goal, 200),
        do: { run: task.run ?? task.argv },
        on_lost: task.on_lost ?? ('rerun' as const),
      },
    ],
  };
  const name =
    task.name ?? shortened(shownText([basename(task.argv[0]!), ...task.argv.slice(1)].join(' ')), 60);
  return folderSpec({ ...task, name, goal, plan });
}

/** Throws a RasenError of kind usage when a subtask is work for an agent: that needs a project. */
export function pipelineSpec(task: PipelineTask): SpecDraft {
  const agent = task.plan.subtasks.find(subtask => 'agent' in subtask.do);
  if (agent)
    throw new RasenError(
      'usage',
      `Subtask "${agent.id}" is work for an agent; a pipeline has commands only.`,
      {
        hint: 'Make it a task of a project: rasen init --plan FILE',
      },
    );
  if (task.defaults.gates.length > 0)
    throw new RasenError('usage', 'A pipeline has no gates of its own.', {
      hint: 'Make the check a subtask that needs the others, or a gate of one subtask.',
    });
  const plan = { ...task.plan, task: task.id };
  const name = task.name ?? task.defaults.name ?? (task.file ? basename(task.file) : 'pipeline');
  const goal = task.plan.goal || name;
  const limits = {
    ...(task.defaults.parallel === null ? {} : { parallel: task.defaults.parallel }),
    ...task.limits,
  };
  return folderSpec({ ...task, name, goal, plan, limits, secrets: task.defaults.secrets });
}

export function folderSpec(
  task: Pick<CommandTask, 'id' | 'cwd' | 'key' | 'limits' | 'notices' | 'stdin'> & {
    name: string;
    goal: string;
    plan: SpecDraft['plan'];
    secrets?: TaskSpec['secrets'];
  },
): SpecDraft {
  const off = { enabled: false, per_subtask: false, max_loops: 1, recurring_issue_threshold: 1 };
  return {
    version: 1,
    id: task.id,
    name: shortened(task.name, 200),
    goal: task.goal,
    key: task.key ?? null,
    project: task.cwd,
    workspace: { kind: 'folder' },
    plan: task.plan,
    gates: [],
    baseline: 'allow',
    limits: {
      max_iterations: 100_000,
      max_runtime_seconds: null,
      session_delay_seconds: 0,
      session_timeout_seconds: null,
      idle_timeout_seconds: null,
      attempts: 1,
      // Commands of a pipeline fail one by one; on_fail decides, not a streak.
      max_consecutive_failures: 1000,
      ...task.limits,
    },
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    secrets: { ...task.notices?.secrets, ...task.secrets },
    stdin: task.stdin ?? null,
    review: off,
    qa: off,
    memory: { enabled: false },
    notify: task.notices?.notify ?? null,
    views: null,
  };
}

export const shortened = (text: string, max: number) =>
  (text.length > max ? `${text.slice(0, max - 1)}…` : text) || 'task';
