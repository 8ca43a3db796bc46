/** What the programs of a task find in their environment, where its secrets come from, and where they never are. */
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Instance, until } from '../support/instance.ts';
import { type ProjectOptions, SeedProject, WORKS } from '../support/scripted-agent.ts';

const VALUE = 's3cret-v4lue-one';
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const it of open.splice(0)) await it.close();
});
const instance = () => {
  const made = new Instance({ RASEN_CAGE: 'group' });
  open.push(made);
  return made;
};
const project = (options: ProjectOptions) => {
  const made = new SeedProject({ ...options, env: { RASEN_CAGE: 'group', ...options.env } });
  open.push(made);
  return made;
};
const secret = (path: string, text: string) => writeFileSync(path, text, { mode: 0o600 });

/** The files below a folder; one that vanishes meanwhile is left out. */
function filesBelow(folder: string): string[] {
  const below = (path: string): string[] => {
    if (lstatSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory())
      return namesIn(join(folder, path)).flatMap(name => below(join(path, name)));
    return statSync(join(folder, path), { throwIfNoEntry: false })?.isFile() ? [path] : [];
  };
  return below('');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Files in a folder that have the text in them, without outputs: what a program prints is its own affair. */
function holding(folder: string, text: string): string[] {
  return filesBelow(folder)
    .filter(name => !/(?:^|\/)(?:output|secrets\.env)$/.test(name))
    .filter(name => contentOf(join(folder, name)).includes(text));
}

/** Files come and go while a supervisor works. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

test('a command gets what the shell has of the usual names, and what is asked for', () => {
  const rig = instance();
  const show = ['--', 'sh', '-c', 'echo "$LANG|$FOO|$OTHER|$MORE"'];
  const plain = rig.rasen(['run', ...show], { env: { FOO: '1', OTHER: '2' } });
  expect(plain.stdout).toContain('C.UTF-8|||\n');
  expect(plain.stderr).toMatch(/set here, but not handed to the task: FOO, OTHER\. To hand over: --env NAME/);
  const asked = ['run', '--env', 'FOO', '--env', 'MORE=3 4', '--env', 'OTH*', ...show];
  const got = rig.rasen(asked, { env: { FOO: '1', OTHER: '2' } });
  expect(got.stdout).toContain('C.UTF-8|1|2|3 4\n');
  expect(got.stderr).not.toContain('not handed');
  const refused = rig.rasen(['run', '--env', 'GONE', '--', 'true']);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('GONE is not set here')]);
  const tasks = join(rig.home, 'tasks');
  for (const id of readdirSync(tasks)) expect(statSync(join(tasks, id, 'env.json')).mode & 0o777).toBe(0o600);
});

test('variables of the configuration reach agent, gates and setup; a subtask’s own are stronger', async () => {
  const seen = (name: string) => `echo "$RASEN_SUBTASK ${name} $A $B $STAGE" >> "$SEEN"`;
  const p = project({
    config: {
      env: { A: 'of-task', B: 'of-task', SEEN: '/dev/null' },
      pass_env: ['STAGE'],
      setup: ['sh', '-c', seen('setup')],
      gates: [['sh', '-c', seen('gate')]],
    },
    env: { STAGE: 'from-shell' },
  });
  const log = p.beside('seen');
  const agent = ['sh', '-c', `cat > /dev/null; ${seen('agent')}; echo x > "$RASEN_SUBTASK.txt"`];
  const config = JSON.parse(readFileSync(join(p.root, 'rasen.yml'), 'utf8'));
  p.write({ 'rasen.yml': JSON.stringify({ ...config, agent, env: { ...config.env, SEEN: log } }) });
  p.git('commit', '-qam', 'config');
  await p.init([{ id: 'one', env: { B: 'of-subtask' } }]);
  await p.ok('run');
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(lines).toContain('_setup setup of-task of-task from-shell');
  expect(lines).toContain('one agent of-task of-subtask from-shell');
  expect(lines).toContain('one gate of-task of-task from-shell');
});

test('secrets are looked up for every attempt, after a crash, too, and are in no file of rasen', async () => {
  const rig = instance();
  const log = join(rig.folder, 'seen');
  const file = join(rig.folder, 'token');
  secret(file, `${VALUE}\n`);
  await rig.start();
  secret(join(rig.home, 'secrets.env'), `# mine\nNAMED="${VALUE}-env"\n`);
  const see = (name: string) => `echo "${name} $TOKEN $NAMED $PRINTED $FOR_GATES" >> ${log}`;
  const words = join(rig.folder, 'words');
  const pipeline = {
    secrets: {
      TOKEN: `file:${file}`,
      NAMED: 'env:NAMED',
      // In two pieces, so that its own words do not have it.
      PRINTED: ['sh', '-c', `echo ${VALUE.slice(0, 8)}''${VALUE.slice(8)}-cmd`],
      FOR_GATES: { from: `file:${file}`, for: 'gates' },
    },
    sequential: true,
    shell: true,
    subtasks: {
      first: {
        run: `${see('first')}; until test -e ${rig.folder}/go; do sleep 0.05; done`,
        gates: [{ name: 'seen', run: see('gate') }],
      },
      second: `${see('second')}; tr '\\0' ' ' < /proc/$$/cmdline > ${words}; tr '\\0' ' ' < /proc/$PPID/cmdline >> ${words}`,
    },
  };
  writeFileSync(join(rig.folder, 'pipeline.yml'), JSON.stringify(pipeline));
  const id = rig.rasen(['run', '--background', '-f', 'pipeline.yml']).stdout.trim();
  await until('the first subtask runs', () => holding(rig.folder, 'first').includes('seen'));
  await rig.kill();
  secret(file, `${VALUE}-changed\n`);
  await rig.start();
  writeFileSync(join(rig.folder, 'go'), '');
  expect(rig.rasen(['wait', id]).status).toBe(0);
  expect(readFileSync(log, 'utf8').split('\n')).toEqual([
    `first ${VALUE} ${VALUE}-env ${VALUE}-cmd `,
    `gate    ${VALUE}-changed`,
    `second ${VALUE}-changed ${VALUE}-env ${VALUE}-cmd `,
    '',
  ]);
  expect(holding(rig.home, VALUE)).toEqual([]);
  expect(readFileSync(words, 'utf8')).toContain('runner');
  expect(readFileSync(words, 'utf8')).not.toContain(VALUE);
  const answers = [
    ['status', id, '--json'],
    ['events', id],
    ['logs', id],
    ['list', '--json'],
    ['doctor', '--json'],
  ];
  for (const question of answers) {
    const { stdout, stderr } = rig.rasen(question);
    expect(stdout.length).toBeGreaterThan(0);
    expect(stdout + stderr).not.toContain(VALUE);
  }
});

test('without a secret nothing starts: blocked with its name, its reference and what to do, until resume', async () => {
  const p = project({ config: { secrets: { AGENT_TOKEN: 'file:~/token' } }, script: { '*': [WORKS] } });
  const path = p.beside('token');
  await p.init([{ id: 'auth-1' }]);
  const ran = await p.rasen('run');
  expect(ran.status).toBe(3);
  const says = `the secret AGENT_TOKEN (file:~/token) cannot be used: there is no file ${path}. Write it, with mode 0600.`;
  expect(await p.view()).toMatchObject({
    status: 'blocked',
    why: 'config',
    reason: expect.stringContaining(says),
  });
  expect(p.sessions()).toEqual([]);
  writeFileSync(path, `${VALUE}\n`, { mode: 0o644 });
  expect((await p.rasen('resume')).status).toBe(3);
  expect((await p.view()).reason).toContain(
    `${path} can be read or written by others. Take that away: chmod 600`,
  );
  expect(p.sessions()).toEqual([]);
  chmodSync(path, 0o600);
  expect((await p.rasen('resume')).status).toBe(0);
  expect(p.sessions()).toHaveLength(1);
  expect(holding(p.instance.home, VALUE)).toEqual([]);
  expect(holding(join(p.root, '.rasen'), VALUE)).toEqual([]);
});

test('what a gate will need is looked for before the session that it judges, and on a merge', async () => {
  const p = project({
    config: {
      gates: [['sh', '-c', `test "$GATE_TOKEN" = ${VALUE} && test -z "$MISSING"`]],
      secrets: { GATE_TOKEN: { from: 'file:~/token', for: ['gates'] } },
    },
    script: { '*': [WORKS] },
  });
  const path = p.beside('token');
  await p.init([{ id: 'auth-1' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect((await p.view()).reason).toContain('the secret GATE_TOKEN (file:~/token) cannot be used');
  expect(p.sessions()).toEqual([]);
  secret(path, VALUE);
  expect((await p.rasen('resume')).status).toBe(0);
  secret(path, '');
  const before = p.git('rev-parse', 'main');
  const refused = await p.rasen('merge');
  expect(refused.status).toBe(5);
  expect(refused.stderr).toContain('the secret GATE_TOKEN (file:~/token) cannot be used: the value is empty');
  expect(p.git('rev-parse', 'main')).toBe(before);
  secret(path, VALUE);
  await p.ok('merge');
  expect(p.git('rev-parse', 'main')).not.toBe(before);
});
