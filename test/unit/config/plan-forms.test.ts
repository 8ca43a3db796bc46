/** Plans as people and other programs write them: what each file becomes. The files are in test/data/plans. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPlanFile } from '../../../src/config/index.ts';

const folder = join(import.meta.dirname, '../../data/plans');
const parse = (name: string, text: string) =>
  readPlanFile(name, text, { task: 't1', goal: 'the goal', origin: 'file' });
const load = (name: string) => parse(name, readFileSync(join(folder, name), 'utf8'));
const only = (text: string) => parse('p.md', text).plan.subtasks[0]!;

/** `+` before an id: the file calls it done. */
const FORMS: [string, string, string[]][] = [
  [
    'headings "Task N", steps with code between',
    'steps-with-code.md',
    ['task-1 Parser', 'task-2 CLI < task-1'],
  ],
  [
    'items in items',
    'nested-items.md',
    ['+1 Set up project structure', '2 Implement data models < 1', '3 Deploy < 2'],
  ],
  [
    'items with ids of their own, in phases',
    'numbered-items.md',
    [
      '+t001 Create structure per plan',
      't002 [P] Configure lint in `biome.json` < t001',
      't003 [P] [US1] Contract test in tests/contract/test_login.py < t002',
      't004 [US1] Write service < t003',
    ],
  ],
  [
    'phases whose boxes are criteria',
    'phases-with-criteria.md',
    ['phase-1 Schema', '+phase-2 API < phase-1'],
  ],
  [
    'headings underlined, CRLF, a byte order mark, a phase that is through',
    'underlined-headings.md',
    ['+1 Make the thing', '+2 Test the thing < 1', 'phase-2 Phase 2 < 2'],
  ],
  [
    'phases that count their tasks anew, and boxes outside of them',
    'phases-with-tasks.md',
    [
      'phase-1-task-1 x',
      'phase-1-task-2 y < phase-1-task-1',
      'phase-2-task-1 z < phase-1-task-2',
      'follow-ups Follow-ups < phase-2-task-1',
    ],
  ],
  [
    'headings with numbers over items with numbers',
    'numbered-headings.md',
    ['1.1 Create schema', '1.2 Write API < 1.1', '2.1 Run it < 1.2'],
  ],
  ['a table', 'table.md', ['+1 Write a', '2 Write b < 1']],
  ['a numbered list', 'numbered-list.md', ['task-1 First thing', 'task-2 Second < task-1']],
  [
    'a plain list of boxes',
    'todo.md',
    ['+task-1 write parser', 'task-2 write printer < task-1', 'task-3 ship < task-2'],
  ],
  ['todos at the top of the file', 'front-matter.md', ['+add-form Add the form', 'wire Wire it < add-form']],
  ['user stories with priorities', 'prd.json', ['+us-001 One', 'us-002 Two < us-001']],
  [
    'a bare list of features',
    'features.json',
    ['step-1 User can send a message', '+step-2 Looks good < step-1'],
  ],
  [
    'phases of subtasks',
    'phases.json',
    ['+subtask-1-1 Make a', 'subtask-1-2 Make b < subtask-1-1', 'subtask-2-1 Make c < subtask-1-2'],
  ],
  [
    'tasks with subtasks, under tags',
    'tasks.json',
    ['+1 Init', '+2.1 a < 1', '2.2 b < 1 2.1', '3 Ship < 2.1 2.2'],
  ],
];

test.each(FORMS)('%s (%s)', (_, name, expected) => {
  const { plan } = load(name);
  expect(
    plan.subtasks.map(({ id, title, needs, claimed_completed }) => {
      const after = needs.length > 0 ? ` < ${needs.join(' ')}` : '';
      return `${claimed_completed ? '+' : ''}${id} ${title}${after}`;
    }),
  ).toEqual(expected);
});

