/**
 * A night in a minute: twelve tasks of eight subtasks in one repository, something goes wrong in every third attempt,
 * and the supervisor is killed ten times. Nobody does anything. In the morning every task is completed and verified, or
 * blocked for the reason that somebody has to see to; nothing is lost, nothing is done twice, nothing is left running.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TaskView } from '../../src/task/view.ts';
import { marked, pipelineSpec, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, type Claim, type Script, WORKS } from '../support/scripted-agent.ts';

const TASKS = 12;
const SUBTASKS = 8;
const KILLS = 10;
/** Sessions between two kills. */
const BETWEEN = 11;
const IDLE_SECONDS = 10;
/** Between two looks at the sessions: they are all in one file, which grows. */
const LOOK_MS = 200;

const says = (claim: Claim): Act[] => [{ claim }];
const passing = (status: string): Act[] => says({ status, summary: status, retry_after_seconds: 1 });
const half: Act = { write: { '{subtask}.half.txt': 'half\n' } };

/** Each with the outcome that it has to have. */
const FAULTS: [string, Act[]][] = [
  ['failed', [half, { exit: 1 }]],
  ['gate_failed', says({ status: 'done', summary: 'tests: pass' })],
  ['gate_failed', [{ write: { '{subtask}.txt': 'BROKEN\n' } }, { claim: { status: 'done' } }]],
  ['limit', [half, ...passing('limit')]],
  ['overloaded', passing('overloaded')],
  ['network', passing('network')],
  ['asked', says({ status: 'blocked', summary: 'Shall I?' })],
  ['context', says({ status: 'context', summary: 'prompt is too long' })],
  ['stalled', [half, { hang: {} }]],
  ['ok', [...WORKS, { hang: { deaf: true } }]],
  ['failed', [{ fork: 20 }, { flood: 20 }, { exit: 3 }]],
  ['lost', [half, { orphan: true }, { hang: {} }]],
  ['failed', [half, { index_lock: true }, { corrupt_index: true }, { exit: 1 }]],
  ['failed', [{ claim: 'no JSON at all' }]],
];

/** What is not to be solved by one more try; of the last subtask but two of the last tasks. */
const WALLS: [why: string, sessions: Act[][]][] = [
  ['auth', [says({ status: 'auth', summary: 'OAuth token has expired' })]],
  ['question', [says({ status: 'blocked', summary: 'Which database?' })]],
  ['review', [[{ write: { 'rasen.yml': 'gates: none\n' } }, { commit: 'easier' }]]],
  ['attempts', [[{ write: { '{subtask}.txt': 'BROKEN {nth}\n' } }]]],
];
const WALL_AT = SUBTASKS - 3;

const project = projects();
const nameOf = (task: number, subtask: number) => `t${task}-s${subtask}`;

/** The sessions of all subtasks: every third attempt of a task goes wrong, each in the next way. */
function night(): { script: Script; expected: Map<string, string[]> } {
  const script: Script = {};
  const expected = new Map<string, string[]>();
  let fault = 0;
  for (let task = 0; task < TASKS; task += 1) {
    const wall = WALLS[task - (TASKS - WALLS.length)];
    for (let subtask = 0, attempt = 0; subtask < SUBTASKS; subtask += 1) {
      const id = nameOf(task, subtask);
      if (wall && subtask === WALL_AT) {
        script[id] = wall[1];
        break;
      }
      const sessions: Act[][] = [];
      const outcomes: string[] = [];
      while (outcomes.at(-1) !== 'ok') {
        attempt += 1;
        const [outcome, acts] =
          attempt % 3 === 0 ? FAULTS[fault++ % FAULTS.length]! : (['ok', WORKS] as const);
        sessions.push(acts);
        outcomes.push(outcome);
      }
      script[id] = sessions;
      expected.set(id, outcomes);
    }
  }
  return { script, expected };
}

test(`${TASKS} tasks × ${SUBTASKS} subtasks, a fault in every third attempt, ${KILLS} kills`, {
  timeout: 400_000,
}, async () => {
  const { script, expected } = night();
  const p = project({ script });
  mkdirSync(p.instance.home, { recursive: true, mode: 0o700 });
  writeFileSync(join(p.instance.home, 'rasend.yml'), 'max_live_jobs: 6\n');
  const began = Date.now();
  await p.instance.start();
  const ids: string[] = [];
  for (let task = 0; task < TASKS; task += 1) {
    const chain = Array.from({ length: SUBTASKS }, (_, i) => ({
      id: nameOf(task, i),
      do: { agent: 'coder' },
      needs: i === 0 ? [] : [nameOf(task, i - 1)],
    }));
    const spec = pipelineSpec(chain, p.root, {
      workspace: { kind: 'git', slug: `night-${task}` },
      agents: { coder: { command: p.agent } },
      gates: [{ name: 'check', run: ['sh', 'check.sh'], timeout_seconds: 60 }],
      protected: ['rasen.yml'],
    });
    ids.push(spec.id);
    const limits = { ...spec.limits, attempts: 5, idle_timeout_seconds: IDLE_SECONDS };
    await p.instance.call('task.run', { spec: { ...spec, limits }, env: p.instance.env });
  }

  for (let kill = 1; kill <= KILLS; kill += 1) {
    await until(
      `${kill * BETWEEN} sessions`,
      async () => {
        await new Promise(resolve => setTimeout(resolve, LOOK_MS));
        return p.sessions().length >= kill * BETWEEN;
      },
      120_000,
    );
    await p.crash();
    await p.instance.start();
  }
  const views = await p.instance.call<TaskView[]>('task.wait', { tasks: ids, through_limits: true }, 300_000);

  const counts: Record<string, number> = {};
  for (const outcome of views.flatMap(v => v.subtasks.flatMap(s => s.history.map(h => h.outcome))))
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  console.log(
    `night: ${p.sessions().length} sessions, ${KILLS} kills of rasend, ${Math.round((Date.now() - began) / 1000)} s;`,
    `${views.filter(v => v.status === 'completed').length} completed, ${views.filter(v => v.status === 'blocked').length} blocked;`,
    Object.entries(counts)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(', '),
  );

  for (const [task, view] of views.entries()) {
    const wall = WALLS[task - (TASKS - WALLS.length)];
    if (wall) expect(view).toMatchObject({ status: 'blocked', why: wall[0], completed_subtasks: WALL_AT });
    else expect(view).toMatchObject({ status: 'completed', verified: true, completed_subtasks: SUBTASKS });
    const done = Array.from({ length: wall ? WALL_AT : SUBTASKS }, (_, i) => nameOf(task, i));
    for (const id of done)
      expect([id, view.subtasks.find(s => s.id === id)!.history.map(h => h.outcome)]).toEqual([
        id,
        expected.get(id),
      ]);
    const good = p.git('for-each-ref', '--format=%(refname)', `refs/rasen/${view.id}/good`).split('\n');
    const files = p.git('ls-tree', '--name-only', `refs/rasen/${view.id}/good/${good.length}`).split('\n');
    expect(done.filter(id => !files.includes(`${id}.txt`))).toEqual([]);
  }
  expect(marked(p.instance.home)).toEqual([]);
  expect(p.git('status', '--porcelain')).toBe('');
});
