/** The seed's way through a project, with the real supervisor: init, run, status, logs, stop, resume, merge, reinit. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildCli, type CliBuild, endSupervisor, runCli } from '../support/cli.ts';

let cli: CliBuild;
let home: string;
let project: string;
beforeAll(async () => {
  cli = await buildCli('real');
});
afterAll(() => cli.remove());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rasen-home-'));
  project = mkdtempSync(join(tmpdir(), 'rasen-project-'));
  git('init', '-q', '-b', 'main');
  writeFileSync(join(project, 'rasen.yml'), CONFIG);
  git('add', '-A');
  git('commit', '-q', '-m', 'base');
});
afterEach(async () => {
  await endSupervisor(cli, home);
  for (const folder of [home, project]) rmSync(folder, { recursive: true, force: true });
});

/** An agent that makes a file named after its subtask, or waits while there is a file `wait` beside the project. */
const AGENT =
  'cat > /dev/null; until test ! -e "$WAIT_FILE"; do sleep 0.05; done; echo x > "$RASEN_SUBTASK.txt"';
const CONFIG = `agent: [sh, -c, '${AGENT}']\ngates: none\norchestrator: { session_delay_seconds: 0 }\npass_env: WAIT_FILE\n`;
const PLAN =
  'subtasks:\n  - { id: auth-1, title: First, description: do it }\n  - { id: auth-2, title: Second, description: do it, needs: auth-1 }\n';

const ENV = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b',
};
const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: project, env: { ...process.env, ...ENV }, encoding: 'utf8' });
const run = (...args: string[]) =>
  runCli(cli, args, { home, cwd: project, env: { ...ENV, WAIT_FILE: join(home, 'wait') } });
const inRasen = (name: string) => join(project, '.rasen', name);

async function init(...more: string[]): Promise<void> {
  writeFileSync(join(home, 'plan.yml'), PLAN);
  expect(
    await run('init', '--task', 'Implement user authentication', '--plan', join(home, 'plan.yml'), ...more),
  ).toMatchObject({ code: 0 });
}

test('init writes the files, keeps them out of git and starts nothing', async () => {
  mkdirSync(join(project, 'sub'));
  const { code, stdout } = await runCli(cli, ['init', '--task', 'Do it', '--json'], {
    home,
    cwd: join(project, 'sub'),
  });
  expect(code).toBe(0);
  const { id, project: root } = JSON.parse(stdout);
  expect(root.endsWith(project)).toBe(true);
  expect(JSON.parse(readFileSync(inRasen('task.json'), 'utf8'))).toMatchObject({
    version: 1,
    id,
    submitted_at: null,
  });
  expect(readFileSync(inRasen('task.txt'), 'utf8')).toBe('Do it\n');
  expect(readdirSync(inRasen('prompts')).toSorted()).toEqual([
    'coder.md',
    'initializer.md',
    'qa.md',
    'reviewer.md',
  ]);
  expect(git('status', '--short')).toBe('');
  expect(existsSync(join(home, 'run'))).toBe(false);
  expect((await run('status')).stdout).toMatch(/^Status: initialized\nIteration: 0\n/);
  await run('init', '--task', 'Again');
  expect(
    git('rev-parse', '--git-path', 'info/exclude') &&
      readFileSync(join(project, '.git/info/exclude'), 'utf8').match(/\.rasen\//g),
  ).toHaveLength(1);
});

test('init keeps prompts that are there; a wrong plan writes nothing', async () => {
  mkdirSync(inRasen('prompts'), { recursive: true });
  writeFileSync(inRasen('prompts/coder.md'), 'mine');
  writeFileSync(join(project, 'bad.yml'), 'subtasks:\n  - { id: a, run: [x], needs: [b] }\n');
  const bad = await run('init', '--task', 'x', '--plan', 'bad.yml');
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('bad.yml:2:') });
  expect(existsSync(inRasen('task.json'))).toBe(false);
  await run('init', '--task', 'x');
  expect(readFileSync(inRasen('prompts/coder.md'), 'utf8')).toBe('mine');
  expect((await run('init')).code).toBe(2);
});

