/** The views on a real disk: the files of `.rasen/` and when they are written. The log is in project-log.test.ts. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Event } from '../../../src/contract/event.ts';
import { type Files, nearFiles } from '../../../src/host/far-files.ts';
import { VIEW_LIMITS } from '../../../src/views/limits.ts';
import { ProjectViews } from '../../../src/views/project-views.ts';
import { specOf, TaskBuilder, VIEWS } from '../../support/task-builder.ts';

const run = promisify(execFile);
const PID = 4711;
/** Not a member of the supervisor's user: root is not stopped by a mode. */
const isRoot = process.getuid?.() === 0;

let project: string;
let views: ProjectViews;
let warnings: { fields: Record<string, unknown>; message: string }[];
const replace = vi.fn<Files['replace']>(nearFiles.replace);
const journals = new Map<string, Event[]>();

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'rasen-views-'));
  warnings = [];
  journals.clear();
  views = supervisor();
});
afterEach(async () => {
  await views.close();
  await rm(project, { recursive: true, force: true });
});

function supervisor(pid = PID): ProjectViews {
  return new ProjectViews({
    pid,
    files: { ...nearFiles, replace },
    log: { warn: (fields, message) => warnings.push({ fields: fields as Record<string, unknown>, message }) },
    eventsAfter: (id, after) => (journals.get(id) ?? []).filter(event => event.seq > after),
  });
}

const task = (over: Record<string, unknown> = {}) => new TaskBuilder(specOf({ project, gates: [], ...over }));
const at = (name: string) => join(project, '.rasen', name);
const json = async (name: string) => JSON.parse(await readFile(at(name), 'utf8')) as Record<string, unknown>;

/** Tells of everything that happened since the last time, and waits for the disk. */
const told = new WeakMap<TaskBuilder, number>();
function tell(life: TaskBuilder): void {
  const from = told.get(life) ?? 0;
  told.set(life, life.events.length);
  journals.set(life.state.id, [...life.events]);
  views.changed(life.state, life.events.slice(from));
}
async function show(life: TaskBuilder): Promise<void> {
  tell(life);
  await views.flush();
}

test('writes the files of the seeds, and takes the pid file away at the end', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  expect((await readdir(at(''))).sort()).toEqual(
    [
      'attempt_history.json',
      'good_commits.json',
      'implementation_plan.json',
      'logs',
      'memories.md',
      'metrics.json',
      'rasen.log',
      'rasen.pid',
      'status.json',
    ].sort(),
  );
  expect(await readFile(at('rasen.pid'), 'utf8')).toBe(`${PID}\n`);
  expect(await json('status.json')).toMatchObject({ status: 'running', pid: PID, total_subtasks: 1 });
  await show(life.done('a').add({ type: 'task_completed', verified: false, commit: null }));
  expect(await json('status.json')).toMatchObject({ status: 'completed', pid: null, completed_subtasks: 1 });
  expect(await json('good_commits.json')).toMatchObject({ commits: [{ subtask_id: 'a' }] });
  expect(existsSync(at('rasen.pid'))).toBe(false);
  expect(warnings).toEqual([]);
});

test('a task without views, and a plain command, leave no trace', async () => {
  await show(task({ views: null }).claimed());
  expect(await readdir(project)).toEqual([]);
});

test('the loop of the CI example ends with the task', async () => {
  const life = task().claimed().plan(['a', 'b']).started();
  await show(life);
  const loop = `while [ "$(jq -r .status status.json)" = "running" ]; do
    echo "Progress: $(jq .completed_subtasks status.json)/$(jq .total_subtasks status.json)"
    sleep 0.01
  done
  jq -r '.status, (.last_activity | fromdateiso8601 | type), (.started_at | fromdateiso8601 | type)' status.json`;
  const watched = run('bash', ['--norc', '-euc', loop], { cwd: at('') });
  for (const step of ['a', 'b']) await show(life.done(step));
  await show(life.add({ type: 'task_completed', verified: true, commit: null }));
  const { stdout, stderr } = await watched;
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines.slice(-3)).toEqual(['completed', 'number', 'number']);
  for (const line of lines.slice(0, -3)) expect(line).toMatch(/^Progress: [012]\/2$/);
});