describe('Markdown', () => {
  test('steps keep their place between code; files say what is done with them', () => {
    const [parser, cli] = load('steps-with-code.md').plan.subtasks;
    expect(parser).toMatchObject({
      files: ['src/parser.py', 'src/main.py', 'tests/test_parser.py'],
      tests: ['tests/test_parser.py'],
      acceptance: ['**Step 1: Write the failing test**', '**Step 2: Run it**'],
    });
    expect(parser!.description).toMatch(/Step 1.*def test_x.*Step 2.*pytest tests/s);
    expect(cli).toMatchObject({ files: ['src/cli.py', 'src/args.py'], tests: [] });
  });

  test('criteria of the whole are those of the last task, and what is not to be done is no task', () => {
    expect(load('phases-with-tasks.md').plan.subtasks[2]!.acceptance).toEqual(['c', 'all green']);
    const [schema] = load('phases-with-criteria.md').plan.subtasks;
    expect(schema!.acceptance).toEqual([
      'Migration applies: `make migrate`',
      'Tests pass: `make test`',
      'Looks fine',
    ]);
    expect(schema!.files).toEqual(['db/schema.sql']);
    expect(JSON.stringify(load('phases-with-criteria.md').plan)).not.toContain('paint');
  });

  test('a task knows the phase that it is in, and what is said there', () => {
    const [, , , service] = load('numbered-items.md').plan.subtasks;
    expect(service!.description).toContain('Phase 2: Story 1 (Priority: P1) › Implementation');
  });

  test.each([
    ['in the line', '**Files:** `src/a.ts`, src/b.ts', ['src/a.ts', 'src/b.ts']],
    ['below, with stars', '**Files:**\n* src/a.ts\n* `src/b.ts` - the rest', ['src/a.ts', 'src/b.ts']],
    [
      'below, numbered, after a blank line',
      'Files:\n\n1. src/a.ts\n2. src/b.ts (new)',
      ['src/a.ts', 'src/b.ts'],
    ],
    ['the colon outside', '**Files**:\n- src/a.ts:12-40\n- `src/b.ts#L3`', ['src/a.ts', 'src/b.ts']],
    ['in an item', '- **Files:**\n  - src/a.ts\n  - src/b.ts', ['src/a.ts', 'src/b.ts']],
    ['links', 'Files:\n- [a](src/a.ts)\n- [src/b.ts](src/b.ts)', ['src/a.ts', 'src/b.ts']],
    [
      'what is done with them',
      '**Files:**\n- Create: `src/a.ts`\n- Modify `src/b.ts`',
      ['src/a.ts', 'src/b.ts'],
    ],
    ['another label', '**Files to create/modify:**\n- src/a.ts\n- src/b.ts', ['src/a.ts', 'src/b.ts']],
    ['nested', 'Files:\n- src/a.ts\n  - src/b.ts', ['src/a.ts', 'src/b.ts']],
    ['the next line', 'Files:\nsrc/a.ts, src/b.ts', ['src/a.ts', 'src/b.ts']],
    ['names with brackets', 'Files: `app/[id]/a.tsx` and Makefile', ['app/[id]/a.tsx', 'Makefile']],
    ['right below a box', '- [ ] do it\nFiles: src/a.ts, src/b.ts', ['src/a.ts', 'src/b.ts']],
    [
      'right below a box, as a list',
      '- [ ] do it\n**Files:**\n- src/a.ts\n- src/b.ts\n- [ ] more',
      ['src/a.ts', 'src/b.ts'],
    ],
    ['below words', 'Some words.\n**Files:**\n- src/a.ts\n- src/b.ts', ['src/a.ts', 'src/b.ts']],
    [
      'actions in the line',
      '**Files:** Modify: `src/a.ts`, Create: `src/b.ts` - new',
      ['src/a.ts', 'src/b.ts'],
    ],
    ['bold paths', '**Files:**\n- **`src/a.ts`** - words\n- **src/b.ts**', ['src/a.ts', 'src/b.ts']],
    ['none', 'Files: none', []],
    ['boxes below', '**Files:**\n\n- [ ] not a file', []],
  ])('files %s', (_, text, files) => {
    expect(only(`### Task 1: x\n\n${text}\n`).files).toEqual(files);
  });

  test('boxes right below the tests are criteria and permit nothing', () => {
    expect(only('### Task 1: x\n**Tests:**\n- `test/a.ts`\n\n- [ ] do it\n- free words\n')).toMatchObject({
      tests: ['test/a.ts'],
      acceptance: ['do it'],
      description: '- do it\n\n- free words',
    });
  });

  test('what stands between boxes belongs to the one before it', () => {
    const [a, b] = parse('p.md', '- [ ] a\n  more of a\n- a note\n- [ ] b\n  Tests: test/b.ts\n').plan
      .subtasks;
    expect(a).toMatchObject({ title: 'a', description: 'more of a\n\n- a note', tests: [] });
    expect(b).toMatchObject({ title: 'b', tests: ['test/b.ts'] });
  });

  test('HTML comments, code and quotes hold no tasks', () => {
    const text = '<!--\n- [ ] example\n-->\n\n    - [ ] code\n\n> - [ ] quoted\n\n- [ ] real\n';
    expect(parse('p.md', text).plan.subtasks.map(({ title }) => title)).toEqual(['real']);
  });

  test.each(['✅', '(done)'])('a heading that is through (%s) is a claim, unless a box is open', mark => {
    const claim = (text: string) => only(text).claimed_completed;
    expect(claim(`### Task 1: x ${mark}\nwords\n`)).toBe(true);
    expect(claim(`### Task 1: x ${mark}\n- [ ] open\n`)).toBe(false);
    expect(only(`### Task 1: x ${mark}\n`).title).toBe('x');
  });

  test.each(['~', '-', '/', '>'])('a box with "%s" is open', sign => {
    expect(only(`- [${sign}] x\n`)).toMatchObject({ title: 'x', claimed_completed: false });
  });

  test('a thousand steps', () => {
    const text = Array.from({ length: 1000 }, (_, i) => `- [ ] step ${i}\n  - detail\n`).join('');
    const { subtasks } = parse('p.md', text).plan;
    expect(subtasks).toHaveLength(1000);
    expect(subtasks[999]).toMatchObject({ id: 'task-1000', needs: ['task-999'], description: '- detail' });
  });
});

