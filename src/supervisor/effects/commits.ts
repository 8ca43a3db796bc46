/** seal, judge and mark_good: what an attempt left becomes a commit, is judged, and is remembered as good. */

import type { Effect, Result } from '../../engine/effect.ts';
import { gatesOf, isAgentStep, subtaskOf } from '../../engine/gates-of.ts';
import { type Step, stepOf, type TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { judgeClean } from '../../gates/clean.ts';
import { isCompared } from '../../gates/config/judge.ts';
import { judgeDiff } from '../../gates/diff.ts';
import type { GateResult } from '../../gates/gate.ts';
import { reachedByGates } from '../../gates/reached.ts';
import { readChanges } from '../../git/changes.ts';
import { countCommits } from '../../git/history.ts';
import { pushesSince } from '../../git/pushes.ts';
import { textsAt } from '../../git/put-back.ts';
import { readUsers } from '../../git/records.ts';
import { markGood } from '../../git/refs.ts';
import type { Repository } from '../../git/repository.ts';
import { sealAttempt } from '../../git/seal.ts';
import { type UsersChange, usersChanges, usersStateSchema } from '../../git/users-state.ts';
import { isClone } from '../../git/workspace.ts';
import { workspaceAt } from '../../git/workspaces.ts';
import { ensureWorktree } from '../../git/worktree.ts';
import { changedConfig } from './base-config.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { repositoryOf } from './repository.ts';
import { setupKey } from './setup-key.ts';

export async function seal(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'seal' }>,
): Promise<Result> {
  const step = stepOf(state, effect.step);
  const { workspace } = state.spec;
  if (workspace.kind !== 'git' || !state.workspace)
    throw new Error(`task ${state.id} has no worktree to seal`);
  const repo = await repositoryOf(context, state);
  const { base } = state.workspace;
  const worktree = await ensureWorktree(repo, {
    task: state.id,
    slug: workspace.slug,
    base,
    base_path: workspace.base_path,
    known: state.workspace,
  });
  const sealed = await sealAttempt(repo, worktree, {
    good: goodCommit(state),
    marks: { task: state.id, subtask: step.id, attempt: effect.n },
    title: titleOf(state, step),
    wanted: wantedFiles(state, step).filter(path => !/[*?[:\\]/.test(path)),
  });
  const { commit, tree, changed, leftovers, on_branch, descends, unmerged, special, left_out, elsewhere } =
    sealed;
  const isAgent = isAgentStep(state, step);
  const good = goodCommit(state);
  const from = step.attempt!.from ?? base;
  // Each of them only asks, and programs are most of what that takes.
  const [changes, commits, setup, base_config, pushed] = await Promise.all([
    changesOfUser(repo, state.id),
    // Told to the user: the commits of this attempt, not those of a failed one that it went on from.
    sealed.descends && from !== good ? countCommits(repo, from, commit) : sealed.commits,
    setupKey(repo, state, commit),
    isAgent ? changedConfig(repo, state, commit, good) : undefined,
    pushesOf(repo, worktree.path, step),
  ]);
  const unexplained = changes.filter(({ by_user, is_new }) => !by_user && !is_new);
  // Whoever works in a linked worktree can change these.
  const meddled = repo.isolation === 'linked' ? unexplained : [];
  return {
    type: 'seal',
    sealed: {
      commit,
      tree,
      changed,
      commits,
      leftovers,
      on_branch,
      descends,
      unmerged: unmerged.slice(0, 20),
      ...(special.length > 0 ? { special: special.slice(0, 20) } : {}),
      ...(setup === undefined ? {} : { setup }),
      ...(base_config === undefined ? {} : { base_config }),
      ...(left_out.length > 0 ? { left_out: left_out.slice(0, 20) } : {}),
      ...(changes.length > 0 ? { meanwhile: texts(changes) } : {}),
      ...(unexplained.length > 0 ? { unexplained: texts(unexplained) } : {}),
      ...(meddled.length > 0 ? { meddled: texts(meddled) } : {}),
      ...(pushed.length > 0 ? { pushed } : {}),
      ...(elsewhere.length > 0 ? { elsewhere: elsewhere.slice(0, 20) } : {}),
    },
  };
}

async function changesOfUser(repo: Repository, task: string): Promise<UsersChange[]> {
  const users = await readUsers(repo, task, usersStateSchema);
  return users === null ? [] : await usersChanges(repo, task, users);
}

async function pushesOf(repo: Repository, path: string, { attempt }: Step): Promise<string[]> {
  const started_at = attempt?.started_at ?? null;
  if (started_at === null) return [];
  return pushesSince(await gitFolderOf(repo, path), Math.floor(Date.parse(started_at) / 1000));
}

/** Where the workspace keeps what it knows of remotes: its own folder, or that of the repository that it shares. */
async function gitFolderOf(repo: Repository, path: string): Promise<string> {
  const found = await workspaceAt(repo, path);
  return found !== null && isClone(found) ? found.theirs : repo.common_dir;
}

const texts = (changes: readonly UsersChange[]) => changes.slice(0, 20).map(({ text }) => text);

/** What the plan says that the step is about. */
function wantedFiles(state: TaskState, step: Step): string[] {
  if (step.kind !== 'subtask') return [];
  const { files, tests } = subtaskOf(state, step.id);
  return [...files, ...tests];
}

/** Subject of the commit of what an attempt left. */
export function titleOf(state: TaskState, step: Step): string {
  if (step.kind !== 'subtask') return `${state.spec.name}: ${step.kind}`;
  const subtask = subtaskOf(state, step.id);
  return (subtask.title || subtask.description.split('\n')[0] || step.id).slice(0, 100);
}

export async function judge(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'judge' }>,
): Promise<Result> {
  const step = stepOf(state, effect.step);
  const sealed = step.attempt!.sealed!;
  const gate = gatesOf(state, step)[effect.gate]!;
  const subtask = step.kind === 'subtask' ? subtaskOf(state, step.id) : null;
  const good = goodCommit(state);
  let result: GateResult;
  if (gate.kind === 'clean') {
    const { left_out = [], special = [], meddled = [] } = sealed;
    const facts = { ...sealed, parent_good: good, left_out, special, meddled };
    const allow_empty = subtask?.allow_empty ?? false;
    result = judgeClean(facts, { allow_empty, good, wanted: wantedFiles(state, step) });
  } else {
    const repo = await repositoryOf(context, state);
    const tests = subtask?.tests ?? [];
    const gates = [...state.spec.gates, ...(subtask?.gates ?? [])].map(({ run }) => run);
    const folder = folderOf(state);
    const below = folder === null ? '' : `${folder}/`;
    const textsOf = (paths: readonly string[]) =>
      textsAt(
        repo,
        good,
        paths.map(path => `${below}${path}`),
      );
    const [changes, reached] = await Promise.all([
      readChanges(repo, good, sealed.commit, isCompared),
      reachedByGates(gates, textsOf),
    ]);
    result = judgeDiff({
      ...{ changes, folder, protected: state.spec.protected, tests },
      // A planner is an agent: it names tests, and nothing that its own work is measured by.
      given: state.plan?.source === 'planner' ? [] : tests,
      gates,
      reached,
    });
  }
  const { reason, needs_person, findings } = result;
  return { type: 'judge', found: { reason, needs_person, findings } };
}

export async function good(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'mark_good' }>,
): Promise<Result> {
  const repo = await repositoryOf(context, state);
  await markGood(repo, { task: state.id, k: effect.k, commit: effect.commit });
  return { type: 'mark_good' };
}
