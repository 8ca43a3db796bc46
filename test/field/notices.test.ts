/** Whoever waits for a task is told of its end, whatever kind of task it is and wherever the channels are written. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Message } from '../../src/notify/message.ts';
import { Instance, until } from '../support/instance.ts';

let instance: Instance;
beforeEach(() => {
  instance = new Instance();
});
afterEach(() => instance.close());

function folder(name: string, files: Record<string, string> = {}): string {
  const path = join(instance.folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return path;
}

/** A channel that appends what it is told to a file, one line each. */
const noting = (name: string) => `[sh, -c, "cat >> ${join(instance.folder, name)}"]`;
function told(name: string): Message[] {
  const path = join(instance.folder, name);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
}
const first = (name: string) => until(`somebody is told in ${name}`, () => told(name)[0]);

test('the end of a plain command is told by the channel of the nearest rasen.yml, with result, time and what to type', async () => {
  const p = folder('p', { 'rasen.yml': `notify: {command: ${noting('told')}}\n` });
  spawnSync('git', ['init', '-q', p]);
  const inner = folder('p/src/deep');
  const { stdout } = instance.rasen(['run', '--json', '--', 'sh', '-c', 'exit 3'], { cwd: inner });
  const { id } = JSON.parse(stdout);
  const message = await first('told');
  expect(message).toMatchObject({ kind: 'failed', task: id, project: inner, error: 'failed: exit code 3' });
  expect(message.text).toMatch(/^Time: \d+s$/m);
  expect(message.text).toContain(`Next: ${message.next}`);
  expect(spawnSync('sh', ['-c', `${message.next}`], { env: path(), cwd: '/' }).status).toBe(0);
});

const path = () => ({
  ...instance.env,
  PATH: `${join(import.meta.dirname, '../../bin')}:${process.env.PATH}`,
});

test('the user is told of a pipeline by a channel of their own, in a folder without any configuration', async () => {
  folder('.config/rasen', { 'config.yml': `notify:\n  command: ${noting('own')}\n  on: [completed]\n` });
  const p = folder('p', {
    'pipe.yml': 'subtasks:\n  - {id: one, run: ["true"]}\n  - {id: two, run: ["true"], needs: [one]}\n',
  });
  expect(instance.rasen(['run', '-f', 'pipe.yml'], { cwd: p }).status).toBe(0);
  const message = await first('own');
  expect(message).toMatchObject({ kind: 'completed', result: '2/2 subtasks', warnings: [] });
  expect(spawnSync('sh', ['-c', `${message.next}`], { env: path(), cwd: '/' }).status).toBe(0);
});

test('the file of the project is stronger than the own one, and a secret of the notice reaches it alone', async () => {
  folder('.config/rasen', { 'config.yml': 'notify: {desktop: true, on: [failed]}\n' });
  folder('h', { 'secrets.env': 'TOPIC=blue-topic-for-notices\n' });
  spawnSync('chmod', ['-R', 'go=', join(instance.folder, 'h')]);
  const p = folder('p', {
    'rasen.yml': [
      'notify:',
      `  command: [sh, -c, 'printenv TOPIC | rev > ${join(instance.folder, 'topic')}']`,
      '  desktop: false',
      '  on: [completed]',
      'secrets: {TOPIC: {from: "env:TOPIC", for: [run, notify]}}',
    ].join('\n'),
  });
  const { stdout, status } = instance.rasen(['run', '--', 'sh', '-c', 'echo "seen: $TOPIC"'], { cwd: p });
  expect([status, stdout]).toEqual([0, 'seen: \n']);
  const topic = await until('it is told', () => {
    const file = join(instance.folder, 'topic');
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  });
  expect(topic).toBe([...'blue-topic-for-notices'].reverse().join(''));
});

