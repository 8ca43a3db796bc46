/**
 * What gates mean stays what a person knows (`base_config`), and whether one of them sees the change is told
 * (`mutation_check`), for real.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import type { Act, SeedProject } from '../support/scripted-agent.ts';

/** A busy machine runs a dozen gates for longer than other stories. */
const LONG_MS = 180_000;
const project = projects();
const works = (...acts: Act[]): Act[] => [
  ...acts,
  { commit: 'feat: add' },
  { claim: { status: 'done', summary: 'green' } },
];
const write = (files: Record<string, string>): Act => ({ write: files });
const asJson = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

/** The runner of the tests has its settings in package.json, under a key that nobody has heard of. */
const PACKAGE = { name: 'app', version: '1.0.0', scripts: { test: 'node check.js' }, checker: { level: 1 } };
const FILES = {
  'package.json': asJson(PACKAGE),
  'check.js':
    "if (require('./package.json').checker.level > 0) process.exit(require('./add.js')(1, 1) === 2 ? 0 : 1);\n",
  'add.js': 'module.exports = (a, b) => a - b;\n',
};
const RIGHT = { 'add.js': 'module.exports = (a, b) => a + b;\n' };
const TESTS = { 'test/more.test.js': '1;\n' };
const OFF = { 'package.json': asJson({ ...PACKAGE, checker: { level: 0 } }) };
/** What can be written down only when the project has its place. */
function configure(p: SeedProject, config: object, files: Record<string, string> = {}): void {
  p.write({ ...files, 'rasen.yml': asJson({ ...p.json('rasen.yml'), ...config }) });
  p.git('add', '-A');
  p.git('commit', '-qm', 'settings');
}
const settings = { gates: [['npm', 'test']], baseline: 'allow' };
const subtask = { id: 'add' };

test(
  'a gate that is green only with the configuration of the agent is for a person, who may accept it',
  async () => {
    const p = project({
      config: settings,
      files: FILES,
      script: { add: [works(write({ ...OFF, 'more.js': '1;\n' })), works(write({ 'even.js': '2;\n' }))] },
    });
    await p.init([subtask]);
    expect((await p.rasen('run')).status).toBe(3);
    expect(await p.view()).toMatchObject({
      status: 'blocked',
      why: 'review',
      reason: 'add, attempt 1: base_config:npm test gate: exit code 1 with package.json as before the task',
      completed_subtasks: 0,
    });
    const log = await p.ok('logs', '--gates', '-n', 'all');
    expect(log).toMatch(/Gate npm test passed\n[^\n]*Running gate: base_config:npm test/);
    expect(log).toMatch(/WARNING - Gate base_config:npm test: package\.json: decides what the gate means/);
    expect((await p.rasen('resume')).status).toBe(0);
    // Accepted is the configuration; the work is still what it is.
    expect(await p.view()).toMatchObject({
      status: 'completed',
      verified: false,
      verified_but:
        'npm test failed before the task, and passes now by changes to tests and configuration alone',
    });
    expect(await p.ok('status')).toContain('Verified: no (npm test failed before the task, and passes now');
    expect(p.read('package.json')).toBe(FILES['package.json']);
    expect(p.git('show', `${(await p.view()).branch}:package.json`)).toContain('"level": 0');
  },
  LONG_MS,
);

test(
  'done again in place of accepted, the work starts from the last good commit',
  async () => {
    const p = project({
      config: settings,
      files: FILES,
      script: { add: [works(write(OFF)), works(write(RIGHT))] },
    });
    await p.init([subtask]);
    expect((await p.rasen('run')).status).toBe(3);
    await p.ok('retry', 'add');
    expect((await p.rasen('wait')).status).toBe(0);
    const { branch, verified, verified_but } = await p.view();
    expect([verified, verified_but]).toEqual([true, null]);
    expect(p.git('show', `${branch}:package.json`)).toContain('"level": 1');
  },
  LONG_MS,
);

