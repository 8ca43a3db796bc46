/** Work that is handed over: what its end leaves in the task that handed it over. */
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../../src/contract/event.ts';
import { budgetsSoFar } from '../../../src/engine/budget.ts';
import { HANDED_MAX, type HandedEnd, handedBack } from '../../../src/engine/handed.ts';
import { MAX_OPEN_NOTES, notesInPrompt, openNotes } from '../../../src/engine/notes.ts';
import { viewOf } from '../../../src/engine/view.ts';
import { planOf, specOf, TaskBuilder } from '../../support/task-builder.ts';

const CHILD = '01kfz3a0000000000000000009';
const end = (more: Partial<HandedEnd> = {}): HandedEnd => ({
  ...{ task: CHILD, name: 'job', status: 'completed', reason: null, result: null, tail: null },
  ...{ used: { tokens: 500, usd: 0.5 } },
  ...more,
});

function parent(tell = true, over: Record<string, unknown> = {}): TaskBuilder {
  const builder = new TaskBuilder(specOf({ limits: { tokens: 1000 }, ...over })).claimed();
  const plan = planOf(['login']);
  builder.add({ type: 'plan_frozen', plan, sha256: 'x', rev: 1, source: 'file' }).started();
  return builder.add({ type: 'task_handed_over', task: CHILD, tell });
}
const back = (builder: TaskBuilder, more: Partial<HandedEnd> = {}) => handedBack(builder.state, end(more));
const add = (builder: TaskBuilder, events: readonly NewEvent[] | null): TaskBuilder => {
  for (const event of events!) builder.add(event);
  return builder;
};

describe('the end of a task that was handed over', () => {
  it('is told in a note and recorded, and then there is nothing left to tell', () => {
    const builder = parent();
    expect(viewOf(builder.state, null, 0).handed_over).toEqual([CHILD]);
    add(builder, back(builder, { tail: 'all green' }));
    const [note] = openNotes(builder.state);
    expect(note).toMatchObject({ by: 'rasen', to: null, op: `handed-over/${CHILD}` });
    expect(note!.text).toContain('Not of the user');
    expect(note!.text).toContain(`Task "job" (${CHILD}) is completed.\nThe last that it printed:\nall green`);
    expect(viewOf(builder.state, null, 0).handed_over).toBeUndefined();
    expect(back(builder)).toEqual([]);
  });

  it('is told once where the note was written and the rest of that write was lost', () => {
    const builder = parent();
    add(builder, back(builder)!.slice(0, 1));
    expect(back(builder)!.map(({ type }) => type)).toEqual(['handed_over_ended']);
  });

  it('says why it failed, what its agent says, and no more of either than fits', () => {
    const builder = parent();
    const [note] = back(builder, { status: 'failed', reason: 'exit 3', result: 'r'.repeat(9000) })!;
    const { text } = note as Extract<NewEvent, { type: 'note_added' }>;
    expect(text).toContain('has failed: exit 3');
    expect(text).toContain(`Its agent says: ${'r'.repeat(2000)}…`);
    expect(text.length).toBeLessThan(2300);
    const [tail] = back(builder, { tail: `${'a'.repeat(5000)}\nlast line` })!;
    expect((tail as typeof note & { text: string }).text).toMatch(/…a+\nlast line$/);
  });

  it('is not told where that was not asked for, where nobody would hear it, and of a task that is gone', () => {
    const types = (events: readonly NewEvent[] | null) => events!.map(({ type }) => type);
    expect(types(back(parent(false)))).toEqual(['handed_over_ended']);
    expect(types(back(parent(), { status: 'removed' }))).toEqual(['handed_over_ended']);
    expect(types(back(parent(true, { agents: {} })))).toEqual(['handed_over_ended']);
  });

  it('waits for room among the notes', () => {
    const builder = parent();
    for (let note = 1; note <= MAX_OPEN_NOTES; note++)
      builder.add({ type: 'note_added', note, text: 'x', by: 'user', to: null, op: null });
    expect(back(builder)).toBeNull();
  });

  it('is in the prompt of the next session, and stays there for those after it', () => {
    const builder = parent();
    add(builder, back(builder));
    builder.begin('login');
    const step = builder.state.steps.find(({ id }) => id === 'login')!;
    const { attempt } = step;
    expect(notesInPrompt(builder.state, attempt!)).toHaveLength(1);
    builder.add({ type: 'note_told', note: 1, step: 'login', n: attempt!.n, how: 'prompt' });
    expect(notesInPrompt(builder.state, attempt!)).toHaveLength(1);
  });

  it('counts what it used against the budgets of the task, and not once more against those of the day', () => {
    const builder = parent();
    add(builder, back(builder));
    expect(budgetsSoFar(builder.state, null)).toMatchObject([{ budget: 'tokens', used: 500, limit: 1000 }]);
    expect(viewOf(builder.state, null, 0).total_tokens).toBe(0);
    expect(builder.state.spending).toEqual([]);
  });

  it('leaves nothing behind: however many there were, only those that are open are kept', () => {
    const builder = parent();
    add(builder, back(builder));
    for (let i = 0; i < HANDED_MAX; i++) {
      builder.add({ type: 'task_handed_over', task: `t${i}`, tell: false });
      add(builder, handedBack(builder.state, end({ task: `t${i}` })));
    }
    expect(builder.state.handed).toEqual([]);
    expect(builder.state.handed_used!.tokens).toBe(500 * (HANDED_MAX + 1));
  });
});
