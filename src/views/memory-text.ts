/** The two views that people read: memories.md, and QA_ESCALATION.md while a task is blocked for it. Pure. */
import type { TaskState } from '../engine/state.ts';
import { recurringIssues } from './judgements.ts';
import { VIEW_LIMITS } from './limits.ts';
import { seedTime } from './log-format.ts';
import { oneLine } from './plain-text.ts';

interface Item {
  subtask_id: string;
  content: string;
}

const HEAD = '# Memories\n';

/** At most memory.max_tokens long; the oldest items go first, from the longer of the two lists. */
export function memoriesText(state: TaskState): string {
  const budget = state.spec.memory.max_tokens * VIEW_LIMITS.chars_per_token;
  const decisions = state.memory.decisions.map(itemLine);
  const learnings = state.memory.learnings.map(itemLine);
  let text = layout(decisions, learnings);
  while (text.length > budget && decisions.length + learnings.length > 0) {
    (decisions.length >= learnings.length ? decisions : learnings).shift();
    text = layout(decisions, learnings);
  }
  return text.length > budget ? '' : text;
}

function layout(decisions: readonly string[], learnings: readonly string[]): string {
  const part = (title: string, items: readonly string[]) =>
    items.length > 0 ? `\n## ${title}\n\n${items.join('\n')}\n` : '';
  return `${HEAD}${part('Decisions', decisions)}${part('Learnings', learnings)}`;
}

const itemLine = (item: Item) => `- (${item.subtask_id}) ${oneLine(item.content, VIEW_LIMITS.text_chars)}`;

/** null while QA does not ask for a person. */
export function escalationText(state: TaskState): string | null {
  const { status } = state;
  if (status.name !== 'blocked' || status.why !== 'review') return null;
  const issues = recurringIssues(state);
  if (issues.length === 0) return null;
  return [
    '# QA escalation',
    '',
    `Task: ${oneLine(state.spec.name, 200)}`,
    `Since: ${seedTime(state.updated_at)}`,
    ...(status.subtask ? [`Subtask: ${status.subtask}`] : []),
    '',
    'QA named the same issue again and again; one more try would not help. A person has to decide.',
    '',
    '## Recurring issues',
    '',
    ...issues.map(({ issue, times }) => `- ${issue} (${times} times)`),
    '',
    '## What to do',
    '',
    `1. Look at the issues, and at the work: \`rasen status ${state.id}\`, \`rasen logs ${state.id}\`.`,
    '2. Correct the cause in the plan, the prompt or the configuration, or by hand in the worktree.',
    `3. Go on with \`rasen resume ${state.id}\`.`,
    '',
  ].join('\n');
}
