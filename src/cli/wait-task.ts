/**
 * Waits until tasks do not go on by themselves, over restarts of the supervisor, and tells each change on the way. A
 * supervisor that is gone is started again, unless the disk says that there is nothing to wait for.
 */
import type { TaskView } from '../index.ts';
import type { Link } from './link.ts';

export interface WaitOptions {
  tasks: string[];
  /** false: a wait for a usage limit ends it. */
  through_limits: boolean;
  changed?: (view: TaskView) => void;
  signal?: AbortSignal;
}

export async function waitTasks(link: Link, options: WaitOptions): Promise<TaskView[]> {
  const { tasks, through_limits, changed, signal } = options;
  return await link.persist<TaskView[]>(
    (client, alive) =>
      client.stream(
        'task.wait',
        { tasks, through_limits },
        (_method, { task }: { task: TaskView }) => {
          alive();
          changed?.(task);
        },
        signal ? { signal } : {},
      ),
    {
      settled: async disk =>
        disk.goesOn(tasks)
          ? undefined
          : await Promise.all(tasks.map(task => disk.call('task.get', { task }))),
      patience_ms: link.limits.stream_patience_ms,
    },
  );
}
