/** Rules over a whole plan. */
import { expect, it } from 'vitest';
import { planProblems } from '../../../src/contract/plan.ts';

const s = (id: string, ...needs: string[]) => ({ id, needs });
const messages = (...subtasks: ReturnType<typeof s>[]) => planProblems(subtasks).map(p => p.message);

it('finds nothing wrong with a graph, whatever the order', () => {
  expect(messages(s('c', 'a', 'b'), s('a'), s('b', 'a'))).toEqual([]);
});

it('names a subtask that is there twice, with its place', () => {
  expect(planProblems([s('a'), s('a')])).toEqual([
    { path: ['subtasks', 1, 'id'], message: 'two subtasks are called "a"' },
  ]);
});

it('names a need that is not in the plan', () => {
  expect(messages(s('a', 'b'))).toEqual(['"a" needs "b", which is not in the plan']);
});

it('names a circle, also of one', () => {
  expect(messages(s('x'), s('a', 'b'), s('b', 'c'), s('c', 'a'))).toEqual([
    'subtasks need each other: a → b → c → a',
  ]);
  expect(messages(s('a', 'a'))).toEqual(['subtasks need each other: a → a']);
});

it('takes thousands where none needs another, and no more than a thousand else', () => {
  const many = Array.from({ length: 1001 }, (_, i) => s(`s${i}`));
  expect(planProblems(many)).toEqual([]);
  expect(planProblems([...many, s('last', 's0')])).toEqual([
    {
      path: ['subtasks', 1001, 'needs'],
      message: 'there are 1002 subtasks; more than 1000 are possible only where none needs another',
    },
  ]);
  expect(planProblems([...many.slice(0, 999), s('last', 's0')])).toEqual([]);
});
