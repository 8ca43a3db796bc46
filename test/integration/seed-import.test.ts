/** Plans of others: what they call completed is neither believed nor done again without need; the gates say. */
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import { WORKS } from '../support/scripted-agent.ts';

const project = projects();
/** Done when its file is there; the project's own gate knows nothing of it. */
const old = (id: string, status: string, dependencies: string[] = []) => ({
  id,
  description: `Do ${id}`,
  status,
  dependencies,
  acceptance_criteria: [`${id}.txt is there`],
});

test('implementation_plan.json of RASEN in the middle of its work', async () => {
  const p = project({
    // A gate that is red until all that the plan calls completed is there.
    config: {
      gates: [
        ['sh', 'check.sh'],
        ['sh', '-c', '[ -e auth-1.txt ]'],
      ],
    },
    files: { 'auth-1.txt': 'done by RASEN\n' },
    script: { '*': [WORKS] },
  });
  const plan = {
    task_name: 'auth',
    subtasks: [
      old('auth-1', 'completed'),
      old('auth-2', 'in_progress', ['auth-1']),
      old('auth-3', 'pending', ['auth-2']),
    ],
  };
  writeFileSync(p.beside('implementation_plan.json'), JSON.stringify(plan));
  await p.ok('init', '--task', 'Go on with it', '--plan', p.beside('implementation_plan.json'));
  expect(await p.ok('plan', 'show')).toContain(
    'auth-1  Do auth-1  (said to be completed; the gates are asked first)\n',
  );
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['auth-2', 'auth-3']);
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true, completed_subtasks: 3 });
  const log = await p.ok('logs', '-n', 'all');
  expect(log).toMatch(
    /Checking subtask auth-1, which its plan calls completed\n.*Running gate: sh check\.sh\n.*passed\n.*\n.*passed\n.*Subtask auth-1 completed\n/,
  );
  expect(p.json('.rasen/metrics.json').sessions.map((s: { subtask_id: string }) => s.subtask_id)).toEqual([
    'auth-2',
    'auth-3',
  ]);
});

test('Markdown with checkboxes: what is checked and red is done, and told what is red', async () => {
  const p = project({
    config: { gates: 'none' },
    script: { '*': [WORKS] },
  });
  const box = (done: boolean) => `- [${done ? 'x' : ' '}] it works\n`;
  writeFileSync(
    p.beside('plan.md'),
    `# Auth\n\n### Task 1: Form\n\n${box(true)}\n### Task 2: Mail\n\n${box(false)}`,
  );
  await p.ok('init', '--task', 'Go on with it', '--plan', p.beside('plan.md'));
  // Without gates nothing is believed.
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['task-1', 'task-2']);

  // Nothing is claimed that is not true of the gates: the session hears of it.
  const q = project({
    config: { baseline: 'allow', gates: [['sh', '-c', 'cat task-1.txt']] },
    script: { '*': [WORKS] },
  });
  writeFileSync(q.beside('plan.md'), `### Task 1: Form\n\n${box(true)}`);
  await q.ok('init', '--task', 'Go on with it', '--plan', q.beside('plan.md'));
  expect((await q.rasen('run')).status).toBe(0);
  const [session] = q.sessions('task-1');
  expect(session!.prompt).toMatch(/- attempt 1: gate_failed: .*exit code 1/);
  expect(session!.prompt).toContain('task-1.txt: No such file');
  expect((await q.view()).subtasks.find(s => s.id === 'task-1')!.history.map(h => h.outcome)).toEqual([
    'gate_failed',
    'ok',
  ]);
});
