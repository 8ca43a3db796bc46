/** What a person should know of a task beside its status, one sentence each. Pure. */
import { failedAtTheEnd } from './finally.ts';
import { unseenText } from './mutation.ts';
import { openNotes } from './notes.ts';
import type { TaskState } from './state.ts';

export function warningsOf(state: TaskState): string[] {
  const { status, tolerated, accepted, forgeries, unsealed, left_out = [], meanwhile = [] } = state;
  const skipped = state.steps.filter(s => s.kind === 'subtask' && s.status === 'skipped').map(s => s.id);
  return [
    ...(status.name === 'completed' && !status.verified && unseenText(state) === null
      ? ['no gate verified the result']
      : []),
    ...[unseenText(state)].filter(text => text !== null),
    ...tolerated.map(name => `gate ${name} fails, as it did before the task (baseline: allow)`),
    ...(accepted === null ? [] : ['tests of the base commit fail; a person accepted that']),
    ...(state.approved === undefined
      ? []
      : ['with the gate configuration of before the task gates fail; a person accepted that']),
    ...(skipped.length > 0 ? [`skipped: ${skipped.join(', ')}`] : []),
    ...failedAtTheEnd(state).map(({ step, reason }) => `at the end, ${step} failed: ${reason}`),
    ...(forgeries.length > 0 ? [`${forgeries.length} forged records did not count`] : []),
    ...(unsealed.length > 0 ? ['the worktree holds work that is in no commit'] : []),
    ...left_out.map(({ path, why }) => `in no commit: ${path} ${why}`),
    ...meanwhile.map(text => `meanwhile in your repository: ${text}`),
    ...openNotes(state).map(({ text }) => `no agent was told your note: ${text.replaceAll(/\s+/g, ' ')}`),
  ];
}