describe('other programs', () => {
  test('what is not known goes into the description, what keeps books does not', () => {
    const [one, two] = load('prd.json').plan.subtasks;
    expect(one).toMatchObject({ description: 'first', acceptance: ['a'] });
    expect(two!.description).toBe('second\n\nnotes: mind x');
    expect(load('prd.json').goal).toBe('d');
  });

  test('a verification that is a plain command is a gate, any other a criterion', () => {
    const [a, b, c] = load('phases.json').plan.subtasks;
    expect(a).toMatchObject({ gates: [{ run: ['test', '-f', 'b.txt'] }], files: ['b.txt'] });
    expect(b).toMatchObject({
      gates: [],
      acceptance: ['Verification (api): method: GET, url: /x, expect_status: 200'],
    });
    expect(c).toMatchObject({ gates: [], acceptance: ['Verification (command): run `npm test && echo`'] });
  });

  test('phases side by side: all of them are waited for', () => {
    const sub = (id: string) => ({ id, description: id, status: 'pending' });
    const phases = [
      { id: 'p1', name: 'A', parallel_safe: true, depends_on: [], chunks: [sub('a'), sub('b')] },
      { id: 'p2', name: 'nothing', depends_on: ['p1'], chunks: [] },
      { id: 'p3', name: 'B', depends_on: ['p2'], chunks: [sub('c'), sub('d')] },
    ];
    const { plan } = parse('implementation_plan.json', JSON.stringify({ feature: 'F', phases }));
    expect(plan.subtasks.map(({ id, needs }) => [id, needs])).toEqual([
      ['a', []],
      ['b', []],
      ['c', ['a', 'b']],
      ['d', ['c']],
    ]);
  });

  test('a small plan of phases is one phase; stories need no state', () => {
    const small = {
      feature: 'F',
      workflow_type: 'simple',
      subtasks: [{ id: 'a', description: 'x', status: 'done' }],
    };
    expect(parse('implementation_plan.json', JSON.stringify(small)).plan.subtasks).toMatchObject([
      { id: 'a', title: 'x', claimed_completed: true },
    ]);
    const stories = { userStories: [{ id: 'US-1', title: 'x' }] };
    expect(parse('prd.json', JSON.stringify(stories)).plan.subtasks).toMatchObject([{ id: 'us-1' }]);
  });

  test('tasks without tags, and what is left out is told', () => {
    const tasks = [
      { id: 1, title: 'One', status: 'deferred' },
      { id: '2', title: 'Two', status: 'review', dependencies: [1] },
    ];
    const { plan, notes } = parse('tasks.json', JSON.stringify({ tasks, metadata: {} }));
    expect(plan.subtasks).toMatchObject([{ id: '2', needs: [], claimed_completed: false }]);
    expect(notes).toEqual(['"1" is not taken: it is deferred']);
    expect(load('tasks.json').notes[0]).toContain('the tag "beta"');
  });

  test('a planner is read in our own form alone', () => {
    const text = readFileSync(join(folder, 'prd.json'), 'utf8');
    expect(() => readPlanFile('result', text, { task: 't', origin: 'planner' })).toThrow(
      /subtasks: is missing/,
    );
  });
});