test('the files go where the configuration says', async () => {
  const moved = {
    ...VIEWS,
    status_file: 'var/run/s.json',
    pid_file: 'var/p',
    memory_file: 'notes/m.md',
    log_file: 'var/out.log',
  };
  await show(task({ views: moved }).claimed());
  expect(JSON.parse(await readFile(join(project, 'var/run/s.json'), 'utf8'))).toMatchObject({
    status: 'running',
  });
  expect(await readFile(join(project, 'var/p'), 'utf8')).toBe(`${PID}\n`);
  expect(await readFile(join(project, 'notes/m.md'), 'utf8')).toMatch(/^# Memories/);
  expect(await readFile(join(project, 'var/out.log'), 'utf8')).toMatch(/ - INFO - Task submitted: auth\n$/);
});

test('what is deleted or edited is written again at the next change, as a whole', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  await writeFile(at('good_commits.json'), 'mine');
  await rm(at('status.json'));
  await rm(at('rasen.pid'));
  await show(life.begin('a'));
  expect(await json('good_commits.json')).toEqual({ commits: [] });
  expect(await json('status.json')).toMatchObject({ iteration: 1 });
  expect(await readFile(at('rasen.pid'), 'utf8')).toBe(`${PID}\n`);
  await rm(at(''), { recursive: true });
  await show(life.end('a'));
  expect(await json('attempt_history.json')).toEqual({ records: [] });
  expect(warnings).toEqual([]);
});

const lostAttempt = (life: TaskBuilder) =>
  life.begin('a').end('a', { outcome: 'lost', sealed: null }).close('a', 'lost');

const writesOf = (path: string) =>
  replace.mock.calls.filter(([place]) => join(place.root, place.path) === path).length;

test('a burst of 1000 events is few writes, and the last state is what stays', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  replace.mockClear();
  while (life.events.length < 1000) tell(lostAttempt(life));
  await views.flush();
  expect(writesOf(at('status.json'))).toBe(1);
  expect(writesOf(at('attempt_history.json'))).toBe(1);
  expect(await json('status.json')).toMatchObject({ iteration: life.state.iterations });
  const lines = (await readFile(at('rasen.log'), 'utf8')).match(/Iteration \d+/g)!;
  expect(lines).toHaveLength(life.state.iterations);
  expect(lines.at(-1)).toBe(`Iteration ${life.state.iterations}`);
});

test('while events pour in, a file is written once in each gap', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  replace.mockClear();
  const began = Date.now();
  while (writesOf(at('status.json')) < 10) {
    tell(life.add({ type: 'clock_jumped', ms: 1 }));
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  await views.flush();
  const gaps = Math.ceil((Date.now() - began) / VIEW_LIMITS.gap_ms);
  // One more for the first, and one for flush().
  expect(writesOf(at('status.json'))).toBeLessThanOrEqual(gaps + 2);
  expect(writesOf(at('good_commits.json'))).toBe(0);
});

test('an end is written at once, without a flush and without waiting for the gap', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  tell(life.add({ type: 'task_failed', reason: 'x', subtask: null }));
  await vi.waitFor(async () => expect(await json('status.json')).toMatchObject({ status: 'failed' }), {
    interval: 2,
  });
});

test('files whose content did not change are not touched', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  const before = await stat(at('good_commits.json'));
  await show(life.begin('a'));
  expect((await stat(at('good_commits.json'))).ino).toBe(before.ino);
});

test.skipIf(isRoot)(
  'a folder that cannot be written: one warning for the task, nothing thrown, and it recovers',
  async () => {
    const life = task().claimed().plan(['a']).started();
    await mkdir(at(''));
    await chmod(at(''), 0o500);
    await show(life);
    await show(life.begin('a'));
    expect(warnings).toHaveLength(1);
    await chmod(at(''), 0o700);
    await show(life.end('a'));
    expect(await json('status.json')).toMatchObject({ status: 'running' });
    expect((await readFile(at('rasen.log'), 'utf8')).match(/Task submitted/g)).toHaveLength(1);
  },
);

