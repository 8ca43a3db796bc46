/** `--after`, `--group` and `--priority` of `rasen run`: which tasks go first. */
import { GROUP_NAME, PRIORITY_MAX } from '../contract/turn.ts';
import type { TaskSpec } from '../index.ts';
import { many, type OptionSpec } from './command.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';
import { tellNamesakes } from './task-calls.ts';

export interface TurnOptions {
  after?: string[];
  group?: string;
  priority?: number;
}

export type Turn = Partial<Pick<TaskSpec, 'after' | 'group' | 'priority'>>;

export const TURN_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--after <task>',
    about: 'begin when this task is completed; may be repeated',
    parse: many,
  },
  {
    flags: '--group <name>',
    about: 'run one task of this group at a time, or as many as `groups` in rasend.yml says',
    parse: text => {
      if (!GROUP_NAME.test(text))
        throw usage(`--group: "${text}" is not a name of letters, digits, ".", "_", "-".`);
      return text;
    },
  },
  {
    flags: '--priority <n>',
    about: 'go before tasks with a lower one where not all may run; -1000 to 1000 (default: 0)',
    parse: text => {
      const n = Number(text);
      if (!/^-?\d+$/.test(text) || Math.abs(n) > PRIORITY_MAX)
        throw usage(`--priority: "${text}" is not a whole number from -1000 to 1000.`);
      return n;
    },
  },
];

/** With the ids of the tasks that are named. Throws `task_unknown` for what is none. */
export async function turnOf(context: Context, { after, group, priority }: TurnOptions): Promise<Turn> {
  const ids = new Set<string>();
  for (const given of after ?? []) {
    const task = await context.link.persist(client => client.call('task.get', { task: given }), {
      starts: true,
    });
    tellNamesakes(context, given, task);
    ids.add(task.id);
  }
  return {
    ...(after && { after: [...ids] }),
    ...(group !== undefined && { group }),
    ...(priority !== undefined && { priority }),
  };
}
