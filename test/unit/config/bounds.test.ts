/** Files made to hurt: each is refused within its limit, before it costs memory or time. */
import { expect, test } from 'vitest';
import { loadConfig, readPlanFile } from '../../../src/config/index.ts';
import { MAX_PROBLEMS } from '../../../src/config/problems.ts';
import { project, refusal } from './support.ts';

const MIB = 1024 * 1024;
const bomb = (levels: number) =>
  ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    .concat(Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`))
    .join('\n');

test.each([
  ['an alias bomb', bomb(9), 'has more than 50000 values'],
  ['an alias bomb where a value belongs', `${bomb(9)}\nprotected: *a9\n`, 'has more than 50000 values'],
  ['a megabyte of brackets', '['.repeat(MIB - 10), 'nested deeper than 32 levels'],
  ['a megabyte of braces', '{a: '.repeat(MIB / 5), 'nested deeper than 32 levels'],
  ['a megabyte of dashes', '- '.repeat(MIB / 2 - 10), 'nested deeper than 32 levels'],
  ['a megabyte of question marks', '? '.repeat(MIB / 2 - 10), 'nested deeper than 32 levels'],
  [
    'a staircase',
    Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    'nested deeper than 32',
  ],
  [
    'a hundred thousand keys',
    Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n'),
    'too many values',
  ],
  ['many unknown keys', Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n'), 'unknown key'],
  ['a long list', `protected: [${'a,'.repeat(20_000)}]`, 'at most 1000 are possible'],
  ['a long line', `project: {name: ${'x'.repeat(MIB - 100)}}`, 'a name of 1 to 200 characters'],
  ['a file beyond the limit', '#'.repeat(MIB + 1), 'is larger than 1024 KiB'],
])('%s', (_, text, message) => {
  const errors = [
    refusal(() => loadConfig({ project: project({ 'rasen.yml': text }), env: {} })),
    refusal(() => readPlanFile('plan.yml', text, { task: 't', origin: 'planner' })),
  ];
  expect(errors[0]!.message).toContain(message);
  for (const error of errors) {
    expect(error.kind).toBe('config');
    expect(error.message.length).toBeLessThan(20_000);
    expect((error.data!.problems as unknown[]).length).toBeLessThanOrEqual(MAX_PROBLEMS);
  }
});

test.each([
  ['spaces in a heading', `### Task 1: ${' '.repeat(MIB - 30)}x`],
  ['spaces after a checkbox', `### Task 1: x\n- [ ] a${' '.repeat(MIB - 100)}`],
  ['spaces in a checkbox', `### Task 1: x\n- [ ] a${' '.repeat(60_000)}b`],
  ['spaces in a list of files', `### Task 1: x\nFiles: a${' '.repeat(MIB - 100)}`],
  ['hashes after a heading', `### Task 1: x ${'#'.repeat(MIB - 100)}`],
])('a Markdown line of a megabyte costs its length: %s', (_, text) => {
  expect(readPlanFile('p.md', text, { task: 't', origin: 'file' }).plan.subtasks[0]!.title).toBe('x');
});

test.each([
  ['hashes and spaces', `### Task 1: ${' #'.repeat(MIB / 2 - 30)}`],
  ['words in a checkbox', `### Task 1: x\n- [ ] ${'a '.repeat(MIB / 2 - 30)}`],
  ['seventy thousand tasks', '### Task 1: x\n'.repeat(70_000)],
])('Markdown beyond the limits is refused: %s', (_, text) => {
  const error = refusal(() => readPlanFile('p.md', text, { task: 't', origin: 'file' }));
  expect(error.message).toMatch(/^p\.md:\d+:1: /);
  expect(error.message.length).toBeLessThan(2000);
});

test('a problem quotes little, however long what it quotes', () => {
  const long = 'x'.repeat(200_000);
  for (const text of [
    `${long}: 1`,
    `subtasks: {${long}: [a]}`,
    `subtasks: [{id: ${long}, run: [a]}]`,
    `### Task ${long}\n`,
  ])
    for (const path of ['p.yml', 'p.md'])
      expect(
        refusal(() => readPlanFile(path, text, { task: 't', origin: 'file' })).message.length,
      ).toBeLessThan(3000);
});

test('a text that only looks deep is fine', () => {
  const text = `subtasks:\n  - id: a\n    description: |\n      ${'[{- '.repeat(300)}\n    run: ["${'['.repeat(100)}"]\n`;
  expect(readPlanFile('p.yml', text, { task: 't', origin: 'file' }).plan.subtasks).toHaveLength(1);
});

test.each(['\n', '\r\n'])('a long list of many-line texts is fine (line end %j)', end => {
  const items = Array.from({ length: 100 }, (_, i) => [
    `      - |`,
    `        ${i}`,
    `        x`,
    `      - plain`,
    `        y`,
  ]);
  const text = ['subtasks:', '  - id: a', '    description: d', '    acceptance:', ...items.flat(), ''].join(
    end,
  );
  const [subtask] = readPlanFile('p.yml', text, { task: 't', origin: 'file' }).plan.subtasks;
  expect(subtask!.acceptance).toHaveLength(200);
  expect(subtask!.acceptance.slice(0, 2)).toEqual(['0\nx\n', 'plain y']);
});

test('the largest sensible plan is read', () => {
  const subtasks = Array.from({ length: 200 }, (_, i) => ({
    id: `s-${i}`,
    description: `${'word '.repeat(400)}\n\n- [ ] "quoted" {x}`,
    needs: i > 0 ? [`s-${i - 1}`] : [],
    acceptance: Array.from({ length: 20 }, (_, k) => `criterion ${k}`),
  }));
  const { plan } = readPlanFile('p.json', JSON.stringify({ subtasks }, null, 2), {
    task: 't',
    origin: 'planner',
  });
  expect(plan.subtasks).toHaveLength(200);
});

test('whatever the bytes, only a RasenError comes out', () => {
  // A small generator with a fixed start, so that a failure can be repeated.
  let seed = 42;
  const random = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % n;
  };
  const pieces = [
    'subtasks:',
    '\n',
    '  ',
    '- ',
    'id: a',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    ': ',
    '#',
    '|\n',
    '!x ',
    '? ',
    ',',
    'run',
    '\t',
    '~',
    '<<',
    '---\n',
    '%',
    'needs',
    '### Task 1: x\n',
    '- [ ] y\n',
    'ü',
  ];
  for (let i = 0; i < 1000; i++) {
    const text = Array.from({ length: 1 + random(25) }, () => pieces[random(pieces.length)]).join('');
    for (const path of ['p.yml', 'p.md']) {
      try {
        readPlanFile(path, text, { task: 't', origin: 'file' });
      } catch (error) {
        expect([text, (error as Error).name]).toEqual([text, 'RasenError']);
      }
    }
  }
});
