/** Files of processes: what is taken, and that everything else is named with its reason. */
import { describe, expect, test } from 'vitest';
import { yamlText } from '../../../src/cli/yaml-text.ts';
import { importFile, loadConfig, readPlanFile } from '../../../src/config/index.ts';
import { project, refusal } from './support.ts';

const load = (name: string, text: string, beside: Record<string, string> = {}) =>
  importFile(name, `${project({ ...beside, [name]: text })}/${name}`, text);
const why = (found: ReturnType<typeof load>) =>
  Object.fromEntries(found.left.map(({ name, why }) => [name, why]));

test('Procfile: the release phase ends, everything else stays up, after it', () => {
  const found = load(
    'Procfile',
    '# mine\nrelease: ./migrate --all && echo ok\nweb: npm start -- -p $PORT\r\nworker: node w.js\nodd\n',
  );
  expect(found).toMatchObject({
    kind: 'Procfile',
    taken: [
      { name: 'release', line: 2, as: 'subtask release' },
      { name: 'web', line: 3, as: 'service web' },
      { name: 'worker', line: 4, as: 'service worker' },
    ],
  });
  expect(why(found)).toEqual({ odd: 'it is not written as NAME: COMMAND' });
  const { plan } = readPlanFile('pipeline.yml', yamlText(found.file), { task: 't', origin: 'file' });
  expect(plan.subtasks.map(({ id, do: what, needs, service }) => [id, what, needs, service?.port])).toEqual([
    ['release', { run: ['/bin/sh', '-c', './migrate --all && echo ok'] }, [], undefined],
    ['web', { keep: ['/bin/sh', '-c', 'npm start -- -p $PORT'] }, ['release'], 'auto'],
    ['worker', { keep: ['/bin/sh', '-c', 'node w.js'] }, ['release'], null],
  ]);
});

test('process-compose: what is waited for until it ends is a subtask, what is looked at or restarted a service', () => {
  const text = `version: "0.5"
environment: ["LEVEL=3"]
processes:
  db:
    command: postgres
    readiness_probe: {exec: {command: pg_isready}}
  build: {command: make all, working_dir: app, environment: ["A=b=c"]}
  Migrate DB:
    command: ./migrate
    depends_on: {build: {condition: process_completed_successfully}}
  seed: {command: ./seed, depends_on: {db: {condition: process_healthy}}, availability: {exit_on_end: true}}
  web:
    command: ./web
    depends_on: {"Migrate DB": {condition: process_completed_successfully}, db: {condition: process_started}}
    liveness_probe: {http_get: {port: 8080, path: /health}, period_seconds: 5, failure_threshold: 2}
    ready_log_line: listening
    availability: {restart: always, max_restarts: 7}
  odd: {command: ./odd, readiness_probe: {http_get: {path: /}}}
  maybe: {command: ./maybe}
  off: {command: ./off, disabled: true}
  nightly: {command: ./n, schedule: {cron: "0 2 * * *"}}
`;
  const found = load('process-compose.yaml', text);
  expect(found.taken.map(({ as }) => as)).toEqual([
    ...['service db', 'subtask build', 'subtask migrate-db', 'subtask seed', 'service web'],
  ]);
  expect(why(found)).toEqual({
    odd: 'its "readiness_probe" is neither http_get with a port nor exec with a command',
    maybe: 'nothing says whether it ends or stays up',
    off: 'it is disabled',
    nightly: 'it has a schedule, which is a trigger: rasen run --cron or --every',
  });
  const { plan } = readPlanFile('pipeline.yml', yamlText(found.file), { task: 't', origin: 'file' });
  const ready = (probe: object) => ({ probe, timeout_seconds: 60 });
  expect(plan.subtasks).toMatchObject([
    { id: 'db', service: { ready: ready({ kind: 'command', run: ['/bin/sh', '-c', 'pg_isready'] }) } },
    { id: 'build', cwd: 'app', env: { A: 'b=c', LEVEL: '3' } },
    { id: 'migrate-db', needs: ['build'], do: { run: ['/bin/sh', '-c', './migrate'] } },
    { id: 'seed', needs: ['db'] },
    {
      ...{ id: 'web', needs: ['migrate-db', 'db'], need_states: { db: 'started' } },
      service: {
        ...{ ready: ready({ kind: 'line', text: 'listening' }), restart: 'always', max_restarts: 7 },
        health: {
          probe: { kind: 'http', url: 'http://127.0.0.1:8080/health' },
          every_seconds: 5,
          failures: 2,
        },
      },
    },
  ]);
});

test('package.json: checks become gates, nothing that deploys or stays up does', () => {
  const scripts = {
    test: 'vitest run',
    pretest: 'npm run build',
    'lint:ci': 'biome ci',
    'test:watch': 'vitest',
    build: 'tsc --watch',
    dev: 'vite',
    deploy: 'ship --prod',
    prepare: 'husky',
    format: 'biome format --write',
  };
  const found = load('package.json', JSON.stringify({ scripts }, null, 2), { 'pnpm-lock.yaml': '' });
  expect(found.file).toEqual({
    setup: ['pnpm', 'install', '--frozen-lockfile'],
    gates: [
      ['pnpm', 'test'],
      ['pnpm', 'run', 'lint:ci'],
    ],
  });
  expect(why(found)).toMatchObject({
    pretest: 'it runs with test',
    'test:watch':
      'it stays up, which is no check; to have it: rasen ensure test-watch -- pnpm run test:watch',
    build: 'it stays up, which is no check; to have it: rasen ensure build -- pnpm run build',
    dev: 'it stays up, which is no check; to have it: rasen ensure dev -- pnpm run dev',
    prepare: 'pnpm runs it by itself',
    deploy:
      'it is not known as a check; add it to the gates if it is one, or run it: rasen run -- pnpm run deploy',
  });
  expect(found.left.find(({ name }) => name === 'dev')!.line).toBe(8);
  expect(
    load('package.json', '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}').file,
  ).toBeNull();
});

