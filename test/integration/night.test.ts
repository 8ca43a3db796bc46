/**
 * A night in minutes: thirteen tasks of eight subtasks in one repository, something goes wrong in every third attempt, and
 * the supervisor is killed ten times, and by an agent now and then. Nobody does anything; something like a service manager
 * starts it again. In the morning every task is completed and verified, or blocked for the reason that somebody has to
 * see to; nothing is lost, nothing is done twice, nothing is left running, and `rasen report` says so.
 *
 * The clock is scaled where it is stated: a second here is ten minutes of a night. What agents and services say about time
 * (the end of a limit, how long to stay away, when to look for a login) is that much shorter.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Report } from '../../src/contract/report.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { marked, pipelineSpec, until } from '../support/instance.ts';
import { EXTRA, FAULTS, type Fault, STREAM_FAULTS, streamed, WALLS } from '../support/night-faults.ts';
import { projects } from '../support/projects.ts';
import { type Act, isAlive, type Script, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const TASKS = 13;
const SUBTASKS = 8;
const KILLS = 10;
/** Tasks whose agent is spoken with in the stream of claude. */
const STREAMS = 2;
/** Sessions between two kills. */
const BETWEEN = 10;
/** Between two looks at what has happened. */
const LOOK_MS = 300;
const NIGHT_MS_MAX = 300_000;
/** Where a wall stands: the last subtask but two. */
const WALL_AT = SUBTASKS - 3;

const project = projects();
const nameOf = (task: number, subtask: number) => `t${task}-s${subtask}`;
const wallOf = (task: number) => WALLS[task - (TASKS - WALLS.length)];
const isStream = (task: number) => task < STREAMS || wallOf(task)?.stream === true;
const doneOf = (task: number) => (wallOf(task) ? WALL_AT : SUBTASKS);
const pause = () => new Promise<void>(resolve => setTimeout(resolve, LOOK_MS));

interface Night {
  script: Script;
  /** Outcomes of each subtask that is completed. */
  expected: Map<string, string[]>;
  /** Shorter limits of the subtasks that need them. */
  timeouts: Map<string, number>;
}

/** The sessions of all subtasks: every third attempt of a task goes wrong, each in the next way. */
function night(): Night {
  const script: Script = {};
  const expected = new Map<string, string[]>();
  const timeouts = new Map<string, number>();
  let fault = 0;
  let inStream = 0;
  for (let task = 0; task < TASKS; task += 1) {
    const stream = isStream(task);
    const next = (): Fault => {
      const found = stream
        ? STREAM_FAULTS[inStream++ % STREAM_FAULTS.length]!
        : FAULTS[fault++ % FAULTS.length]!;
      return found.outcome === wallOf(task)?.never ? next() : found;
    };
    const works: Act[] = stream ? streamed(WORKS) : WORKS;
    for (let subtask = 0, attempt = 0; subtask < SUBTASKS; subtask += 1) {
      const id = nameOf(task, subtask);
      const wall = wallOf(task);
      if (wall && subtask === WALL_AT) {
        script[id] = wall.sessions;
        break;
      }
      const sessions: Act[][] = [];
      const outcomes: string[] = [];
      while (outcomes.at(-1) !== 'ok') {
        attempt += 1;
        const { outcome, acts, timeout_seconds } =
          attempt % 3 === 0 ? next() : { outcome: 'ok', acts: works, timeout_seconds: undefined };
        sessions.push(acts);
        outcomes.push(outcome);
        if (timeout_seconds !== undefined) timeouts.set(id, timeout_seconds);
      }
      script[id] = sessions;
      expected.set(id, outcomes);
    }
  }
  return { script, expected, timeouts };
}

/** Whether a task stands where it has to stand in the morning. */
function stands(view: TaskView, task: number): boolean {
  const wall = wallOf(task);
  const end = wall ? view.status === 'blocked' && view.why === wall.why : view.status === 'completed';
  return end && view.completed_subtasks === doneOf(task);
}

/** As a service manager does: a supervisor that is gone is started again. */
class Keeper {
  starts = 0;
  readonly #project: SeedProject;
  #on = true;
  readonly #done: Promise<void>;

  constructor(p: SeedProject) {
    this.#project = p;
    this.#done = this.#keep();
  }

  async #keep(): Promise<void> {
    const { instance } = this.#project;
    while (this.#on) {
      const { daemon } = instance;
      if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) {
        // It may be killed again before it answers.
        await instance.start().catch(() => {});
        this.starts += 1;
      }
      await pause();
    }
  }

  /** SIGKILL to the supervisor; resolves when another one answers. */
  async kill(): Promise<void> {
    const { starts } = this;
    const pid = await until('a supervisor lives', () => {
      const found = this.#project.instance.pid();
      return found !== null && isAlive(found) ? found : null;
    });
    process.kill(pid, 'SIGKILL');
    await until('another one is there', () => this.starts > starts);
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#done;
  }
}

/** All tasks are handed over in the evening. */
async function evening(p: SeedProject, { timeouts }: Night): Promise<string[]> {
  const ids: string[] = [];
  for (let task = 0; task < TASKS; task += 1) {
    const chain = Array.from({ length: SUBTASKS }, (_, i) => ({
      id: nameOf(task, i),
      do: { agent: 'coder' },
      needs: i === 0 ? [] : [nameOf(task, i - 1)],
      timeout_seconds: timeouts.get(nameOf(task, i)) ?? null,
    }));
    const backend = isStream(task) ? 'claude' : 'command';
    const spec = pipelineSpec(chain, p.root, {
      workspace: { kind: 'git', slug: `night-${task}` },
      agents: { coder: { backend, command: p.agent } },
      gates: [{ name: 'check', run: ['sh', 'check.sh'], timeout_seconds: 60 }],
      protected: ['rasen.yml'],
    });
    ids.push(spec.id);
    const limits = { ...spec.limits, ...EXTRA, ...wallOf(task)?.limits };
    await p.instance.call('task.run', { spec: { ...spec, limits }, env: p.instance.env });
  }
  return ids;
}

