/** Answers `task.run`. */
import { unheldLimits } from '../../engine/resource-limits.ts';
import { uncounted } from '../check-budgets.ts';
import { emptySubmodules } from '../check-submodules.ts';
import type { Handler } from './define.ts';

export const taskRun: Handler<'task.run'> = async ({ spec, env }, supervisor, { origin }) => {
  const { assertStays, projects, commands, cage, registry, far } = supervisor;
  assertStays();
  const { entry, created } = await projects.during(spec, () => commands.run(spec, env, origin));
  const { kind, why, enforces } = cage.choice;
  const notes = unheldLimits(spec, enforces).map(
    name => `${name} has no effect here: attempts are held by the ${kind} cage (${why})`,
  );
  const root = registry.stateOf(entry).repository?.root ?? null;
  notes.push(...uncounted(spec), ...(await emptySubmodules(spec, root, far)));
  return { created, task: registry.viewOf(entry), notes };
};
