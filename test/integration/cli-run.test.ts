/** `rasen run` with the real supervisor: commands, pipelines, signals, the start of a supervisor. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { instancePaths } from '../../src/paths.ts';
import { buildCli, type CliBuild, endSupervisor, runCli, startCli } from '../support/cli.ts';
import { until } from '../support/runner-rig.ts';

let cli: CliBuild;
let home: string;
beforeAll(async () => {
  cli = await buildCli('real');
});
afterAll(() => cli.remove());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rasen-run-'));
});
afterEach(async () => {
  await endSupervisor(cli, home);
  rmSync(home, { recursive: true, force: true });
});

const run = (...args: string[]) => runCli(cli, args, { home });
const list = async () => JSON.parse((await run('list', '--json')).stdout);

test('a command in the foreground: its bytes on stdout, the rest on stderr, its end as status', async () => {
  const good = await run('run', '--', 'sh', '-c', "printf 'a\\377b\\n'; printf 'no end'");
  expect(good.code).toBe(0);
  expect(
    good.stdout_bytes.equals(Buffer.concat([Buffer.from([0x61, 0xff, 0x62, 10]), Buffer.from('no end')])),
  ).toBe(true);
  expect(good.stderr).toMatch(/^rasen: no supervisor answers; starting one\nrasen: task [0-9a-z]{26}\n$/);
  const bad = await run('run', '--', 'sh', '-c', 'echo out; exit 3');
  expect(bad).toMatchObject({ code: 1, stdout: 'out\n', stderr: expect.stringContaining('exit code 3') });
});

test('in the background: the id, or the view, and nothing else on stdout', async () => {
  const text = await run('run', '--background', '--', 'true');
  expect(text).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-z]{26}\n$/) });
  const json = await run('run', '--background', '--format', 'json', '--name', 'second', '--', 'true');
  const view = JSON.parse(json.stdout);
  expect(view).toMatchObject({ id: expect.any(String), name: 'second' });
  expect(await run('wait', view.id, text.stdout.trim())).toMatchObject({ code: 0 });
});

test('the command gets what is usual of the shell and what is asked for, without ours', async () => {
  const env = { WANTED: 'x y', OTHER: 'z', LC_ALL: 'C', npm_config_x: '1' };
  const script = 'echo "$WANTED/$OTHER/$LC_ALL/$npm_config_x/$RASEN_HOME"';
  const { stdout, stderr } = await runCli(cli, ['run', '--env', 'WANTED', '--', 'sh', '-c', script], {
    home,
    env,
  });
  expect(stdout).toBe('x y//C//\n');
  expect(stderr).toContain('not handed to the task: OTHER, npm_config_x.');
});

test('one task per key', async () => {
  const once = () => run('run', '--background', '--key', 'nightly', '--', 'true');
  const [first, second] = [await once(), await once()];
  expect(second.stdout).toBe(first.stdout);
  expect(second.stderr).toContain('there already');
  expect(await run('run', '--background', '--key', 'nightly', '--', 'false')).toMatchObject({
    code: 5,
    stdout: '',
  });
});

test('a file of subtasks', async () => {
  writeFileSync(
    join(home, 'p.yml'),
    'subtasks:\n  a: [sh, -c, "echo A"]\n  b: { run: [sh, -c, "echo B"], needs: a }\n',
  );
  const ran = await run('run', '-f', 'p.yml');
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Status: completed\n/) });
  expect(ran.stderr).toContain('a: completed');
  const [{ id }] = await list();
  expect((await run('logs', id)).stdout).toMatch(/\[a\] A\n[\s\S]*\[b\] B\n/);
  expect((await run('logs', id, '--subtask', 'b')).stdout).toBe('B\n');
  writeFileSync(join(home, 'p.yml'), 'subtasks:\n  a: [true]\n  b: { run: [x], needs: c }\n');
  expect(await run('run', '-f', 'p.yml')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/p\.yml:\d+:\d+: /),
  });
});

test('SIGINT without a terminal stops the task; it can be resumed', async () => {
  const flag = join(home, 'flag');
  const running = startCli(
    cli,
    ['run', '--', 'sh', '-c', `test -e ${flag} || { touch ${flag}; echo up; sleep 60; }`],
    { home },
  );
  await until('the command', () => running.stdout().includes('up'));
  running.child.kill('SIGINT');
  expect(await running.ended).toMatchObject({
    code: 130,
    stderr: expect.stringContaining('stopping the task'),
  });
  const [{ id, status }] = await list();
  expect(status).toBe('interrupted');
  const resumed = await run('resume', id);
  expect(resumed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Resuming task: /) });
});

test('SIGHUP detaches: the task goes on', async () => {
  const running = startCli(cli, ['run', '--', 'sh', '-c', 'echo up; sleep 60'], { home });
  await until('the command', () => running.stdout().includes('up'));
  running.child.kill('SIGHUP');
  expect(await running.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('detached') });
  expect(await list()).toMatchObject([{ status: 'running' }]);
});

test('a killed supervisor does not disturb a run in the foreground', async () => {
  const go = join(home, 'go');
  const running = startCli(
    cli,
    ['run', '--', 'sh', '-c', `echo one; until test -e ${go}; do sleep 0.05; done; echo two`],
    { home },
  );
  await until('the first line', () => running.stdout() === 'one\n');
  const { pid } = instancePaths({ RASEN_HOME: home });
  process.kill(Number(readFileSync(pid, 'utf8')), 'SIGKILL');
  writeFileSync(go, '');
  expect(await running.ended).toMatchObject({ code: 0, stdout: 'one\ntwo\n' });
});

test('a reader that has seen enough ends it quietly', async () => {
  const running = startCli(cli, ['run', '--', 'sh', '-c', 'while :; do echo y; done'], { home });
  await until('the command', () => running.stdout().includes('y'));
  running.child.stdout!.destroy();
  expect(await running.ended).toMatchObject({
    signal: null,
    stderr: expect.not.stringContaining('internal'),
  });
});

test.each([
  [3, 'is started again', 0],
  [4, 'is told', 5],
])('a supervisor that is killed %i times while it starts %s', async (times, _what, status) => {
  const lives = join(home, 'lives');
  const killed = await buildCli({
    text: `const fs = require('node:fs'); fs.appendFileSync(${JSON.stringify(lives)}, 'x');
if (fs.statSync(${JSON.stringify(lives)}).size <= ${times}) process.kill(process.pid, 'SIGKILL');
else require(${JSON.stringify(join(cli.folder, 'rasend.cjs'))});`,
  });
  try {
    const { code, stderr } = await runCli(killed, ['run', '--', 'true'], { home });
    expect([code, readFileSync(lives, 'utf8').length]).toEqual([status, 4]);
    expect(stderr.match(/starting one/g)).toHaveLength(1);
    if (status !== 0) expect(stderr).toContain('The supervisor did not start (signal SIGKILL).');
  } finally {
    killed.remove();
  }
});

test('a supervisor that dies at its start is told with its last words', async () => {
  const broken = await buildCli({
    text: "console.error('Error: no disk\\n    at x (y:1:2)'); process.exit(9);",
  });
  try {
    const { code, stderr } = await runCli(broken, ['run', '--', 'true'], { home });
    expect(code).toBe(5);
    expect(stderr).toContain('rasen: The supervisor did not start (exit status 9).\n  Error: no disk\n');
    expect(stderr).not.toContain('at x');
  } finally {
    broken.remove();
  }
});