test(
  'what a change may add asks nothing more, and what makes no difference blocks nothing',
  async () => {
    const added = { ...PACKAGE, version: '1.1.0', scripts: { ...PACKAGE.scripts, docs: 'echo docs' } };
    const p = project({
      config: settings,
      files: FILES,
      script: {
        add: [
          works(write({ ...RIGHT, 'package.json': asJson({ ...added, dependencies: { left: '^1.0.0' } }) })),
        ],
        tune: [works(write({ 'package.json': asJson({ ...added, checker: { level: 2 } }), 'b.js': '1;\n' }))],
      },
    });
    await p.init([subtask, { id: 'tune', needs: ['add'] }]);
    expect((await p.rasen('run')).status).toBe(0);
    expect(await p.view()).toMatchObject({ status: 'completed', verified: true, verified_but: null });
    const log = await p.ok('logs', '-n', 'all');
    const again = log.split('\n').filter(line => line.endsWith('Gate base_config:npm test passed'));
    expect(again).toHaveLength(2);
    expect(log.indexOf('base_config')).toBeGreaterThan(log.indexOf('tune'));
  },
  LONG_MS,
);

test(
  'a change that another subtask made good comes to light at the end',
  async () => {
    const p = project({
      config: settings,
      files: FILES,
      // Right with both configurations; then the work is undone, and no configuration touched.
      script: {
        add: [works(write({ ...RIGHT, ...OFF }))],
        undo: [works(write({ 'add.js': FILES['add.js'] }))],
      },
    });
    await p.init([subtask, { id: 'undo', needs: ['add'] }]);
    expect((await p.rasen('run')).status).toBe(3);
    expect((await p.view()).reason).toBe(
      '_final, attempt 1: base_config:npm test gate: exit code 1 with package.json as before the task',
    );
    expect((await p.rasen('resume')).status).toBe(0);
  },
  LONG_MS,
);

test(
  'what a command of the plan changed is the user’s own, and asks nothing',
  async () => {
    const p = project({
      config: settings,
      files: { ...FILES, 'off.json': OFF['package.json'] },
      script: { add: [works(write({ 'more.js': '1;\n' }))] },
    });
    await p.init([
      { id: 'loosen', run: ['cp', 'off.json', 'package.json'] },
      { ...subtask, needs: ['loosen'] },
    ]);
    expect((await p.rasen('run')).status).toBe(0);
    expect(await p.view()).toMatchObject({ status: 'completed' });
    expect(await p.ok('logs', '-n', 'all')).not.toContain('base_config');
  },
  LONG_MS,
);

test(
  'a command that writes a file anew makes nothing known that an agent changed in it before',
  async () => {
    const p = project({
      config: settings,
      files: FILES,
      script: {
        add: [works(write({ ...RIGHT, ...OFF }))],
        undo: [works(write({ 'add.js': FILES['add.js'] }))],
      },
    });
    await p.init([
      subtask,
      { id: 'format', run: ['sh', '-c', 'echo >>package.json'], needs: ['add'] },
      { id: 'undo', needs: ['format'] },
    ]);
    expect((await p.rasen('run')).status).toBe(3);
    expect((await p.view()).reason).toMatch(/^_final, attempt 1: base_config:npm test gate: exit code 1/);
  },
  LONG_MS,
);

test.each([
  ['base_config: false', { base_config: false }, subtask],
  ['a plan of the user that lists the file', {}, { ...subtask, tests: ['package.json'] }],
])('%s: no second run', async (_, config, step) => {
  const p = project({
    config: { ...settings, ...config },
    files: FILES,
    script: { add: [works(write({ ...OFF, 'more.js': '1;\n' }))] },
  });
  await p.init([step]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await p.ok('logs', '-n', 'all')).not.toContain('base_config');
});