async function viewsOf(p: SeedProject, ids: string[]): Promise<TaskView[]> {
  const all = await p.instance.call<TaskView[]>('task.list', {});
  return ids.map(id => all.find(view => view.id === id)!);
}

/** Waits until every task stands where it has to; one that stands elsewhere is told at once, not after the whole time. */
async function morning(p: SeedProject, ids: string[]): Promise<TaskView[]> {
  return await until(
    'every task stands where it has to',
    async () => {
      await pause();
      const views = await viewsOf(p, ids);
      for (const [task, view] of views.entries()) {
        const over = view.status === 'completed' || (view.status === 'blocked' && view.why !== 'auth');
        if (over && !stands(view, task))
          throw new Error(`task ${task} is ${view.status} (${view.why}): ${view.reason}`);
      }
      return views.every(stands) ? views : null;
    },
    NIGHT_MS_MAX,
  );
}

/** Attempts at subtasks of the plans, by outcome; what rasen adds (checks before and after) is apart. */
function counted(views: TaskView[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of views.flatMap(v =>
    v.subtasks.filter(s => !s.id.startsWith('_')).flatMap(s => s.history.map(h => h.outcome)),
  ))
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

test(`${TASKS} tasks × ${SUBTASKS} subtasks, a fault in every third attempt, ${KILLS} kills`, {
  timeout: NIGHT_MS_MAX + 100_000,
}, async () => {
  const plan = night();
  const p = project({ script: plan.script });
  mkdirSync(p.instance.home, { recursive: true, mode: 0o700 });
  writeFileSync(join(p.instance.home, 'rasend.yml'), 'max_live_jobs: 6\n');
  const began = Date.now();
  await p.instance.start();
  const ids = await evening(p, plan);
  const keeper = new Keeper(p);
  let views: TaskView[];
  try {
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await until(
        `${kill * BETWEEN} sessions`,
        async () => {
          await pause();
          return p.begun() >= kill * BETWEEN;
        },
        NIGHT_MS_MAX,
      );
      await keeper.kill();
    }
    views = await morning(p, ids);
  } finally {
    await keeper.stop();
  }

  const counts = counted(views);
  console.log(
    `night: ${p.sessions().length} sessions, ${keeper.starts} restarts of rasend, ${Math.round((Date.now() - began) / 1000)} s;`,
    Object.entries(counts)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(', '),
  );
  console.log((await p.ok('report', '--since', '1h')).split('\n').slice(0, 40).join('\n'));

  for (const [task, view] of views.entries()) {
    const done = Array.from({ length: doneOf(task) }, (_, i) => nameOf(task, i));
    for (const id of done)
      expect([id, view.subtasks.find(s => s.id === id)!.history.map(h => h.outcome)]).toEqual([
        id,
        plan.expected.get(id),
      ]);
    if (!wallOf(task)) expect(view.verified).toBe(true);
    const good = p.git('for-each-ref', '--format=%(refname)', `refs/rasen/${view.id}/good`).split('\n');
    const files = p.git('ls-tree', '--name-only', `refs/rasen/${view.id}/good/${good.length}`).split('\n');
    expect(done.filter(id => !files.includes(`${id}.txt`))).toEqual([]);
  }
  expect(keeper.starts).toBeGreaterThanOrEqual(KILLS);
  await tellsAll(p, views, counts);
  // A login is looked for again and again: that one goes on in the morning, too.
  for (const view of views)
    if (view.status === 'blocked') await p.instance.call('task.cancel', { task: view.id });
  await until('nothing is left running', () => marked(p.instance.home).length === 0);
  expect(p.git('status', '--porcelain')).toBe('');
});

/** What a user reads in the morning: what happened, what it cost, what needs them and what to type. */
async function tellsAll(p: SeedProject, views: TaskView[], counts: Record<string, number>): Promise<void> {
  const report: Report = JSON.parse(await p.ok('report', '--since', '1h', '--json'));
  const blocked = views.filter(view => view.status === 'blocked');
  expect(report.totals).toMatchObject({
    tasks: TASKS,
    by_status: { verified: TASKS - WALLS.length, blocked: WALLS.length },
    needs_you: WALLS.length,
  });
  expect(report.damaged).toEqual([]);
  expect(
    report.tasks
      .filter(task => task.needs_you)
      .map(({ id, why }) => [id, why])
      .sort(),
  ).toEqual(blocked.map(({ id, why }) => [id, why]).sort());
  for (const task of report.tasks) {
    expect(task.next === null, `${task.id}: ${task.status}`).toBe(false);
    if (task.needs_you) expect(task.reason).toBeTruthy();
  }
  const told: Record<string, number> = {};
  for (const task of report.tasks)
    for (const [outcome, count] of Object.entries(task.attempts))
      told[outcome] = (told[outcome] ?? 0) + count;
  // Sessions that look for a login go on meanwhile.
  for (const [outcome, count] of Object.entries(counts))
    expect([outcome, told[outcome] ?? 0]).toEqual([outcome, expect.toSatisfy((n: number) => n >= count)]);
  expect(Math.max(...report.tasks.map(task => task.restarts))).toBeGreaterThanOrEqual(KILLS / 2);
  expect(report.totals.total_tokens).toBeGreaterThan(0);
  expect(report.totals.cost_usd).toBeGreaterThan(0);
}