test('a test notice comes where a notice would, and it is said where none would', async () => {
  const p = folder('p');
  const none = instance.rasen(['notify', 'test'], { cwd: p });
  expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('tells nobody')]);
  folder('.config/rasen', { 'config.yml': `notify: {command: ${noting('own')}, on: [blocked]}\n` });
  const sent = instance.rasen(['notify', 'test'], { cwd: p });
  expect([sent.status, sent.stdout]).toEqual([0, 'command: sent\n']);
  expect(sent.stderr).toContain('tell of: blocked\n');
  expect(told('own')).toMatchObject([{ kind: 'test' }]);
  folder('.config/rasen', { 'config.yml': `notify: {command: ${noting('own')}, on: []}\n` });
  expect(instance.rasen(['notify', 'test'], { cwd: p }).stderr).toContain('notify.on is empty');
});

test('a wrong configuration is told before a command starts, with file and line, and by doctor', async () => {
  const p = folder('p', { 'rasen.yml': 'notify:\n  webhok: https://localhost\n' });
  const run = instance.rasen(['run', '--', 'touch', 'ran'], { cwd: p });
  expect([run.status, run.stderr]).toEqual([2, expect.stringContaining('rasen.yml:2:3: notify.webhok')]);
  expect(existsSync(join(p, 'ran'))).toBe(false);
  const doctor = instance.rasen(['doctor'], { cwd: p });
  expect(doctor.stdout).toMatch(/^error {4}configuration: rasen\.yml:2:3: notify\.webhok/m);
  writeFileSync(join(p, 'rasen.yml'), '');
  folder('.config/rasen', { 'config.yml': 'gates: none\n' });
  expect(instance.rasen(['run', '--', 'true'], { cwd: p }).stderr).toContain(
    'config.yml:1:8: gates: is not for all',
  );
});

test('the same key is the same task, also when somebody else is told now', async () => {
  const p = folder('p');
  const run = () => instance.rasen(['run', '--background', '--key', 'k', '--', 'true'], { cwd: p });
  const before = run().stdout;
  writeFileSync(join(p, 'rasen.yml'), `notify: {command: ${noting('told')}}\n`);
  expect(run().stdout).toBe(before);
});

test('what was sent, and what was not, can be seen afterwards, for all tasks or one', async () => {
  const p = folder('p');
  expect(instance.rasen(['notify', 'log'], { cwd: p }).stdout).toBe('No notice was sent yet.\n');
  writeFileSync(join(p, 'rasen.yml'), `notify: {command: ${noting('told')}}\n`);
  expect(instance.rasen(['run', '--name', 'good', '--', 'true'], { cwd: p }).status).toBe(0);
  writeFileSync(join(p, 'rasen.yml'), 'notify: {command: [sh, -c, "echo no route >&2; exit 1"]}\n');
  expect(instance.rasen(['run', '--name', 'bad', '--', 'false'], { cwd: p }).status).toBe(1);
  const log = await until('both were tried', () => {
    const { stdout } = instance.rasen(['notify', 'log'], { cwd: p });
    return stdout.trim().split('\n').length === 2 ? stdout : null;
  });
  expect(log).toMatch(/^\S+ .* {2}good {2}completed {2}sent\n/);
  expect(log).toMatch(
    /\n\S+ .* {2}bad {2}failed {2}not sent: command: sh ended with status 1: no route; again \S+/,
  );
  const one = instance.rasen(['notify', 'log', 'bad', '--format', 'json'], { cwd: p });
  expect(JSON.parse(one.stdout)).toMatchObject([
    {
      name: 'bad',
      kind: 'failed',
      ok: false,
      detail: expect.stringContaining('no route'),
      again_at: expect.any(String),
    },
  ]);
  expect(instance.rasen(['notify', 'log', 'nosuch'], { cwd: p })).toMatchObject({ status: 2 });
});

test('a webhook that is signed with a secret nobody named is told before anything starts', () => {
  const p = folder('p', { 'rasen.yml': 'notify:\n  webhook: https://localhost/\n  webhook_secret: SIGN\n' });
  const { status, stderr } = instance.rasen(['run', '--', 'touch', 'ran'], { cwd: p });
  expect([status, stderr]).toEqual([2, expect.stringContaining('SIGN is no secret for notices')]);
  expect(existsSync(join(p, 'ran'))).toBe(false);
});
