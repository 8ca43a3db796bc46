/** `base_tests: true`: the gates once more with the tests as they were before the task, for real. */
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import { type Act, WORKS } from '../support/scripted-agent.ts';

/** Every test is a script; without one the gate is red, as with any runner of tests. */
const RUN =
  'set -- test/*.test.sh; [ -e "$1" ] || { echo no tests; exit 1; }; for t; do sh "$t" || { echo "red: $t"; exit 1; }; done\n';
const project = projects({ config: { gates: [['sh', 'run.sh']], base_tests: true } });
const files = {
  'run.sh': RUN,
  'test/one.test.sh': '. test/lib.sh; has one\n',
  'test/two.test.sh': '. test/lib.sh; has two\n',
  'test/lib.sh': 'has() { grep -q "$1" app.txt; }\n',
};
const works = (...acts: Act[]): Act[] => [...acts, ...WORKS];
const subtask = { id: 'a', tests: ['test/**'] };

test('tests that were changed to fit the work: a person is asked, with gate and tests, and accepts', async () => {
  const p = project({
    files,
    script: {
      a: [
        works(
          { write: { 'app.txt': 'uno\ntwo\nthree\n', 'test/one.test.sh': '. test/lib.sh; has uno\n' } },
          { write: { 'test/three.test.sh': '. test/lib.sh; has three\n' } },
        ),
      ],
    },
  });
  await p.init([subtask]);
  expect(await p.rasen('run')).toMatchObject({ status: 3 });
  expect(await p.view()).toMatchObject({
    status: 'blocked',
    why: 'review',
    reason: '_final, attempt 1: base_tests:sh run.sh gate: exit code 1',
  });
  const log = await p.ok('logs', '--gates', '-n', 'all');
  expect(log).toContain('[_final] red: test/one.test.sh\n');
  expect(log).toMatch(
    /WARNING - Gate base_tests:sh run\.sh: test\/one\.test\.sh: the test of the base commit was run/,
  );
  expect(log).toMatch(/WARNING - Gate base_tests:sh run\.sh: test\/three\.test\.sh: /);
  expect(log).not.toContain('test/two.test.sh: ');
  expect(p.sessions()).toHaveLength(1);
  expect((await p.rasen('resume')).status).toBe(0);
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
  expect(await p.ok('logs', '-n', 'all')).toContain('tolerated, for a person has accepted it');
  await p.ok('merge');
  expect([p.read('app.txt'), p.has('test/three.test.sh'), p.git('status', '--porcelain')]).toEqual([
    'uno\ntwo\nthree\n',
    true,
    '',
  ]);
});

test('work that the old tests bear out is completed; a helper of tests is that of the base, too', async () => {
  const p = project({
    files,
    script: {
      a: [
        works(
          { write: { 'test/lib.sh': 'has() { grep -q "$1" app.txt; }\nhas_not() { ! has "$1"; }\n' } },
          { write: { 'test/new.test.sh': '. test/lib.sh; has_not nine\n' } },
        ),
      ],
    },
  });
  await p.init([subtask]);
  expect((await p.rasen('run')).status).toBe(0);
  const log = await p.ok('logs', '-n', 'all');
  expect(log).toMatch(/Gate sh run\.sh passed\n[^\n]*\n[^\n]*Gate base_tests:sh run\.sh passed\n/);
  expect(p.git('worktree', 'list').split('\n')).toHaveLength(1);
});

test('where there were no tests before, those of today are run again', async () => {
  const p = project({
    files: { 'run.sh': `${RUN.replace('exit 1', 'exit 0')}` },
    script: { a: [works({ write: { 'test/new.test.sh': 'grep -q one app.txt\n' } })] },
  });
  await p.init([subtask]);
  expect((await p.rasen('run')).status).toBe(0);
});
