/** Waits until tasks do not go on by themselves, over restarts of the supervisor, and tells each change on the way. */
import type { TaskView } from '../index.ts';
import type { Link, PersistOptions } from './link.ts';

export interface WaitOptions extends Pick<PersistOptions, 'starts'> {
  tasks: string[];
  /** false: a wait for a usage limit ends it. */
  through_limits: boolean;
  changed?: (view: TaskView) => void;
  signal?: AbortSignal;
}

export async function waitTasks(link: Link, options: WaitOptions): Promise<TaskView[]> {
  const { tasks, through_limits, changed, signal, starts = false } = options;
  return await link.persist(
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
    { starts, patience_ms: link.limits.stream_patience_ms },
  );
}
