/** The spec of `rasen each`: one task, a command for each item, side by side up to a limit. */
import type { Plan } from '../contract/plan.ts';
import type { SpecDraft } from '../contract/spec.ts';
import { type CommandTask, folderSpec, GOAL_CHARS, shortened } from './spec-command.ts';

export interface EachTask extends Pick<CommandTask, 'id' | 'cwd' | 'name' | 'key' | 'limits' | 'notices'> {
  /** What is done with each item, as it was written. */
  command: string;
  /** In order; the ids of the subtasks are their numbers, from 1. */
  items: readonly { title: string; run: string[] }[];
  /** Commands that run at once. */
  jobs: number;
  /** Most attempts of one item. */
  attempts: number;
  /** stop: nothing new begins after one that failed. */
  on_fail: Plan['subtasks'][number]['on_fail'];
}

/** Titles of all items together: views have each of them twice, and have to fit an answer. */
const TITLES_CHARS = 600_000;
const TITLE_CHARS_MAX = 200;

export function eachSpec(task: EachTask): SpecDraft {
  const { id, command, items, jobs, attempts, on_fail } = task;
  const goal = shortened(command, GOAL_CHARS);
  const chars = Math.min(TITLE_CHARS_MAX, Math.floor(TITLES_CHARS / items.length));
  const plan = {
    version: 1 as const,
    task: id,
    goal,
    source: 'command' as const,
    rev: 1,
    subtasks: items.map(({ title, run }, i) => ({
      id: String(i + 1),
      title: title.length > chars ? `${title.slice(0, chars - 1)}…` : title,
      do: { run },
      attempts,
      on_fail,
    })),
  };
  const limits = { ...task.limits, parallel: jobs };
  return folderSpec({ ...task, name: task.name ?? shortened(command, 60), goal, plan, limits });
}
