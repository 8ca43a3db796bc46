/**
 * `setup` in fresh clones of ordinary projects: what it makes is there wherever gates run, for the tools that people use. A
 * tool that is not installed is skipped with a word.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { SeedProject } from '../support/scripted-agent.ts';
import { type ShellOptions, shellProject, works } from '../support/shell-project.ts';

let p: SeedProject;
afterEach(async () => await p?.close());
const project = (options: ShellOptions) => {
  p = shellProject(options);
  return p;
};
const lines = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []);
/** Says where it ran, and makes an ignored folder with a copy of the lock file. */
const SETUP = 'pwd >>"$COUNT"; mkdir -p deps && cp package-lock.json deps/installed';
const FILES = { 'package-lock.json': '{"v":1}\n', '.gitignore': 'deps/\n' };
const INSTALLED = 'cmp package-lock.json deps/installed';

function counted(options: Partial<ShellOptions> = {}): SeedProject {
  project({
    agent: 'echo done >done.txt\n',
    ...options,
    files: { ...FILES, ...options.files },
    config: {
      setup: ['sh', '-c', SETUP],
      gates: [['sh', '-c', INSTALLED]],
      env: { COUNT: '/nowhere' },
      ...options.config,
    },
  });
  p.write({ 'rasen.yml': p.read('rasen.yml').replace('/nowhere', p.beside('count')) });
  p.git('commit', '-qam', 'configuration');
  return p;
}
/** The checkouts in which setup ran: task, final, reviewer, … */
const places = () => lines(p.beside('count')).map(path => /\.worktrees\/([a-z]+(?:-tests)?)-/.exec(path)![1]);
const ONE = [{ id: 'one' }];

test('an ignored folder that setup makes is there for baseline, work, final check, review, tests of the base and merge', async () => {
  const judge = `test -f deps/installed || echo "$PWD" >>"${'$'}{COUNT}.missing"; echo '{"status":"done","verdict":"approved"}' >"$RASEN_RESULT_FILE"\n`;
  counted({ config: { base_tests: true, agents: { reviewer: { command: ['sh', '-c', judge] } } } });
  await p.init(ONE);
  await p.ok('run');
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
  expect(places()).toEqual(['task', 'final', 'base-tests', 'reviewer', 'mutation']);
  expect(lines(p.beside('count.missing'))).toEqual([]);
  const { stdout, stderr } = await p.rasen('merge');
  expect(stdout).toContain('Merged into main');
  expect(places().at(-1)).toBe('merge');
  expect(stderr).not.toContain('failed');
  expect([p.git('status', '--porcelain'), p.read('done.txt')]).toEqual(['', 'done\n']);
  const log = await p.ok('logs', '-n', 'all');
  expect(log).toContain('Running gate: setup');
  expect(log).toContain('Running gate: review:setup');
});

test('work that changes the lock file has setup once more before its gates, and work that does not has none', async () => {
  counted({
    agent:
      'if [ $RASEN_SUBTASK = one ]; then echo \'{"v":2}\' >package-lock.json; fi; date >>$RASEN_SUBTASK\n',
  });
  await p.init([{ id: 'one' }, { id: 'two', needs: ['one'] }]);
  await p.ok('run');
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
  expect(places()).toEqual(['task', 'task', 'final', 'mutation']);
});

test('a cache: setup runs once for the same lock file, in copies that nobody writes through', async () => {
  const spoils = 'echo spoilt >>deps/installed; date >done.txt\n';
  counted({
    agent: spoils,
    config: {
      setup_cache: ['deps'],
      baseline: 'allow',
      gates: [['sh', '-c', `case $PWD in */task-*) ;; *) ${INSTALLED};; esac`]],
    },
  });
  await p.init(ONE);
  await p.ok('run');
  await p.ok('merge');
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
  expect(places()).toEqual(['task']);
  expect(await p.ok('logs', '--gates', '-n', 'all')).toContain('[_final] setup: taken from the cache: deps');
});

test('setup that fails is a failed step before any session; one that fails in a checkout alone needs a person', async () => {
  counted({ config: { setup: ['sh', '-c', 'echo no registry here; exit 7'] } });
  await p.init(ONE);
  expect((await p.rasen('run')).status).toBe(3);
  const failed = await p.view();
  expect(failed).toMatchObject({ status: 'blocked', why: 'config' });
  expect(failed.reason).toMatch(/^_setup failed: .*exit/);
  expect(failed.subtasks.find(s => s.id === 'one')).toMatchObject({ attempts: 0 });
  expect(await p.ok('logs', '-n', 'all')).toContain('no registry here');

  const only = `case $PWD in */final-*) test -f "${p.beside('up')}";; esac && { ${SETUP}; }`;
  p.write({
    'rasen.yml': p
      .read('rasen.yml')
      .replace('echo no registry here; exit 7', JSON.stringify(only).slice(1, -1)),
  });
  p.git('commit', '-qam', 'another');
  await p.ok('reinit', '--force', '--task', 'again', '--plan', p.beside('plan.yml'));
  expect((await p.rasen('run')).status).toBe(3);
  const blocked = await p.view();
  expect(blocked).toMatchObject({ status: 'blocked', why: 'config' });
  expect(blocked.reason).toContain('setup failed in a fresh checkout (exit code 1)');
  expect(blocked.subtasks.find(s => s.id === '_fix')?.attempts ?? 0).toBe(0);
  appendFileSync(p.beside('up'), '');
  expect((await p.rasen('resume')).status).toBe(0);
});

