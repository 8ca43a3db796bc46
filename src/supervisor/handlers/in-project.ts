/** Work on a task with its project locked: it may not have been when this supervisor started. */
import type { Entry } from '../registry.ts';
import type { Serving } from './define.ts';

export function inProject(
  { registry, projects }: Pick<Serving, 'registry' | 'projects'>,
  ref: string,
  work: () => Promise<Entry>,
): Promise<Entry> {
  const { state } = registry.resolve(ref);
  return state ? projects.during(state.spec, work) : work();
}
