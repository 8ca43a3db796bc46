/** Plans and process files as people have them, given to the real commands. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import { type Act, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const plans = join(import.meta.dirname, '../data/plans');

function plan(p: SeedProject, name: string, text?: string): string {
  const path = p.beside(name);
  if (text === undefined) copyFileSync(join(plans, name), path);
  else writeFileSync(path, text);
  return path;
}

const test_file =
  "test('one', () => {\n  expect(f()).toBe(1);\n});\ntest('two', () => {\n  expect(f()).toBe(2);\n});\n";
/** The agent guts the tests that are there, and writes the new one that its plan is about. */
const GUTS: Act[] = [
  {
    write: { 'test/old.test.js': "test('one', () => {\n  f();\n});\n", 'test/new.test.js': 'const f = 1;\n' },
  },
  { commit: 'test: all green' },
  { claim: { status: 'done', summary: 'all green' } },
];

test.each([
  ['a list below the label', '**Tests:**\n- `test/new.test.js`\n'],
  ['the same list as the boxes', '**Tests:**\n\n* `test/new.test.js`\n\n* [ ] do it\n'],
])('a plan that names its tests lifts no protection of others: %s', async (_, text) => {
  const p = project({ files: { 'test/old.test.js': test_file }, script: { '*': [GUTS] } });
  await p.ok(
    'init',
    '--task',
    'x',
    '--plan',
    plan(p, 'plan.md', `# Plan\n\n### Task 1: Small thing\n\n${text}`),
  );
  expect(p.json('.rasen/plan.json').subtasks[0].tests).toEqual(['test/new.test.js']);
  const { status, stdout } = await p.rasen('run');
  expect(status).toBe(3);
  expect(stdout).toMatch(/diff gate: .*test\/old\.test\.js/);
  expect((await p.view()).verified).not.toBe(true);
});

test('words under a label of tests are refused with their line, and nothing is made', async () => {
  const p = project();
  const file = plan(p, 'plan.md', '### Task 1: x\n\n**Tests:**\n- everything that there is\n- `**`\n');
  const { status, stderr } = await p.rasen('init', '--task', 'x', '--plan', file);
  expect(status).toBe(2);
  expect(stderr).toContain('plan.md:4:3: "everything that there is" under "Tests:" is not a path');
  expect(stderr).toContain('plan.md:5:3: "**" is a glob that begins with no folder');
  expect(p.has('.rasen/plan.json')).toBe(false);
});

test('a subtask that another program calls completed is done all the same where its own check says no', async () => {
  const p = project({
    script: { 'subtask-1-1': [[{ write: { 'b.txt': 'made\n' } }, ...WORKS]], '*': [WORKS] },
  });
  await p.ok('init', '--task', 'x', '--plan', plan(p, 'phases.json'));
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(({ key }) => key)).toEqual(['subtask-1-1', 'subtask-1-2', 'subtask-2-1']);
  const first = (await p.view()).subtasks.find(({ id }) => id === 'subtask-1-1');
  expect(first!.history.map(({ outcome }) => outcome)).toEqual(['gate_failed', 'ok']);
});

test('user stories in the order of their priority; what passes is asked of the gates alone', async () => {
  const p = project();
  await p.ok('init', '--task', 'x', '--plan', plan(p, 'prd.json'));
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(({ key }) => key)).toEqual(['us-002']);
  expect(await p.view()).toMatchObject({ status: 'completed', completed_subtasks: 2 });
});

test('what is not in the plan is told when it is made', async () => {
  const p = project();
  const { status, stderr } = await p.rasen('init', '--task', 'x', '--plan', plan(p, 'tasks.json'));
  expect(status).toBe(0);
  expect(stderr).toMatch(/tasks\.json: the tag "beta" .* is not taken/);
  expect(stderr).toMatch(/tasks\.json: "4" is not taken: it is cancelled/);
});

test('processes: what ends is a pipeline that runs, what stays up is named', async () => {
  const p = project({ git: false });
  p.write({
    'process-compose.yaml':
      'processes:\n  build: {command: "echo built > out.txt"}\n  web: {command: ./web, depends_on: {build: {condition: process_completed_successfully}}}\n',
  });
  const { stdout, stderr } = await p.rasen('import', 'process-compose.yaml');
  expect(stdout).toContain('#   web    not taken (line 3): nothing says whether it ends or stays up');
  expect(stderr).toContain('1 taken; not taken: web');
  p.write({ 'pipeline.yml': stdout });
  expect((await p.rasen('run', '-f', 'pipeline.yml')).status).toBe(0);
  expect(p.read('out.txt')).toBe('built\n');
});
