/** The table of tasks, in the width that there is. */
import { expect, test } from 'vitest';
import { listRows, tableLines } from '../../../src/cli/list-text.ts';
import { viewWith } from '../../support/fake-daemon.ts';

const NOW = Date.parse('2026-01-27T16:40:00Z');
const rows = (attended = true) =>
  listRows(
    [
      { ...viewWith(), last_output: '> Edit src/reset.ts' },
      viewWith({
        status: 'blocked',
        why: 'question',
        reason: 'Which table?',
        name: 'a rather long name of a task',
      }),
      viewWith({ status: 'completed', ended_at: '2026-01-27T16:35:00Z', result: 'Did it.', goal: 'auth' }),
      viewWith({ status: 'damaged', reason: 'a page of words' }),
    ],
    { now_ms: NOW, attended },
  );

test('what a task is for, and why it stands, what came of it or what it printed last', () => {
  const texts = rows().map(row => row.slice(-2));
  expect(texts).toEqual([
    ['Implement user authentication', '> Edit src/reset.ts'],
    ['Implement user authentication', 'Which table?'],
    ['', 'Did it.'],
    ['Implement user authentication', ''],
  ]);
});

test('without a supervisor what would go on does not run', () => {
  expect(rows(false).map(row => row[1])).toEqual(['not_running', 'blocked', 'completed', 'damaged']);
});

test.each([40, 60, 80, 100, 200])('no line is longer than %i columns, and what is there fits', columns => {
  const lines = tableLines(rows(), columns);
  expect(lines.filter(line => line.length > columns)).toEqual([]);
  expect(lines[1]).toMatch(/^aaaaaaaa {2}running +3\/7 +10m 00s +auth/);
  if (columns >= 80) expect(lines[0]).toMatch(/NAME +GOAL +LAST$/);
  if (columns === 200) expect(lines).toEqual(tableLines(rows()));
});
