/**
 * The repository of a task as the supervisor works with it: what was captured when it was submitted, and a git directory
 * of our own made of that. Every effect that asks git anything opens it here.
 */
import { join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import type { CapturedRepository } from '../../contract/repository.ts';
import type { TaskState } from '../../engine/state.ts';
import { captureRepository } from '../../git/captured.ts';
import { writeDurably } from '../../git/durable.ts';
import { openRepository } from '../../git/own-dir.ts';
import type { Repository } from '../../git/repository.ts';
import { readForeign, untroubled } from '../../host/foreign-file.ts';
import type { LocalStore } from '../../store/store.ts';
import type { Places } from '../places.ts';
import { capturedEnv } from './context.ts';

const FILE = 'repository.json';
const MAX_BYTES = 16 * 1024 * 1024;

/** Errors: `not_git`, `git`. */
export async function repositoryOf(
  context: { store: LocalStore; places: Places },
  state: TaskState,
): Promise<Repository> {
  const env = capturedEnv(context, state);
  const captured = state.repository ?? (await capturedLate(context, state, env));
  const is_old = !state.repository;
  const { workspace } = state.spec;
  return await openRepository({
    ...{ task: state.id, captured, state: context.places.repositories, env, is_old },
    ...(workspace.kind === 'git' ? { isolation: workspace.isolation, push: workspace.push } : {}),
  });
}

/** The worktree as the journal says; null before it was made. */
export function worktreeOf(state: TaskState): { task: string; path: string; branch: string } | null {
  return state.workspace && { task: state.id, path: state.workspace.path, branch: state.workspace.branch };
}

/**
 * For tasks of an earlier release, and those submitted where no repository was yet: captured when it is first needed,
 * and from then on the same.
 */
async function capturedLate(
  { places }: { places: Places },
  state: TaskState,
  env: Record<string, string>,
): Promise<CapturedRepository> {
  const folder = places.task(state.id);
  const known = remembered(folder);
  if (known !== null) return known;
  const captured = await captureRepository(state.spec.project, env);
  await writeDurably(join(folder, FILE), `${JSON.stringify(captured)}\n`);
  return captured;
}

function remembered(root: string): CapturedRepository | null {
  const place = { root, path: FILE };
  const found = untroubled(place, readForeign(place, MAX_BYTES));
  if (!found.ok && found.fault === 'missing') return null;
  try {
    if (found.ok) return JSON.parse(found.value.bytes.toString('utf8')) as CapturedRepository;
  } catch {
    // Falls through: it is not what was written.
  }
  throw new RasenError('damaged', `${join(root, FILE)} cannot be read`, {
    hint: 'Remove it; the repository is looked at again.',
    data: { path: join(root, FILE) },
  });
}