test('npm: `npm ci` and `npm test` as the README has them, and an agent that adds a dependency', async ctx => {
  project({
    agent: `cd "$PWD" && npm install --offline --no-audit --no-fund "$HOME/two-1.0.0.tgz" && echo 'if (require("two") !== 2) process.exit(1)' >>test.js\n`,
    config: { setup: ['npm', 'ci', '--offline'], gates: [['npm', 'test']] },
    files: { '.gitignore': 'node_modules/\n', 'test.js': 'if (require("one") !== 1) process.exit(1);\n' },
  });
  if (!works(p, ['npm', '--version'])) return ctx.skip('npm is not installed');
  const home = p.instance.env.HOME!;
  for (const [n, name] of ['one', 'two'].entries()) {
    p.write({
      [`../${name}/package.json`]: JSON.stringify({ name, version: '1.0.0', main: 'i.js' }),
      [`../${name}/i.js`]: `module.exports = ${n + 1};\n`,
    });
    expect(works(p, ['npm', 'pack', '--silent', '--pack-destination', home, join(p.root, '..', name)])).toBe(
      true,
    );
  }
  const dependencies = { one: `file:${home}/one-1.0.0.tgz` };
  p.write({
    'package.json': JSON.stringify({
      name: 'app',
      version: '1.0.0',
      scripts: { test: 'node test.js' },
      dependencies,
    }),
  });
  expect(works(p, ['npm', 'install', '--offline', '--package-lock-only', '--no-audit', '--no-fund'])).toBe(
    true,
  );
  p.git('add', '-A');
  p.git('commit', '-qm', 'an app');
  expect(p.has('node_modules')).toBe(false);
  await p.init(ONE);
  await p.ok('run');
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
  await p.ok('merge');
  expect([p.git('status', '--porcelain'), p.read('package.json').includes('two-1.0.0.tgz')]).toEqual([
    '',
    true,
  ]);
});

test('pnpm: a frozen lock file that the agent adds to', async ctx => {
  project({
    agent: 'pnpm add --offline link:./lib >&2 && echo "require(\'lib\')" >>test.js\n',
    config: {
      setup: ['pnpm', 'install', '--offline', '--frozen-lockfile'],
      gates: [['sh', '-c', 'test -d node_modules && node test.js']],
    },
    files: {
      '.gitignore': 'node_modules/\n',
      'package.json': '{"name":"app","version":"1.0.0"}\n',
      'lib/package.json': '{"name":"lib","version":"1.0.0","main":"i.js"}\n',
      'lib/i.js': '',
      'test.js': '',
    },
  });
  if (!works(p, ['pnpm', '--version'])) return ctx.skip('pnpm is not installed');
  expect(works(p, ['pnpm', 'install', '--offline'])).toBe(true);
  p.git('add', '-A');
  p.git('commit', '-qm', 'an app');
  await p.init(ONE);
  await p.ok('run');
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
});

test('a Python venv: made where it is used, with what requirements.txt says', async ctx => {
  const setup =
    'python3 -m venv --without-pip .venv && for m in $(cat requirements.txt); do cp lib/$m.py .venv/lib/python3*/site-packages/; done';
  project({
    agent: 'echo VALUE = 2 >lib/two.py; echo two >>requirements.txt\n',
    config: { setup: ['sh', '-c', setup], gates: [['.venv/bin/python3', 'test.py']] },
    files: {
      ...{ '.gitignore': '.venv/\n', 'requirements.txt': 'one\n', 'lib/one.py': 'VALUE = 1\n' },
      'test.py':
        'import os, sys\nassert sys.prefix == os.path.join(os.getcwd(), ".venv")\nfor name in open("requirements.txt").read().split(): __import__(name)\n',
    },
  });
  if (!works(p, ['python3', '-m', 'venv', '--without-pip', p.beside('venv')]))
    return ctx.skip('python3 cannot make a venv here');
  await p.init(ONE);
  await p.ok('run');
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
  await p.ok('merge');
  expect(p.git('status', '--porcelain')).toBe('');
});

test('cargo, offline: crates that setup vendors are there for the final check', async ctx => {
  project({
    agent: 'echo "pub fn two() -> u8 { 2 }" >>src/lib.rs\n',
    config: {
      setup: ['sh', '-c', 'mkdir -p vendor && cp -r crates/one vendor/'],
      gates: [['cargo', 'check', '--offline', '--quiet']],
    },
    files: {
      '.gitignore': 'vendor/\ntarget/\n',
      'crates/one/Cargo.toml': '[package]\nname = "one"\nversion = "1.0.0"\nedition = "2021"\n[workspace]\n',
      'crates/one/src/lib.rs': 'pub fn one() -> u8 { 1 }\n',
      'Cargo.toml':
        '[package]\nname = "app"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\none = { path = "vendor/one" }\n',
      'Cargo.lock':
        '# This file is automatically @generated by Cargo.\nversion = 3\n\n[[package]]\nname = "app"\nversion = "1.0.0"\ndependencies = [\n "one",\n]\n\n[[package]]\nname = "one"\nversion = "1.0.0"\n',
      'src/lib.rs': 'pub fn one() -> u8 { one::one() }\n',
    },
  });
  if (!works(p, ['cargo', '--version'])) return ctx.skip('cargo is not installed');
  await p.init(ONE);
  await p.ok('run');
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
});
