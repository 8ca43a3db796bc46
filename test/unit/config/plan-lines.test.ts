/** Plans as JSON lines: a subtask in each. */
import { expect, test } from 'vitest';
import { readPlanFile } from '../../../src/config/plan-file.ts';
import { isJsonLines } from '../../../src/config/plan-lines.ts';
import { isRasenError } from '../../../src/contract/errors.ts';
import { ulid } from '../../../src/util/ulid.ts';

const read = (text: string, path = 'standard input') =>
  readPlanFile(path, text, { task: ulid(), origin: 'file' }).plan.subtasks;

/** The problems, each as a line. */
function problems(text: string, path = 'p.jsonl'): string {
  try {
    read(text, path);
  } catch (error) {
    if (isRasenError(error)) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

test('a subtask in each line; without an id it is called by its line', () => {
  const subtasks = read(
    '["make","lint"]\n\n{"id":"unit","run":["npm","test"],"timeout":"10m"}\r\n{"run":["x"],"needs":["1","unit"],"on_fail":"continue"}\n',
  );
  expect(subtasks.map(({ id, do: work, needs }) => [id, work, needs])).toEqual([
    ['1', { run: ['make', 'lint'] }, []],
    ['unit', { run: ['npm', 'test'] }, []],
    ['4', { run: ['x'] }, ['1', 'unit']],
  ]);
  expect([subtasks[1]!.timeout_seconds, subtasks[2]!.on_fail]).toEqual([600, 'continue']);
});

test.each([
  ['plan.jsonl', '', true],
  ['plan.NDJSON', '{\n}', true],
  ['-', '{"run":["a"]}', true],
  ['-', '["a","b"]\n', true],
  ['-', '\n{"id":"a"}\n{"id":"b"}\n', true],
  ['-', '{"subtasks":[{"id":"a","run":["x"]}]}\n', false],
  ['-', '{\n  "subtasks": []\n}', false],
  ['-', 'subtasks: []', false],
  ['-', '{"task_name":"x","subtasks":[]}', false],
  ['-', '[\n{"id":"a"}\n]', false],
  ['-', '3\n4', false],
  ['-', '[]', false],
  ['-', '[{"passes":false}]', false],
])('%s with %j is JSON lines: %j', (path, text, expected) => {
  expect(isJsonLines(path, text)).toBe(expected);
});

test('one document of JSON stays what it was', () => {
  expect(read('{"subtasks":[{"id":"a","run":["x"]}]}').map(({ id }) => id)).toEqual(['a']);
});

test('what is wrong is told with its line', () => {
  expect(problems('["a"]\n{"run": ["b"}\n')).toBe('p.jsonl:2:1: is not a JSON value; a line is one subtask');
  expect(problems('["a"]\n{"run":["b"],"nonsense":1}\n')).toMatch(/^p\.jsonl:2:14: line 2\.nonsense: /);
  expect(problems('"a b"\n')).toMatch(/^p\.jsonl:1:1: line 1: found "a b", wanted /);
  expect(problems('{"id":"a","run":["x"]}\n{"id":"a","run":["x"]}\n')).toMatch(
    /^p\.jsonl:2:7: .*two subtasks/,
  );
  expect(problems('["a"]\n{"run":["b"],"needs":["7"]}')).toMatch(/^p\.jsonl:2:23: .*not in the plan/);
  expect(problems('["a"]\n{"run":["\\u0000"]}')).toMatch(/^p\.jsonl:2:9: contains a character/);
  expect(problems('')).toMatch(/has no subtasks/);
});

test('ten thousand commands that need no other are possible, a thousand subtasks else', () => {
  const lines = (n: number, more = '') => `${'["true"]\n'.repeat(n)}${more}`;
  expect(read(lines(1500))).toHaveLength(1500);
  expect(problems(lines(10_001))).toMatch(/is subtask 10001 of 10001; at most 10000 are possible$/);
  expect(problems(lines(1000, '{"run":["x"],"needs":["1"]}\n'))).toMatch(
    /is subtask 1001 of 1001; at most 1000 are possible, and 10000 commands without needs$/,
  );
  expect(problems(lines(1000, '{"description":"agent"}\n'))).toMatch(/at most 1000 are possible, and 10000/);
});
