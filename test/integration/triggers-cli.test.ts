/** Triggers on the command line: `rasen run --every …`, `rasen trigger …`, and `triggers` of rasen.yml. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Instance, until } from '../support/instance.ts';

// Each story is many commands, and machines are busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let instance: Instance;
let project: string;
const out = () => join(instance.folder, 'out');

beforeEach(() => {
  instance = new Instance();
  project = join(instance.folder, 'p');
  mkdirSync(project);
});
afterEach(() => instance.close());

const rasen = (...args: string[]) => instance.rasenAsync(args, { cwd: project });
const json = async (...args: string[]) => JSON.parse((await rasen(...args, '--json')).stdout);
const lines = () => (existsSync(out()) ? readFileSync(out(), 'utf8').trim().split('\n') : []);

test('"Check the build every five minutes": a trigger that is there, runs now, and is managed by its name', async () => {
  const made = await rasen(
    'run',
    '--every',
    '5m',
    '--name',
    'check',
    '--',
    'sh',
    '-c',
    `echo "$RASEN_TRIGGER" >> ${out()}`,
  );
  expect(made).toMatchObject({
    status: 0,
    stdout: 'check\n',
    stderr: expect.stringContaining('trigger check: every 5m'),
  });
  await until('its first run', () => lines().includes('check'));
  await until('it is green', async () => (await rasen('trigger', 'list')).stdout.includes('active, green'));
  expect((await rasen('trigger', 'list')).stdout).toMatch(/^NAME +STATUS +WHEN +NEXT +LAST +WHAT\ncheck /);
  expect((await rasen('trigger', 'show', 'check')).stdout).toMatch(/^When: +every 5m$/m);
  expect((await rasen('trigger', 'log', 'check')).stdout).toMatch(/ started +task [0-9a-z]{26}\n$/);
  const fired = await rasen('trigger', 'fire', 'check');
  expect(fired).toMatchObject({ status: 0, stdout: expect.stringMatching(/^[0-9a-z]{26}\n$/) });
  await until('its second run', () => lines().length === 2);
  expect((await rasen('trigger', 'pause', 'check')).stdout).toContain('is paused');
  expect((await rasen('trigger', 'resume', 'check')).stdout).toContain('is active. Next: ');
  expect((await rasen('trigger', 'remove', 'check')).stdout).toBe('Trigger check was removed.\n');
  expect((await rasen('trigger', 'list')).stdout).toContain('No triggers yet.');
  expect(await rasen('trigger', 'show', 'check')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('There is no trigger "check".'),
  });
});

test('times of a zone, one after the other, and a change of them', async () => {
  await rasen('run', '--cron', '30 2 * * *', '--tz', 'Europe/Berlin', '--name', 'nightly', '--', 'true');
  const next = await rasen('trigger', 'next', 'nightly');
  expect(next.stdout.trim().split('\n')).toHaveLength(5);
  expect(next.stdout).toMatch(/^\w{3} \d{4}-\d\d-\d\d 02:30:00 GMT\+\d \(Europe\/Berlin\)$/m);
  const edited = await rasen(
    'trigger',
    'edit',
    'nightly',
    '--cron',
    '0 3 * * 1',
    '--overlap',
    'replace',
    '--name',
    'weekly',
    '--',
    'false',
  );
  expect(edited.stdout).toMatch(/^When: +cron 0 3 \* \* 1 \(Europe\/Berlin\)$/m);
  expect(await json('trigger', 'show', 'weekly')).toMatchObject({
    goal: 'false',
    definition: { policy: { overlap: 'replace' } },
  });
});

test('what is wrong is told in a sentence, and nothing is made', async () => {
  const wrong = async (...args: string[]) => {
    const { status, stdout, stderr } = await rasen('run', ...args);
    expect(stdout).toBe('');
    expect(status).toBe(2);
    return stderr;
  };
  expect(await wrong('--at', 'yesterday', '--', 'true')).toContain('Not a time for at: "yesterday".');
  expect(await wrong('--at', '2020-01-01 00:00', '--', 'true')).toContain('The time has passed');
  expect(await wrong('--cron', '0 25 * * *', '--', 'true')).toContain('Not a cron expression: "0 25 * * *"');
  expect(await wrong('--cron', '@daily', '--tz', 'Mars/Base', '--', 'true')).toContain('Not a time zone');
  expect(await wrong('--every', '5m', '--cron', '@daily', '--', 'true')).toContain(
    '--every and --cron exclude each other.',
  );
  expect(await wrong('--keep', '3', '--', 'true')).toContain('--keep is for triggers.');
  expect(await wrong('--every', '5m', '--debounce', '1s', '--', 'true')).toContain(
    '--debounce is for --watch.',
  );
  expect(await wrong('--every', '5m', '--wait', '--', 'true')).toContain('--wait does not go with a trigger');
  expect(await json('trigger', 'list')).toEqual([]);
});

test('at: once, later, with the file of subtasks', async () => {
  writeFileSync(
    join(project, 'p.yml'),
    `subtasks:\n  a: [sh, -c, "echo a >> ${out()}"]\n  b: { run: [sh, -c, "echo b >> ${out()}"], needs: a }\n`,
  );
  await rasen('run', '--at', '1s', '--name', 'soon', '-f', 'p.yml');
  await until('it ran', () => lines().join() === 'a,b');
  await until('it is finished', async () => (await json('trigger', 'show', 'soon')).status === 'finished');
});

const CONFIG = `triggers:
  checks:
    every: 1h
    overlap: queue
    task: {run: [sh, -c, "echo checks >> ${'OUT'}"]}
  nightly:
    cron: "0 2 * * *"
    tz: Europe/Berlin
    task: {file: p.yml}
`;

test('triggers of rasen.yml: told by config check, taken over by apply, changed and removed with the file', async () => {
  const write = (text: string) => writeFileSync(join(project, 'rasen.yml'), text.replaceAll('OUT', out()));
  writeFileSync(join(project, 'p.yml'), 'subtasks:\n  a: [true]\n');
  write(CONFIG);
  expect((await rasen('config', 'check')).stderr).toContain(
    'triggers: checks, nightly. To take them over: rasen trigger apply',
  );
  expect((await rasen('trigger', 'apply', '--dry-run')).stdout).toBe('created   checks\ncreated   nightly\n');
  expect((await rasen('trigger', 'apply')).stdout).toBe('created   checks\ncreated   nightly\n');
  await until('the first one ran', () => lines().includes('checks'));
  expect((await rasen('trigger', 'apply')).stdout).toBe('unchanged checks\nunchanged nightly\n');
  write(CONFIG.replace('0 2 * * *', '0 4 * * *').replace(/ {2}checks:[\s\S]*? {2}nightly/, '  nightly'));
  expect((await rasen('trigger', 'apply')).stdout).toBe('changed   nightly\nremoved   checks\n');
  const list = await json('trigger', 'list');
  expect(list).toMatchObject([
    { name: 'nightly', when: 'cron 0 4 * * * (Europe/Berlin)', source: join(project, 'rasen.yml') },
  ]);
  write(CONFIG.replace('0 2 * * *', '0 99 * * *').replace('every: 1h', 'evry: 1h'));
  const wrong = await rasen('config', 'check');
  expect(wrong.status).toBe(2);
  expect(wrong.stdout).toContain('rasen.yml:3:5: triggers.checks.evry: unknown key; did you mean "every"?');
  expect(wrong.stdout).toMatch(
    /rasen\.yml:7:11: triggers\.nightly\.cron: "0 99 \* \* \*" is not a cron expression/,
  );
});

test('while no supervisor runs the disk is read, and a killed one is followed by another', async () => {
  await instance.start();
  await rasen('run', '--every', '1h', '--name', 'hourly', '--', 'true');
  await until('it ran', async () => (await json('trigger', 'show', 'hourly')).last_end === 'completed');
  await instance.kill('SIGTERM');
  const list = await json('trigger', 'list');
  expect(list).toMatchObject([{ name: 'hourly', source_of_answer: 'disk' }]);
  await instance.start();
  await instance.kill();
  // It was killed: what it had to start would be started by nobody.
  expect(await json('trigger', 'list')).toMatchObject([{ source_of_answer: 'supervisor' }]);
});

test('what runs inside a task makes no triggers', async () => {
  const inside = `${process.cwd()}/bin/rasen run --every 1h -- true > ${out()} 2>&1; echo $? >> ${out()}`;
  await rasen('run', '--env', 'RASEN_HOME', '--', 'sh', '-c', inside);
  expect(lines().at(-1)).toBe('77');
  expect(await json('trigger', 'list')).toEqual([]);
});

test('"What is going on?": tasks and triggers in one list; "stop everything": all tasks that go on', async () => {
  expect((await rasen('stop', '--all')).stdout).toBe('Nothing is running.\n');
  await rasen('run', '--at', '12h', '--name', 'later', '--', 'true');
  expect((await rasen('list')).stdout).toMatch(/^NAME +STATUS[\s\S]*\nlater +active /);
  await rasen('run', '--background', '--name', 'one', '--', 'sleep', '600');
  await rasen('run', '--background', '--name', 'two', '--', 'sleep', '600');
  const { stdout } = await rasen('list');
  expect(stdout).toMatch(/^ID +STATUS[\s\S]* two [\s\S]* one [\s\S]*\n\nNAME +STATUS[\s\S]*\nlater +active /);
  expect(await json('list')).toMatchObject([{ name: 'two' }, { name: 'one' }]);
  const stopped = await rasen('stop', '--all', '--force');
  expect(stopped.stdout.trim().split('\n').sort()).toEqual([
    expect.stringContaining('Task one is interrupted.'),
    expect.stringContaining('Task two is interrupted.'),
  ]);
  expect(await json('trigger', 'show', 'later')).toMatchObject({ status: 'active' });
});

test('"Give up after a second": a command that runs longer is ended, and has failed', async () => {
  const ran = await rasen('run', '--timeout', '1s', '--', 'sleep', '600');
  expect(ran).toMatchObject({ status: 1, stderr: expect.stringContaining('timeout') });
  expect(await rasen('run', '--timeout', 'soon', '--', 'true')).toMatchObject({ status: 2 });
});
