/** From a wish to an order, without a command line: folder and environment are all that is looked at. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as parts from '../../../src/config/index.ts';
import { taskSpec } from '../../../src/contract/spec.ts';
import { orderFrom, orderOf, orderOfTrigger } from '../../../src/submit/order.ts';

let folder: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rasen-order-')));
  env = { HOME: folder, PATH: process.env.PATH, SHELL: '/bin/sh' };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ID = '01m8q1efqwwc5bt653cz08ygaf';
const write = (name: string, text: string, below = '') => {
  mkdirSync(join(folder, below), { recursive: true });
  writeFileSync(join(folder, below, name), text);
};

test('a command: what it is given of the environment is decided here, and nothing comes from this process', () => {
  process.env.OF_THIS_PROCESS = 'x';
  env.DEPLOY_ENV = 'test';
  try {
    const wish = { command: ['sh', '-c', 'echo $DEPLOY_ENV $OTHER'] };
    const { spec, env: captured, advice } = orderOf(parts, wish, { folder, env }, { key: 'k', name: 'n' });
    expect(taskSpec.safeParse(spec).error).toBeUndefined();
    expect(spec).toMatchObject({ key: 'k', name: 'n', project: folder, process: null });
    expect(captured).toEqual({ HOME: folder, PATH: env.PATH, SHELL: '/bin/sh' });
    expect(advice).toEqual([expect.stringContaining('not handed to the task: DEPLOY_ENV.')]);
    const asked = orderOf(parts, wish, { folder, env }, { env: ['DEPLOY_ENV', 'OTHER=1'] });
    expect(asked.env).toMatchObject({ DEPLOY_ENV: 'test', OTHER: '1' });
    expect(asked.advice).toEqual([]);
  } finally {
    delete process.env.OF_THIS_PROCESS;
  }
});

const never = () => {
  throw new Error('it was loaded');
};

test('a plain command needs no configuration to be loaded, and is the same task', async () => {
  const wishes = [
    { command: ['sh', '-c', 'exit 0'] },
    {
      ...{ command: 'true {}', jobs: 2, attempts: 1, on_fail: 'continue' as const },
      items: [{ title: 'a', run: ['true', 'a'] }],
    },
  ];
  const flags = { id: ID, key: 'k', name: 'n', timeout_seconds: 9, env: ['X=1'], turn: { priority: 3 } };
  for (const wish of wishes) {
    const light = await orderFrom(never, wish, { folder, env }, flags);
    const whole = orderOf(parts, wish, { folder, env }, flags);
    expect(taskSpec.parse(light.spec)).toEqual(whole.spec);
    expect({ ...light, spec: null }).toEqual({ ...whole, spec: null });
  }
});

test.each([
  ['a file of the project', () => write('rasen.yml', 'notify: {desktop: true}\n'), {}],
  ['one that would be overlooked', () => write('rasen.yaml', ''), {}],
  ['one of the user', () => write('config.yml', 'notify: {desktop: true}\n', '.config/rasen'), {}],
  ['one of the user that would be overlooked', () => write('config.yaml', '', '.config/rasen'), {}],
  ['one of the task', () => write('config.yaml', '', '.rasen'), {}],
  ['a variable', () => Object.assign(env, { RASEN_MAX_ITERATIONS: 'many' }), {}],
  ['a name that is too long', () => {}, { name: 'x'.repeat(201) }],
  ['an empty key', () => {}, { key: '' }],
])('it is loaded where there is something to be said of it: %s', async (_, given, flags) => {
  given();
  const order = orderFrom(never, { command: ['true'] }, { folder, env }, flags);
  await expect(order).rejects.toThrow('it was loaded');
});

test('a program that is not there makes no order', () => {
  const wish = { command: ['nothing-of-this-name'] };
  expect(() => orderOf(parts, wish, { folder, env })).toThrow(
    expect.objectContaining({ kind: 'program_missing' }),
  );
  expect(() => orderOf(parts, { command: [] }, { folder, env })).toThrow(
    expect.objectContaining({ kind: 'usage' }),
  );
});

test('a file of commands is looked for in the folder, and may say what is handed to them', () => {
  write(
    'nightly.yml',
    'name: nightly\npass_env: [TOKEN_FILE]\nsubtasks:\n  - {id: a, run: ["true"]}\n  - {id: b, run: ["true"], needs: [a]}\n',
  );
  env.TOKEN_FILE = '/token';
  const { spec, env: captured } = orderOf(parts, { file: 'nightly.yml' }, { folder, env });
  expect(spec).toMatchObject({ name: 'nightly', project: folder, workspace: { kind: 'folder' } });
  expect(spec.plan!.subtasks.map(({ id, needs }) => [id, needs])).toEqual([
    ['a', []],
    ['b', ['a']],
  ]);
  expect(captured.TOKEN_FILE).toBe('/token');
});

test('a goal: the configuration of the project, no project of ours, a planner where there is no plan', () => {
  execFileSync('git', ['init', '-q', folder]);
  write('rasen.yml', 'agent: [my-agent, --yes]\ngates: [["true"]]\npass_env: [TOKEN_FILE]\n');
  env.TOKEN_FILE = '/token';
  const wish = { goal: 'Add a login page', skip_qa: true };
  const { spec, env: captured, background } = orderOf(parts, wish, { folder, env });
  expect(taskSpec.safeParse(spec).error).toBeUndefined();
  expect(spec).toMatchObject({ goal: 'Add a login page', plan: null, project: folder });
  expect(spec.agents?.coder?.command).toEqual(['my-agent', '--yes']);
  expect(spec.workspace.kind).toBe('git');
  expect(captured.TOKEN_FILE).toBe('/token');
  expect(typeof background).toBe('boolean');
  expect(() => orderOf(parts, { goal: ' ' }, { folder, env })).toThrow(
    expect.objectContaining({ kind: 'usage' }),
  );
});

test('a plan as text, a configuration that was changed, and variables that are passed besides', () => {
  write('rasen.yml', 'agent: [x]\ngates: [[make, check]]\nlimits: {usd: 5}\n');
  env.DEPLOY_ENV = 'test';
  const config = parts.loadConfig({ project: folder, env });
  Object.assign(config.settings, { 'agent.backend': 'claude', 'agent.command': null, 'limits.usd': 1 });
  const plan = { name: 'plan.yml', text: 'subtasks:\n  one: {prompt: Do it.}\n' };
  const order = orderOf(parts, { goal: 'g', plan }, { folder, env }, { config, pass: ['DEPLOY_ENV'] });
  expect(order.spec).toMatchObject({ agents: { coder: { backend: 'claude' } }, limits: { usd: 1 } });
  expect(order.spec.plan!.subtasks.map(({ id }) => id)).toEqual(['one']);
  expect(order.env.DEPLOY_ENV).toBe('test');
  const wrong = { ...plan, text: 'subtasks: 5\n' };
  expect(() => orderOf(parts, { goal: 'g', plan: wrong }, { folder, env }, { config })).toThrow('plan.yml');
});

test('a command of a trigger is not looked for: it may be there when it is due', () => {
  write('rasen.yml', 'pass_env: [DEPLOY_ENV]\ntriggers:\n  t: {every: 1h, task: {run: [made-later]}}\n');
  env.DEPLOY_ENV = 'test';
  const config = parts.loadConfig({ project: folder, env });
  const { task } = config.settings.triggers.t!;
  const { spec, env: captured } = orderOfTrigger(parts, task, config, env, { name: 't' });
  expect(spec).toMatchObject({ name: 't', project: folder });
  expect(captured.DEPLOY_ENV).toBe('test');
});