test('something in the way: one warning for the task, the other files are written, and it recovers', async () => {
  const life = task().claimed().plan(['a']).started();
  await mkdir(at('status.json'), { recursive: true });
  await writeFile(at('logs'), 'not a folder');
  await show(life);
  await show(life.begin('a'));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]!.fields).toMatchObject({ task: life.state.id, project });
  expect(await json('good_commits.json')).toEqual({ commits: [] });
  await rm(at('status.json'), { recursive: true });
  await rm(at('logs'));
  await show(life.end('a'));
  expect(await json('status.json')).toMatchObject({ iteration: 1 });
  expect((await readFile(at('rasen.log'), 'utf8')).match(/Task submitted/g)).toHaveLength(1);
});

test('a project that is gone is not made again', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  const away = `${project}.away`;
  await rename(project, away);
  await show(life.begin('a'));
  expect(existsSync(project)).toBe(false);
  expect(warnings).toHaveLength(1);
  await rename(away, project);
  await show(life.end('a'));
  expect(await json('status.json')).toMatchObject({ iteration: 1 });
});

test('nothing is written through a path that leaves the project', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'rasen-outside-'));
  try {
    await symlink(outside, at(''));
    await show(task().claimed());
    expect(await readdir(outside)).toEqual([]);
    expect(warnings[0]!.fields.error).toMatch(/it is behind \.rasen, which is a link or no folder/);
    await rm(at(''));
    await mkdir(at(''));
    await writeFile(join(outside, 'victim'), 'precious');
    await symlink(join(outside, 'victim'), at('status.json'));
    await symlink(join(outside, 'nowhere'), at('logs'));
    await show(task({ id: '01kfz3a0000000000000000001' }).claimed());
    await show(
      task({
        id: '01kfz3a0000000000000000002',
        views: { ...VIEWS, status_file: '../out.json', pid_file: '/tmp/p' },
      }),
    );
    expect(await readdir(outside)).toEqual(['victim']);
    expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('precious');
    expect(existsSync(join(project, '../out.json'))).toBe(false);
    expect(warnings).toHaveLength(3);
  } finally {
    await rm(outside, { recursive: true, force: true });
  }
});

test('the files show the newest task of the project, rather one that moves than one that does not', async () => {
  const old = task().claimed().plan(['a']).started();
  await show(old.add({ type: 'task_interrupted', by: 'user' }));
  const young = new TaskBuilder(
    specOf({ project, gates: [], id: '01kfz3b0000000000000000000' }),
    '2026-01-28T00:00:00Z',
  )
    .plan(['b'])
    .started();
  await show(young);
  expect(await json('status.json')).toMatchObject({ task_id: young.state.id, status: 'running' });
  await show(young.add({ type: 'task_completed', verified: false, commit: null }));
  // A restart: both are shown again, in any order.
  for (const order of [
    [old, young],
    [young, old],
  ]) {
    await views.close();
    views = supervisor();
    for (const life of order) views.changed(life.state, []);
    await views.flush();
    expect(await json('status.json')).toMatchObject({ task_id: young.state.id, status: 'completed' });
  }
  await show(old.add({ type: 'task_resumed' }));
  expect(await json('status.json')).toMatchObject({ task_id: old.state.id, status: 'running' });
});

test('QA_ESCALATION.md comes with the block and goes with the answer', async () => {
  const qa = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 1 };
  const life = task({ qa })
    .claimed()
    .plan(['a'])
    .started()
    .begin('a')
    .end('a')
    .gate('a', 'clean')
    .gate('a', 'diff');
  life.gate('a', 'qa', {
    passed: false,
    reason: 'no',
    findings: [{ kind: 'qa', path: null, line: null, text: 'Broken' }],
  });
  life
    .close('a', 'gate_failed', { reason: 'qa: no' })
    .add({ type: 'task_blocked', why: 'review', message: 'same', subtask: 'a' });
  await show(life);
  expect(await readFile(at('QA_ESCALATION.md'), 'utf8')).toContain('- Broken (1 times)');
  await show(life.add({ type: 'task_resumed' }));
  expect(existsSync(at('QA_ESCALATION.md'))).toBe(false);
});

test('an orderly stop of the supervisor takes its pid away, the next one writes its own', async () => {
  const life = task().claimed().plan(['a']).started();
  await show(life);
  await views.close();
  expect(existsSync(at('rasen.pid'))).toBe(false);
  expect(await json('status.json')).toMatchObject({ status: 'running' });
  views = supervisor(4712);
  views.changed(life.state, []);
  await views.flush();
  expect(await readFile(at('rasen.pid'), 'utf8')).toBe('4712\n');
});
