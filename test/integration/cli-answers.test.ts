/** What the commands print and with which status they end, against a supervisor that says what the test wants. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { RasenError } from '../../src/contract/errors.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { buildCli, type CliBuild, runCli } from '../support/cli.ts';
import { commandView, FakeDaemon, TASK_ID, viewWith } from '../support/fake-daemon.ts';

let cli: CliBuild;
let daemon: FakeDaemon;
let project: string;
beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(() => {
  daemon = new FakeDaemon({});
  project = mkdtempSync(join(tmpdir(), 'rasen-project-'));
});
afterEach(async () => {
  await daemon.close();
  rmSync(project, { recursive: true, force: true });
});

const run = (...args: string[]) => runCli(cli, args, { home: daemon.home, cwd: project });
const expected = (name: string) => readFileSync(new URL(`../data/cli/${name}`, import.meta.url), 'utf8');

function makeProject(status?: object, submitted_at: string | null = '2026-01-27T16:30:00Z'): void {
  mkdirSync(join(project, '.rasen', 'deep'), { recursive: true });
  const task = {
    version: 1,
    id: TASK_ID,
    created_at: '2026-01-27T16:30:00Z',
    ...(submitted_at ? { submitted_at } : {}),
  };
  writeFileSync(join(project, '.rasen', 'task.json'), JSON.stringify(task));
  if (status) writeFileSync(join(project, '.rasen', 'status.json'), JSON.stringify(status));
}

async function serve(methods: FakeDaemon['methods']): Promise<void> {
  Object.assign(daemon.methods, methods);
  await daemon.start();
}

test('the client loads nothing heavy', () => {
  const inputs = Object.keys(cli.metafile.inputs);
  expect(inputs.filter(path => /node_modules\/(?!commander\/)/.test(path))).toEqual([]);
  expect(inputs.filter(path => /^src\/(supervisor|http|store|git|config|runner)\//.test(path))).toEqual([]);
});

test('status of the project’s task, as text and as JSON, from a folder below', async () => {
  makeProject();
  await serve({ 'task.get': () => viewWith() });
  const cwd = join(project, '.rasen', 'deep');
  const text = await runCli(cli, ['status'], { home: daemon.home, cwd });
  expect(text).toMatchObject({ code: 0, stdout: expected('status-running.txt'), stderr: '' });
  expect(daemon.called('task.get')).toEqual([{ task: TASK_ID }]);
  const json = await run('status', '--format', 'json');
  const state = { name: 'running', why: null, resume_at: null, message: null };
  expect(JSON.parse(json.stdout)).toEqual({ ...viewWith(), state, source: 'supervisor' });
  expect((await run('status', '--json')).stdout).toBe(json.stdout);
});

test('a name goes to the supervisor as it is, a path as a whole path', async () => {
  await serve({ 'task.get': () => viewWith() });
  await run('status', 'nightly');
  await run('status', './sub');
  await run('status', '.');
  expect(daemon.called('task.get')).toEqual([
    { task: 'nightly' },
    { task: join(project, 'sub') },
    { task: project },
  ]);
});

test('scripts get the seed’s word, and ours beside it', async () => {
  const words = {
    pending: 'running',
    running: 'running',
    waiting: 'running',
    blocked: 'interrupted',
    interrupted: 'interrupted',
    cancelled: 'interrupted',
    completed: 'completed',
    failed: 'failed',
  } as const;
  let view = viewWith();
  await serve({ 'task.get': () => view });
  for (const [name, word] of Object.entries(words)) {
    view = viewWith({
      status: name as TaskView['status'],
      reason: 'why',
      why: 'limit',
      resume_at: view.created_at,
    });
    const said = JSON.parse((await run('status', 'x', '--json')).stdout);
    const state = { name, why: 'limit', resume_at: '2026-01-27T16:30:00Z', message: 'why' };
    expect(said).toMatchObject({ status: word, state, source: 'supervisor' });
  }
});

test('a task that is not known here is told as its files last told it', async () => {
  makeProject({
    status: 'running',
    iteration: 3,
    max_iterations: 50,
    completed_subtasks: 1,
    total_subtasks: 2,
  });
  const text = await run('status');
  expect(text.code).toBe(0);
  expect(text.stdout).toBe(
    'Status: not_running\nIteration: 3/50\nProgress: 1/2 subtasks completed\nTotal commits: 0\nLast activity: 2026-01-27T16:30:00Z\n',
  );
  expect(text.stderr).toContain('no supervisor here knows this task');
  const said = JSON.parse((await run('status', '--json')).stdout);
  expect(said).toMatchObject({ status: 'not_running', source: 'project', iteration: 3, pid: null });
  await serve({ 'task.get': () => viewWith() });
  const known = JSON.parse((await run('status', '--json')).stdout);
  expect(Object.keys(said).sort()).toEqual(Object.keys(known).sort());
});

test.each(['completed', 'failed', 'interrupted'])('at rest its files are right: %s', async name => {
  makeProject({ status: name });
  expect((await run('status')).stdout).toMatch(new RegExp(`^Status: ${name}\n`));
});

test('without a supervisor what reads is answered from the disk, and what changes something needs one', async () => {
  expect(await run('list')).toMatchObject({ code: 0, stdout: 'No tasks yet.\n', stderr: '' });
  expect(JSON.parse((await run('list', '--json')).stdout)).toEqual([]);
  expect(JSON.parse((await run('report', '--json')).stdout)).toMatchObject({ source: 'disk', tasks: [] });
  expect((await run('events', '--all')).code).toBe(0);
  for (const args of [
    ['status', 'x'],
    ['logs', 'x'],
    ['wait', 'x'],
    ['events', 'x'],
    ['logs', 'x', '-f'],
  ]) {
    const { code, stderr } = await run(...args);
    expect([args, code]).toEqual([args, 2]);
    expect(stderr).toContain('no task "x"');
  }
  // In this build there is none that could be started.
  for (const args of [
    ['stop', 'x'],
    ['merge', 'x'],
    ['cancel', 'x'],
  ]) {
    const { code, stderr, stdout } = await run(...args);
    expect([args, code, stdout]).toEqual([args, 5, '']);
    expect(stderr).toContain('The supervisor did not start');
  }
});

test('without a project and without a name it is said how to go on: 2', async () => {
  await serve({});
  const { code, stderr } = await run('status');
  expect(code).toBe(2);
  expect(stderr).toContain('rasen init --task');
});

test('a task that was not run yet, and one whose state is gone', async () => {
  makeProject();
  await serve({
    'task.stop': () => {
      throw new RasenError('task_unknown', 'no such task');
    },
  });
  const gone = await run('stop');
  expect([gone.code, gone.stderr]).toEqual([
    2,
    expect.stringContaining('was run at 2026-01-27T16:30:00Z: its state was removed'),
  ]);
  makeProject(undefined, null);
  expect(await run('stop')).toMatchObject({
    code: 2,
    stderr: 'rasen: The task of this project was not run yet.\n  rasen run\n',
  });
});

test('list, as a table and as an array', async () => {
  await serve({ 'task.list': () => [viewWith({ created_at: new Date().toISOString() })] });
  expect((await run('list')).stdout).toMatch(
    /^ID +STATUS +DONE +AGE +NAME +GOAL +LAST\naaaaaaaa +running +3\/7 +\ds +auth +Implement user authentication\n$/,
  );
  expect(
    JSON.parse((await run('list', '--json', '--status', 'running,waiting', '-n', '5')).stdout),
  ).toHaveLength(1);
  expect(daemon.called('task.list').at(-1)).toEqual({
    status: ['running', 'waiting'],
    limit: 5,
    last_output: true,
  });
});

test.each([
  [{ status: 'completed', exit_code: 0 }, 0],
  [{ status: 'failed', exit_code: 1 }, 1],
  [{ status: 'blocked', exit_code: 3 }, 3],
  [{ status: 'waiting', why: 'limit', exit_code: null }, 75],
  [{ status: 'cancelled', exit_code: 130 }, 130],
] as const)('wait ends with the status of the task: %j', async (over, code) => {
  await serve({ 'task.wait': () => [viewWith(over)] });
  expect(await run('wait', 'x')).toMatchObject({ code, stdout: `${TASK_ID}  ${over.status}  auth\n` });
  expect(daemon.called('task.wait')).toEqual([{ tasks: ['x'], through_limits: false }]);
});

test('wait --wait goes through limits; of several tasks the first that is not well counts', async () => {
  const views = [{ exit_code: 0 }, { exit_code: 3 }, { exit_code: 1 }].map(over => viewWith(over));
  await serve({ 'task.wait': () => views });
  const { code, stdout } = await run('wait', 'a', 'b', 'c', '--wait', '--json');
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toHaveLength(3);
  expect(daemon.called('task.wait')).toEqual([{ tasks: ['a', 'b', 'c'], through_limits: true }]);
});

test('changes carry an op of their own', async () => {
  const view = viewWith({ status: 'interrupted' });
  await serve({
    'task.stop': () => view,
    'task.cancel': () => view,
    'task.retry': () => view,
    'task.rollback': () => view,
  });
  expect(await run('stop', 'x')).toMatchObject({
    code: 0,
    stdout: `Task auth is interrupted. Go on with: rasen resume ${TASK_ID}\n`,
  });
  await run('stop', 'x', '--force');
  await run('cancel', 'x');
  await run('retry', 'auth-4', '--task', 'x');
  await run('rollback', '--task', 'x');
  const sent = daemon.calls.map(({ params }) => params as { op: string });
  expect(sent).toMatchObject([
    { force: false },
    { force: true },
    { force: false },
    { subtask: 'auth-4' },
    { task: 'x' },
  ]);
  expect(new Set(sent.map(({ op }) => op)).size).toBe(5);
});

test('merge', async () => {
  const merged = { into: 'main', commit: 'c'.repeat(40), t: '' };
  await serve({ 'task.merge': () => viewWith({ merged }) });
  expect((await run('merge', 'x', '--into', 'main', '--squash')).stdout).toBe(
    'Merged into main: cccccccccccc\n',
  );
  expect(daemon.called('task.merge')).toMatchObject([{ task: 'x', into: 'main', squash: true }]);
});

test('an error of the supervisor: message and hint on stderr, JSON for programs, its exit status', async () => {
  await serve({
    'task.merge': () => {
      throw new RasenError('merge_conflict', 'a.txt conflicts', {
        hint: 'Mend it.',
        data: { files: ['a.txt'] },
      });
    },
    'task.get': () => {
      throw new Error('a bug with secrets');
    },
  });
  expect(await run('merge', 'x')).toMatchObject({
    code: 5,
    stdout: '',
    stderr: 'rasen: a.txt conflicts\n  Mend it.\n',
  });
  const error = {
    kind: 'merge_conflict',
    message: 'a.txt conflicts',
    hint: 'Mend it.',
    data: { files: ['a.txt'] },
  };
  expect(JSON.parse((await run('merge', 'x', '--json')).stdout)).toEqual({ error });
  expect((await run('status', 'x')).code).toBe(70);
});

test('what is no command or option: 2, and what was probably meant', async () => {
  expect(await run('statsu')).toMatchObject({ code: 2, stdout: '' });
  expect((await run('statsu')).stderr).toContain('Did you mean status?');
  expect((await run('run', '--backgroud')).stderr).toContain('Did you mean --background?');
  for (const args of [
    ['run', 'npm', 'test'],
    ['run', '--'],
    ['run', '-f', 'x', '--', 'y'],
    ['logs', '-n', 'x'],
    ['logs', '--since', 'x'],
    ['retry'],
    ['completion', 'sh'],
    ['run', '--config', 'x', '--', 'y'],
  ]) {
    expect([args, (await run(...args)).code]).toEqual([args, 2]);
  }
  expect((await run('run', 'npm', 'test')).stderr).toContain('rasen run -- npm test');
  expect(JSON.parse((await run('list', '--bogus', '--json')).stdout)).toMatchObject({
    error: { kind: 'usage' },
  });
  expect(await run('--version')).toMatchObject({ code: 0, stderr: '' });
  expect(await run('help', 'run')).toMatchObject({ code: 0, stderr: '' });
});

test('logs of one command are its bytes; of others, lines', async () => {
  const bytes = Buffer.from([0x61, 0xff, 0x0a]);
  const output = {
    kind: 'output',
    t: null,
    level: null,
    subtask: 'run',
    attempt: 1,
    job: 'run/1',
    offset: 0,
  };
  const event = {
    kind: 'event',
    t: '2026-01-27T18:45:23Z',
    level: 'INFO',
    subtask: null,
    attempt: null,
    job: null,
    offset: null,
    text: 'Iteration 15/50',
    base64: false,
  };
  const cursor = { seq: 1, outputs: {} };
  let view = commandView();
  await serve({
    'task.get': () => view,
    'log.follow': async (_params, context) => {
      const records = [event, { ...output, text: bytes.toString('base64'), base64: true }];
      await context.notify('log.data', { request: context.id, records, cursor });
      return { cursor, ended: true };
    },
  });
  expect((await run('logs', 'x')).stdout_bytes.equals(bytes)).toBe(true);
  view = viewWith();
  expect((await run('logs', 'x')).stdout).toBe(
    '2026-01-27 18:45:23 - INFO - Iteration 15/50\n[run] a\ufffd\n',
  );
  expect((await run('logs', 'x', '--subtask', 'run')).stdout_bytes.equals(bytes)).toBe(true);
  await run('logs', 'x', '-n', '7');
  await run('logs', 'x', '--follow');
  const lines = daemon.called('log.follow').map(params => (params as { lines?: number }).lines);
  // Of sessions far more is asked for: many lines of theirs are none that is shown.
  expect(lines).toEqual([50, 5000, 50, 700, undefined]);
  expect(
    (await run('logs', 'x', '--json')).stdout
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line).kind),
  ).toEqual(['event', 'output']);
});

test('doctor works without a supervisor, and with one tells of both', async () => {
  const alone = JSON.parse((await run('doctor', '--json')).stdout);
  expect(alone.findings.map((f: { check: string }) => f.check)).toEqual(
    expect.arrayContaining(['node', 'git', 'socket', 'disk', 'agents', 'supervisor']),
  );
  const error = { check: 'journal', level: 'error', message: 'broken', fix: 'mend it' };
  await serve({
    'daemon.status': () => ({ version: 'x', pid: 1 }),
    'daemon.doctor': () => ({ findings: [error] }),
  });
  const both = await run('doctor');
  expect(both.code).toBe(5);
  expect(both.stdout).toMatch(
    /^As this shell sees it:\nok +node: [\s\S]*\nAs the supervisor sees it:\n[\s\S]*error {4}journal: broken\n {9}mend it/,
  );
  expect(both.stdout).toContain('is another version');
});

test('gc tells what it did', async () => {
  await serve({
    'daemon.gc': () => ({
      removed: [{ id: 'a', name: 'n', bytes: 2048 }],
      kept: [{ id: 'b', name: 'm', reason: 'unmerged' }],
    }),
  });
  const { stdout } = await run('gc', '--older-than', '12h', '--dry-run');
  expect(stdout).toBe('would be removed: a  n\nkept: b  m: unmerged\n1 would be removed (2 KiB), 1 kept\n');
  expect(daemon.called('daemon.gc')).toEqual([
    { older_than_days: 0.5, unmerged: false, dry_run: true, damaged: false },
  ]);
});

test('config check names the place; schema is JSON', async () => {
  writeFileSync(join(project, 'rasen.yml'), 'gates: none\nparalel: 2\n');
  const wrong = await run('config', 'check');
  expect(wrong.code).toBe(2);
  expect(wrong.stdout).toMatch(/^rasen\.yml:2:1: paralel: /);
  expect(JSON.parse((await run('config', 'check', '--json')).stdout)).toMatchObject({
    ok: false,
    problems: [{ line: 2, column: 1 }],
  });
  writeFileSync(join(project, 'rasen.yml'), 'gates: none\n');
  expect(await run('config', 'check')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok\n/) });
  expect(JSON.parse((await run('config', 'schema')).stdout)).toHaveProperty('properties');
  expect(JSON.parse((await run('config', 'schema', '--plan')).stdout)).toHaveProperty('properties.subtasks');
});
