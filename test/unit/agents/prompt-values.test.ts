/** What the settings of a task make of the memory and the history in its prompts. */
import { describe, expect, it } from 'vitest';
import { promptValues } from '../../../src/agents/prompt-values.ts';
import { stepOf } from '../../../src/engine/state.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

const PLACE = { result_file: '/nowhere/result.json', plan_schema: '', diff_range: '' };
const valuesOf = (task: TaskBuilder, id: string) =>
  promptValues(task.state, stepOf(task.state, id), stepOf(task.state, id).attempts + 1, PLACE);

describe('stall_detection.circular_fix_threshold', () => {
  /** Two attempts in vain, each with what it said and the tree that it left. */
  const history = (threshold: number, ...attempts: (readonly [summary: string, tree: string])[]) => {
    const task = new TaskBuilder(specOf({ gates: [], limits: { circular_fix_threshold: threshold } }));
    task.plan(['a']).started();
    for (const [summary, tree] of attempts)
      task
        .begin('a')
        .end('a', { outcome: 'failed', claim: { summary }, sealed: { tree } })
        .close('a', 'failed');
    return valuesOf(task, 'a').history;
  };
  const HINT = 'going in circles';
  // Two words of four are in both.
  const alike = [
    ['mock the clock', 't1'],
    ['mock the mailer', 't2'],
  ] as const;

  it.each([
    ['the same words at any threshold', 1, ['mock it', 't1'], ['mock it', 't2'], true],
    ['the same files, whatever was said', 1, ['mock it', 't1'], ['wait for it', 't1'], true],
    ['words that resemble each other enough', 0.5, alike[0], alike[1], true],
    ['not enough', 0.51, alike[0], alike[1], false],
    ['nothing in common', 0.3, ['mock it', 't1'], ['wait longer', 't2'], false],
  ] as const)('%s', (_what, threshold, first, second, circles) => {
    expect(history(threshold, first, second)?.includes(HINT)).toBe(circles);
  });
});

it('memory.max_tokens: the prompt has what fits, and the oldest go first', () => {
  const two = 'two '.repeat(10).trim();
  const memory = (max_tokens: number) => {
    const task = new TaskBuilder(specOf({ gates: [], memory: { max_tokens } })).plan(['a', 'b']).started();
    const decisions = ['one '.repeat(10).trim(), two, 'three'];
    return valuesOf(task.done('a', { claim: { decisions } }), 'b').memory;
  };
  expect(memory(1000)).toMatch(/one one.*two two.*three/s);
  expect(memory(25)).toBe(`- decision (a): ${two}\n- decision (a): three`);
  expect(memory(10)).toBe('- decision (a): three');
  expect(memory(1)).toBe('(none)');
});
