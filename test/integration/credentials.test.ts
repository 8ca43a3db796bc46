/**
 * Which of the user's credentials each program of a task finds in its environment, and that this is complete: dumps of
 * the environments of every role, gate and command, of agents of three kinds.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Instance } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, APPROVES, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const KEYS = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'o', GEMINI_API_KEY: 'g', DEPLOY_STAGE: 's' };
const WATCHED = [...Object.keys(KEYS), 'SSH_AUTH_SOCK', 'FOR_JUDGES', 'FOR_ALL', 'FOR_WORK'];

/** A command that leaves its environment in a file, and what else it is told. */
const dumps = (p: { beside(name: string): string }, name: string, more = 'true') => [
  'sh',
  '-c',
  `env -0 > ${p.beside(name)}.env; ${more}`,
];

function environment(path: string): Record<string, string> {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.json')) return JSON.parse(text);
  return Object.fromEntries(
    text
      .split('\0')
      .filter(Boolean)
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

const has = (p: SeedProject, name: string) =>
  WATCHED.filter(key => Object.hasOwn(environment(p.beside(name)), key));

test('each program gets the credentials that it needs, and a complete environment with a TMPDIR of its own', async () => {
  const p = project({ env: { ...KEYS, SSH_AUTH_SOCK: '/nowhere/agent' } });
  writeFileSync(p.beside('value'), 'v\n', { mode: 0o600 });
  const from = `file:${p.beside('value')}`;
  const agent = (backend: string) => ({ backend, command: p.agent });
  p.write({
    'rasen.yml': JSON.stringify({
      agent: agent('claude'),
      agents: { initializer: agent('command'), reviewer: agent('codex'), qa: agent('gemini') },
      review: { enabled: true },
      qa: { enabled: true },
      setup: dumps(p, 'setup'),
      gates: [dumps(p, 'gate', 'exec sh check.sh')],
      orchestrator: { session_delay_seconds: 0 },
      pass_env: Object.keys(KEYS),
      secrets: {
        FOR_JUDGES: { from, for: ['reviewer', 'qa'] },
        FOR_ALL: { from, for: ['agent', 'run', 'gates', 'setup'] },
        FOR_WORK: from,
      },
    }),
  });
  p.git('commit', '-qam', 'config');
  const plan = {
    subtasks: [
      { id: 'a', title: 'A', description: 'a', agent: 'coder' },
      { id: 'b', title: 'B', run: dumps(p, 'run') },
    ],
  };
  const ends = (name: string): Act => ({ replay: `${name}/a-happy` });
  p.script({
    initializer: [[{ dump: p.beside('planner.json') }, { claim: { status: 'done', plan } }]],
    a: [[{ dump: p.beside('coder.json') }, ...WORKS, ends('claude')]],
    reviewer: [[{ dump: p.beside('reviewer.json') }, ...APPROVES, ends('codex')]],
    qa: [[{ dump: p.beside('qa.json') }, ...APPROVES, ends('gemini')]],
  });
  await p.init(null);
  const ran = await p.rasen('run');
  expect([ran.status, ran.stderr.includes('not handed')]).toEqual([0, false]);
  expect((await p.view()).verified).toBe(true);
  const gate = environment(p.beside('gate.env'));
  await p.ok('merge');
  const onMerge = environment(p.beside('gate.env'));

  const all = Object.keys(KEYS);
  expect(has(p, 'planner.json'), 'any program: nobody knows what it logs in with').toEqual([
    ...[...all, 'FOR_ALL', 'FOR_WORK'],
  ]);
  expect(has(p, 'coder.json')).toEqual([
    ...['ANTHROPIC_API_KEY', 'DEPLOY_STAGE', 'SSH_AUTH_SOCK', 'FOR_ALL', 'FOR_WORK'],
  ]);
  expect(has(p, 'reviewer.json')).toEqual([
    ...['OPENAI_API_KEY', 'DEPLOY_STAGE', 'FOR_JUDGES', 'FOR_ALL', 'FOR_WORK'],
  ]);
  expect(has(p, 'qa.json')).toEqual(['GEMINI_API_KEY', 'DEPLOY_STAGE', 'FOR_JUDGES', 'FOR_ALL', 'FOR_WORK']);
  expect(has(p, 'run.env')).toEqual(['DEPLOY_STAGE', 'SSH_AUTH_SOCK', 'FOR_ALL', 'FOR_WORK']);
  expect(has(p, 'setup.env')).toEqual(['DEPLOY_STAGE', 'SSH_AUTH_SOCK', 'FOR_ALL']);
  expect(has(p, 'gate.env')).toEqual(['DEPLOY_STAGE', 'SSH_AUTH_SOCK', 'FOR_ALL']);

  const names = ['planner.json', 'coder.json', 'reviewer.json', 'qa.json', 'run.env', 'setup.env'];
  const every = [...names.map(name => environment(p.beside(name))), gate, onMerge];
  const { username } = userInfo();
  for (const env of every)
    expect([env.USER, env.LOGNAME, env.HOME, env.PATH]).toEqual([
      ...[username, username, p.instance.folder, p.instance.env.PATH],
    ]);
  const folders = every.map(env => env.TMPDIR!);
  expect(new Set(folders).size).toBe(every.length);
  expect(folders.filter(existsSync), 'they go with the attempts').toEqual([]);
});

test('a key that a gate names is told to be withheld, and given as a secret it is there', async () => {
  const gate = ['sh', '-c', 'test "$OPENAI_API_KEY" = for-tests'];
  const config = { gates: [gate], pass_env: ['OPENAI_API_KEY'] };
  const p = project({ config, env: { OPENAI_API_KEY: 'mine' } });
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.status).toBe(3);
  expect(ran.stderr).toContain('a command names what only sessions of the agent get: OPENAI_API_KEY');

  const q = project({ env: { OPENAI_API_KEY: 'mine' } });
  writeFileSync(q.beside('value'), 'for-tests\n', { mode: 0o600 });
  const secrets = { OPENAI_API_KEY: { from: `file:${q.beside('value')}`, for: ['gates'] } };
  const text = JSON.parse(readFileSync(join(q.root, 'rasen.yml'), 'utf8'));
  q.write({ 'rasen.yml': JSON.stringify({ ...text, gates: [gate], pass_env: config.pass_env, secrets }) });
  q.git('commit', '-qam', 'config');
  q.script({ a: [[{ dump: q.beside('coder.json') }, ...WORKS]] });
  await q.init([{ id: 'a' }]);
  const passed = await q.rasen('run');
  expect([passed.status, passed.stderr.includes('only sessions')]).toEqual([0, false]);
  expect(environment(q.beside('coder.json')).OPENAI_API_KEY, 'the session has its own').toBe('mine');
});

test('a command of the user’s own gets the key that it was given, and temporary files of its own', async () => {
  const rig = new Instance();
  try {
    const env = { OPENAI_API_KEY: 'mine', TMPDIR: rig.folder };
    const show = ['sh', '-c', 'touch "$TMPDIR/left"; echo "$OPENAI_API_KEY $TMPDIR"'];
    const { stdout } = rig.rasen(['run', '--env', 'OPENAI_API_KEY', '--', ...show], { env });
    const [, folder] = /^mine (\S+)$/m.exec(stdout)!;
    expect(folder).toMatch(new RegExp(`^${rig.folder}/rasen-`));
    expect(existsSync(folder!)).toBe(false);
    // A folder that is gone, as after a restart.
    const gone = rig.rasen(['run', '--', 'sh', '-c', 'test -d "$TMPDIR" && echo "$TMPDIR"'], {
      env: { TMPDIR: '/proc/none' },
    });
    expect(gone.stdout).toMatch(/^\/tmp\/rasen-/m);
  } finally {
    await rig.close();
  }
});

test('a key that is mended in the shell counts from `rasen resume` on, and the old one stays hidden', async () => {
  const old = 'the-key-of-yesterday';
  const p = project({
    env: { ANTHROPIC_API_KEY: old, OPENAI_API_KEY: 'not-handed-over', DEPLOY_STAGE: 'one' },
    config: command => ({ agent: command, pass_env: ['ANTHROPIC_API_KEY', 'DEPLOY_STAGE'] }),
  });
  p.script({
    a: [
      [{ say: `I log in with ${old}` }, { claim: { status: 'auth', summary: 'bad key' } }],
      [{ dump: p.beside('second.json') }, ...WORKS.slice(0, 2), { claim: { status: 'auth' } }],
      [{ dump: p.beside('third.json') }, ...WORKS],
    ],
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect((await p.view()).why).toBe('auth');
  // Before anybody looks again by itself, with what is captured.
  await p.ok('stop');

  const { env } = p.instance;
  env.ANTHROPIC_API_KEY = 'the-key-of-today';
  env.OPENAI_API_KEY = 'changed, too';
  env.DEPLOY_STAGE = 'two';
  const resumed = await p.rasen('resume');
  expect(resumed.status).toBe(3);
  expect(resumed.stderr).toContain('the task has these from this shell now: ANTHROPIC_API_KEY\n');
  const second = environment(p.beside('second.json'));
  expect([second.ANTHROPIC_API_KEY, second.OPENAI_API_KEY, second.DEPLOY_STAGE]).toEqual([
    ...['the-key-of-today', undefined, 'one'],
  ]);
  expect(await p.ok('logs')).toContain('Taken from the shell that resumed it: ANTHROPIC_API_KEY');

  // Another supervisor knows both values from the disk.
  await p.crash();
  const logs = await p.ok('logs', '--subtask', 'a');
  expect(logs).toContain('I log in with ');
  expect(logs).not.toContain(old);
  const given = await p.rasen('resume', '--env', 'DEPLOY_STAGE', '--env', 'EXTRA=more');
  expect([given.status, given.stderr]).toEqual([
    0,
    expect.stringContaining('the task has these from this shell now: DEPLOY_STAGE, EXTRA\n'),
  ]);
  const third = environment(p.beside('third.json'));
  expect([third.ANTHROPIC_API_KEY, third.DEPLOY_STAGE, third.EXTRA]).toEqual([
    ...['the-key-of-today', 'two', 'more'],
  ]);
});