test('a crontab is all schedules, each told with the command that makes a trigger of it', () => {
  const found = load(
    'crontab',
    "# m h\nMAILTO=me\n0 3 * * 1-5 ./backup 'all'\n@daily /bin/x\n*/5 * * * mon,tue y\nwords\n@every 5m z\n@reboot q\n",
  );
  expect(found).toMatchObject({ kind: 'crontab', taken: [], file: null });
  expect(found.left.map(({ line, why }) => [line, why])).toEqual([
    [2, 'it sets a variable for schedules'],
    [3, "it is a trigger: rasen run --cron '0 3 * * 1-5' -- sh -c './backup '\\''all'\\'''"],
    [4, "it is a trigger: rasen run --cron '0 0 * * *' -- sh -c /bin/x"],
    [5, "it is a trigger: rasen run --cron '*/5 * * * mon,tue' -- sh -c y"],
    [6, 'it is no line of a crontab'],
    [7, 'it is a trigger: rasen run --every 5m -- sh -c z'],
    [8, 'there is no trigger for a boot; a task that is not over goes on at one by itself'],
  ]);
});

describe('what is none of them is refused', () => {
  test.each([
    ['x.yml', 'a: 1\n', 'x.yml:1:1: is not known: wanted a Procfile'],
    ['docker-compose.yml', 'services: {a: {image: b}}\n', 'is not known'],
    ['x.json', '', 'x.json:1:1: is empty'],
    ['process-compose.yml', 'processes: [a]\n', 'processes: wanted a map of processes'],
    ['package.json', '{"scripts": []}', 'has no scripts'],
    ['plan.md', '- [ ] x\n', 'plan.md is a plan'],
    ['tasks.json', '{"tasks": []}', 'tasks.json is a plan'],
    ['process-compose.yaml', 'processes: {a: {', 'not valid YAML'],
  ])('%s', (name, text, message) => {
    expect(refusal(() => load(name, text)).message).toContain(message);
  });
});

test('long_running_tasks.yaml of Remote Developer: each key is a setting, so anyway, or cannot be had', () => {
  // As its README has it, and the other keys of the file that came with it.
  const text = `task_execution:
  claude_timeout: 7200  # 2 hours
  default_timeout: 120
  status_save_interval: 10  # Save every 10 logs
  use_daemon_threads: false  # Keep running after exit
recovery:
  check_orphaned_tasks: true
  orphaned_task_action: 'interrupted'
  monitor_interval: 30
persistence: {max_memory_logs: 1000, archive_after_days: 7, compress_archives: true}
connection: {sse_heartbeat_interval: 30, sse_timeout: 120, allow_multiple_connections: true}
devpod: {size: large}
`;
  const found = load('long_running_tasks.yaml', text);
  expect(found).toMatchObject({
    gives: 'configuration',
    file: { orchestrator: { session_timeout_seconds: 7200 }, auto_resume: false },
  });
  expect(why(found)).toEqual({
    'task_execution.default_timeout': expect.stringContaining('`timeout` of a subtask'),
    devpod: 'this section is not known',
  });
  expect(found.taken).toHaveLength(12);
  expect(found.taken.find(({ name }) => name === 'persistence.archive_after_days')).toMatchObject({
    line: 10,
    as: 'a setting of the supervisor: pack_after: 7d in rasend.yml',
  });
  const folder = project({ 'rasen.yml': yamlText(found.file) });
  expect(loadConfig({ project: folder, env: {} }).settings).toMatchObject({
    'orchestrator.session_timeout_seconds': 7200,
    auto_resume: false,
  });
});

test.each([
  ['recovery: {orphaned_task_action: retry}', '1:34: recovery.orphaned_task_action'],
  ['task_execution: {claude_timeout: soon}', '1:34: task_execution.claude_timeout'],
  ['task_execution: {use_daemon_threads: 1}\nrecovery: [a]', '1:38: task_execution.use_daemon_threads'],
])('long_running_tasks.yaml: what is no value is told with its place: %s', (text, place) => {
  expect(refusal(() => load('long_running_tasks.yaml', text)).message).toContain(place);
});

test('long_running_tasks.yaml: what would be against a promise is not taken', () => {
  const found = load(
    'l.yaml',
    'task_execution: {use_daemon_threads: true}\nrecovery: {check_orphaned_tasks: false, orphaned_task_action: resume}\n',
  );
  expect(Object.keys(why(found))).toEqual([
    'task_execution.use_daemon_threads',
    'recovery.check_orphaned_tasks',
  ]);
  expect(found.file).toEqual({ auto_resume: true });
});