test('from init to merge', async () => {
  await init();
  const started = await run('run', '--background');
  expect(started.code).toBe(0);
  expect(started.stdout).toMatch(
    /^Starting daemon\.\.\. \(PID file: \.rasen\/rasen\.pid, log: \.rasen\/rasen\.log\)\nDaemon started with PID \d+\n$/,
  );
  expect(await run('wait')).toMatchObject({ code: 0 });
  const { stdout } = await run('status');
  expect(stdout).toMatch(
    /^Status: completed\n(PID: \d+\n)?Iteration: 2\/50\nProgress: 2\/2 subtasks completed\nTotal commits: 2\n/,
  );
  expect(stdout).toMatch(/\nNext: rasen merge \w{26}\n/);
  expect((await run('logs')).stdout).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - INFO - Working on subtask: auth-1$/m,
  );
  expect(await run('run')).toMatchObject({ code: 0, stderr: expect.stringContaining('completed') });
  expect(await run('merge')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Merged into main: /) });
  expect(existsSync(join(project, 'auth-2.txt'))).toBe(true);
});

test('in the foreground: progress on stderr, the status on stdout', async () => {
  await init();
  const ran = await run('run');
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Status: completed\n/) });
  expect(ran.stderr).toMatch(/auth-1: completed\n[\s\S]*auth-2: completed\n[\s\S]*task completed\n/);
});

test('stop and resume, with the lines of the seed', async () => {
  await init();
  writeFileSync(join(home, 'wait'), '');
  await run('run', '--background');
  expect(await run('run', '--background')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('already running'),
  });
  const refused = await run('init', '--task', 'other');
  expect(refused).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/unfinished[\s\S]*rasen cancel \w{26}[\s\S]*rasen reinit --force/),
  });
  expect(await run('stop')).toMatchObject({ code: 0, stdout: expect.stringContaining('interrupted') });
  rmSync(join(home, 'wait'));
  const resumed = await run('resume', '--background');
  expect(resumed.stdout).toMatch(
    /^Resuming task: Implement user authentication\nProgress: 0\/2 subtasks completed\nLast working on: auth-1\n {2}Description: do it\n\nStarting again with: auth-1\nDaemon started with PID \d+\n$/,
  );
  expect(await run('wait')).toMatchObject({ code: 0 });
});

test('the plan: shown, edited, and edited again while it is wrong is refused', async () => {
  await init();
  expect((await run('plan', 'show')).stdout).toBe(
    'Implement user authentication\nauth-1  First\nauth-2  Second  (after auth-1)\n',
  );
  const edit = (script: string) =>
    runCli(cli, ['plan', 'edit'], { home, cwd: project, env: { ...ENV, EDITOR: `sh -c '${script}' --` } });
  expect(await edit('true')).toMatchObject({ code: 0, stderr: expect.stringContaining('not changed') });
  expect(await edit('sed -i s/auth-2/auth-9/ "$1"')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('saved'),
  });
  expect(JSON.parse((await run('plan', 'show', '--json')).stdout).subtasks[1].id).toBe('auth-9');
  expect(await edit('echo "subtasks: 1" > "$1"')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/plan-edit-\w+\.yml:1:[\s\S]*Your edit is kept/),
  });
  expect(await edit('exit 7')).toMatchObject({ code: 5, stderr: expect.stringContaining('status 7') });
});

test('a running task: its plan is that of the supervisor; edits wait for a stop', async () => {
  await init();
  writeFileSync(join(home, 'wait'), '');
  await run('run', '--background');
  const yaml = await run('plan', 'show', '--format', 'yaml');
  writeFileSync(join(project, 'new.yml'), yaml.stdout.replace('Second', 'Another'));
  expect(await run('plan', 'import', 'new.yml')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('rasen stop'),
  });
  await run('stop');
  expect(await run('plan', 'import', 'new.yml')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('revision 2'),
  });
  expect((await run('plan', 'show')).stdout).toContain('Another');
});

test('reinit makes a new task, with force also of an unfinished one', async () => {
  await init();
  writeFileSync(join(home, 'wait'), '');
  await run('run', '--background');
  const before = JSON.parse((await run('status', '--json')).stdout).id;
  expect(await run('reinit')).toMatchObject({ code: 5, stderr: expect.stringContaining('--force') });
  expect(await run('reinit', '--force')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Reinitialized'),
  });
  expect((await run('status')).stdout).toMatch(/^Status: reinitialized\n/);
  expect(JSON.parse((await run('status', before, '--json')).stdout).state.name).toBe('cancelled');
  rmSync(join(home, 'wait'));
  expect(await run('run')).toMatchObject({ code: 0 });
  await run('reinit', '--keep-progress');
  expect(await run('run')).toMatchObject({ code: expect.any(Number) });
  const { base } = JSON.parse((await run('status', '--json')).stdout);
  expect(git('log', '--format=%s', base).split('\n').length).toBeGreaterThan(2);
});