test('gates that do not see the change: told by status, report, log and notice, and no failure', async () => {
  const p = project({ files: FILES, script: { add: [works(write(RIGHT))] } });
  const notice = p.beside('notice.json');
  const command = ['sh', '-c', `cat > ${notice}.new && mv ${notice}.new ${notice}`];
  configure(p, { gates: [['true'], ['test', '-f', 'add.js']], notify: { command } });
  await p.init([subtask]);
  expect((await p.rasen('run')).status).toBe(0);
  const blind = 'no gate sees this change: without it, true, test -f add.js pass as well';
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true, verified_but: blind });
  expect(await p.ok('status')).toContain(`Verified: yes, but ${blind}`);
  expect(await p.ok('report')).toContain(`completed, verified (but ${blind})`);
  const log = await p.ok('logs', '-n', 'all');
  expect(log).toMatch(/Gate mutation:true does not see the change: passes without the change/);
  expect(log).toContain(`verified, but ${blind}`);
  await until('the notice is there', () => existsSync(notice));
  const { title, warnings } = JSON.parse(readFileSync(notice, 'utf8'));
  expect(title).toContain('completed, but look at what verified it');
  expect(warnings).toContain(blind);
});

test('a gate that sees the change ends the question; what nobody has to ask is not asked', async () => {
  const seen = project({
    config: { gates: [['true'], ['npm', 'test'], ['echo', 'never']], baseline: 'allow' },
    files: FILES,
    script: { add: [works(write(RIGHT))] },
  });
  await seen.init([subtask]);
  expect((await seen.rasen('run')).status).toBe(0);
  expect((await seen.view()).verified_but).toBeNull();
  const log = await seen.ok('logs', '-n', 'all');
  expect(log).toContain('Gate mutation:npm test fails without the change, as it should');
  expect(log).not.toContain('mutation:echo');
});

test.each([
  ['the key is off', { mutation_check: false }, RIGHT, null],
  ['only tests were changed', {}, TESTS, 'no source was changed, only tests or configuration'],
])('%s: nothing is run once more', async (_, config, files, but) => {
  const p = project({
    config: { gates: [['true']], ...config },
    files: FILES,
    script: { add: [works(write(files))] },
  });
  await p.init([subtask]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await p.ok('logs', '-n', 'all')).not.toContain('mutation');
  expect((await p.view()).verified_but).toBe(but);
});

test('a question that nobody can answer is told as that', async () => {
  const p = project({
    config: { gates: [{ run: ['sh', 'slow.sh'], timeout: '3s' }] },
    files: { ...FILES, 'slow.sh': 'case $RASEN_GATE in mutation:*) sleep 60 ;; esac\n' },
    script: { add: [works(write(RIGHT))] },
  });
  await p.init([subtask]);
  expect((await p.rasen('run')).status).toBe(0);
  expect((await p.view()).verified_but).toBe(
    'whether a gate sees this change is not known: sh slow.sh could not be asked',
  );
});

test('killed while the question is asked, the supervisor asks it again, and completes', async () => {
  const p = project({ files: FILES, script: { add: [works(write(RIGHT))] } });
  const [asked, go] = [p.beside('asked'), p.beside('go')];
  const script = `case $RASEN_GATE in mutation:*) echo x >> ${asked}; until [ -e ${go} ]; do sleep 0.1; done ;; esac\ngrep -q + add.js\n`;
  configure(p, { gates: [['sh', 'gate.sh']], baseline: 'allow' }, { 'gate.sh': script });
  await p.init([subtask]);
  await p.ok('run', '--background');
  await until('the question is asked', () => existsSync(asked));
  await p.crash();
  writeFileSync(go, '');
  await p.instance.start();
  await p.seen('the task is completed', view => view.status === 'completed');
  expect(await p.view()).toMatchObject({ verified: true, verified_but: null });
  const log = await p.ok('logs', '-n', 'all');
  expect(log.match(/fails without the change, as it should/g)).toHaveLength(1);
});
