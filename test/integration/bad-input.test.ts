/**
 * What is wrong is refused: on the socket, in specs, on the command line, in files. Tables of cases against one living
 * instance; each is an error of a stable kind with a message that helps, and afterwards the supervisor is the same
 * process with the same tasks.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAX_NOTE_CHARS } from '../../src/contract/methods/params.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { ulid } from '../../src/util/ulid.ts';
import { type CliResult, commandSpec, Instance, pipelineSpec, unpacked } from '../support/instance.ts';
import { type Answer, askOnce, RawSocket } from '../support/raw-socket.ts';

const rig = new Instance();
let done: string;
let tasks: string[];
let count = 0;

beforeAll(async () => {
  unpacked(rig);
  await rig.start();
  const spec = commandSpec(['true'], rig.folder);
  done = spec.id;
  await rig.call('task.run', { spec, env: rig.env });
  await rig.call('task.wait', { tasks: [done] });
  tasks = readdirSync(join(rig.home, 'tasks')).sort();
});
afterAll(async () => {
  await rig.close();
  console.log(`bad input: ${count} cases`);
  expect(count).toBeGreaterThanOrEqual(200);
});

/** The same process, with the same tasks in memory and on disk. */
async function unharmed(pid: number | null): Promise<void> {
  expect(rig.pid()).toBe(pid);
  const views = await rig.call<TaskView[]>('task.list', { limit: 1000 });
  expect(views.map(v => v.id).sort()).toEqual(tasks);
  expect(readdirSync(join(rig.home, 'tasks')).sort()).toEqual(tasks);
  expect(views.every(v => v.status === 'completed')).toBe(true);
}

const shown = (value: unknown) =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')).slice(0, 90);

/** An error with a kind, and words that are more than the kind. */
function refusal(answer: Answer | null, kinds: readonly string[]): string | null {
  if (!answer) return 'no answer';
  if (!answer.error) return `accepted: ${shown(answer.result)}`;
  const { code, message, data } = answer.error;
  if (!data?.kind || !kinds.includes(data.kind)) return `kind ${data?.kind} (${code}: ${message})`;
  return message.length >= 10 ? null : `says only "${message}"`;
}

const USAGE = ['usage'];

test('frames that are no message, or name no method', async () => {
  const pid = rig.pid();
  const request = (fields: object) =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'daemon.status', params: {}, ...fields });
  const bad: (string | Uint8Array)[] = [
    'hello',
    '{',
    '}',
    '{"jsonrpc":"2.0"',
    '"text"',
    'null',
    '1',
    'true',
    '-',
    'NaN',
    '[]',
    '{}',
    '[1]',
    '[null]',
    '[[]]',
    "{'a':1}",
    '{"a":1,}',
    '\u0001',
    '{"jsonrpc":"2.0","id":1,"method":"task.get","params":{"task":NaN}}',
    '{"jsonrpc":"2.0","id":1,"method":"task.get","params":{"task":Infinity}}',
    '{"jsonrpc":"2.0","id":1,"method":"task.get"}{"jsonrpc":"2.0","id":2,"method":"task.get"}',
    Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
    Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xc3\x28"}', 'latin1'),
    Buffer.from('{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\0', 'latin1'),
    `${'['.repeat(20_000)}`,
    `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    request({ jsonrpc: '1.0' }),
    request({ jsonrpc: 2 }),
    request({ jsonrpc: undefined }),
    request({ method: 1 }),
    request({ method: null }),
    request({ method: undefined }),
    request({ method: ['task.get'] }),
    request({ id: null }),
    request({ id: 1.5 }),
    request({ id: {} }),
    request({ id: [] }),
    request({ id: true }),
    request({ id: 2 ** 60 }),
    request({ params: 'text' }),
    request({ params: 7 }),
    request({ params: null }),
    ...[
      '',
      ' ',
      'task',
      'task.',
      '.run',
      'task.fly',
      'TASK.GET',
      'task.get ',
      'task.get\0',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'rasen.',
      '$/alive',
      '🦊',
      '../task.get',
      'x'.repeat(5000),
    ].map(method => request({ method })),
    `[${Array.from({ length: 65 }, (_, id) => request({ id })).join(',')}]`,
  ];
  const wrong: string[] = [];
  for (const frame of bad) {
    count++;
    const socket = await RawSocket.open(rig.socket);
    const answer = await socket.ask(frame);
    const first = (Array.isArray(answer) ? answer[0] : answer) as Answer | null;
    const why = refusal(first, USAGE);
    if (why)
      wrong.push(
        `${shown(typeof frame === 'string' ? frame : Buffer.from(frame).toString('latin1'))}: ${why}`,
      );
    // The connection is kept: one mistake does not end a session.
    const next = await socket.ask(request({ id: 'after' }));
    const ids = socket.lines.flat().map(line => line.id);
    if (!next || !ids.includes('after')) wrong.push(`${shown(frame)}: nothing more is answered`);
    socket.close();
  }
  expect(wrong).toEqual([]);
  await unharmed(pid);
});

test('frames that are too large, or too many bad ones, end the connection and nothing else', async () => {
  const pid = rig.pid();
  const large = await RawSocket.open(rig.socket);
  const answer = await large.ask('x'.repeat(1024 * 1024 + 1));
  expect(answer?.error?.code).toBe(10);
  const many = await RawSocket.open(rig.socket);
  many.write('no\n'.repeat(20));
  while (!many.closed) await new Promise(resolve => setTimeout(resolve, 2));
  expect(many.lines.length).toBeLessThanOrEqual(9);
  const refused = await RawSocket.open(rig.socket);
  const hello = {
    jsonrpc: '2.0',
    id: 1,
    method: 'rasen.hello',
    params: { protocol: { min: 90, max: 99 }, client: { name: 'x', version: '1' } },
  };
  expect((await refused.ask(JSON.stringify(hello)))?.error?.code).toBe(11);
  count += 3;
  for (const socket of [large, many, refused]) socket.close();
  await unharmed(pid);
});

const WRONG_TEXTS = ['', 'x'.repeat(201), 7, -1, null, true, [], {}, ['a'], { a: 1 }];
const WRONG_INTS = [-1, 1.5, 1e308, '1', '', null, true, [], {}, 2 ** 60];
const WRONG_NOTES = ['', ' \n', 'x'.repeat(MAX_NOTE_CHARS + 1), 7, null, [], {}];
const WRONG_FLAGS = ['true', 'yes', 0, 1, null, [], {}];

test('parameters of every method', async () => {
  const pid = rig.pid();
  const plan = {
    version: 1,
    task: done,
    goal: 'g',
    source: 'user',
    rev: 2,
    subtasks: [{ id: 'a', do: { run: ['true'] } }],
  };
  const onTask: Record<string, unknown[]> = { task: WRONG_TEXTS };
  const op = { op: ['', 'x'.repeat(101), 1, null, {}] };
  const onTrigger: Record<string, unknown[]> = { trigger: WRONG_TEXTS };
  const definition = {
    name: 'x',
    when: { kind: 'every', every_seconds: 60 },
    policy: {},
    task: commandSpec(['true'], rig.folder),
  };
  /** What the schema refuses, and what only reading it shows. */
  const WRONG_DEFINITIONS: ['schema' | 'reading', unknown][] = [
    ...[null, 7, 'x', [], {}].map(wrong => ['schema', wrong] as ['schema', unknown]),
    ...[
      { name: '' },
      { name: '../x' },
      { more: 1 },
      { task: {} },
      { when: { kind: 'never' } },
      { policy: { overlap: 'maybe' } },
      { policy: { max_runs: 0 } },
    ].map(wrong => ['schema', { ...definition, ...wrong }] as ['schema', unknown]),
    ...[
      { when: { kind: 'every', every_seconds: 0 } },
      { when: { kind: 'cron', cron: '61 * * * *' } },
      { when: { kind: 'cron', cron: '' } },
      { when: { kind: 'at', at: 'yesterday' } },
      { when: { kind: 'at', at: '2001-01-01T00:00:00Z' } },
      { when: { kind: 'watch', patterns: [] } },
      { policy: { tz: 'Mars/Olympus' } },
      { policy: { until: 'never' } },
    ].map(wrong => ['reading', { ...definition, ...wrong }] as ['reading', unknown]),
  ];
  const table: Record<string, { base: Record<string, unknown>; fields: Record<string, unknown[]> }> = {
    'daemon.status': { base: {}, fields: {} },
    'daemon.doctor': { base: {}, fields: {} },
    'daemon.suspend': { base: {}, fields: {} },
    'daemon.gc': {
      base: { dry_run: true },
      fields: { older_than_days: [-1, '7', null, 1e9, {}], unmerged: WRONG_FLAGS, dry_run: WRONG_FLAGS },
    },
    'daemon.notify': {
      base: { name: 'x', project: '/', env: {}, notify: {} },
      fields: {
        name: [null, 7, 'x'.repeat(201), [], {}],
        project: [null, 7, 'x'.repeat(4097), [], {}],
        env: [null, 7, 'x', [], { A: 1 }, { A: null }],
        secrets: [null, 7, [], { 'A B': { from: { env: 'A' } } }, { A: 'env:A' }, { A: { from: {} } }],
        notify: [
          ...[null, 7, [], { email: 'x' }, { command: [] }, { command: 'x' }, { desktop: 1 }],
          ...[{ webhook: 'x' }, { webhook: 'file:///etc/passwd' }, { on: ['all'] }],
        ],
      },
    },
    'event.follow': { base: { task: done }, fields: { ...onTask, after: WRONG_INTS, follow: WRONG_FLAGS } },
    'log.follow': {
      base: { task: done },
      fields: {
        ...onTask,
        subtask: [7, null, 'x'.repeat(51), {}, []],
        lines: [...WRONG_INTS, 100_001],
        since: ['', 'yesterday', '2026-13-45', 7, null, {}, 'NaN'],
        follow: WRONG_FLAGS,
        events: WRONG_FLAGS,
        gates: WRONG_FLAGS,
        cursor: [
          null,
          7,
          'x',
          [],
          {},
          { seq: 0 },
          { outputs: {} },
          { seq: -1, outputs: {} },
          { seq: '0', outputs: {} },
          { seq: 0, outputs: { 'run/1': -1 } },
          { seq: 0, outputs: { 'run/1': 'x' } },
          { seq: 0, outputs: { '../../../../x': 0 } },
          { seq: 0, outputs: { 'run/1/../../..': 0 } },
          { seq: 0, outputs: { nope: 0 } },
          { seq: 0, outputs: { 'no-such/1': 0 } },
          { seq: 0, outputs: { '': 0 } },
          { seq: 0, outputs: {}, more: 1 },
        ],
      },
    },
    'task.cancel_merge': { base: { task: 'none' }, fields: { ...onTask } },
    'task.submit': {
      base: { id: done, sha256: 'a'.repeat(64) },
      fields: { id: [null, 7, '', 'x', [], {}], sha256: [null, 7, '', 'A'.repeat(64), [], {}] },
    },
    'task.cancel': { base: { task: 'none' }, fields: { ...onTask, ...op, force: WRONG_FLAGS } },
    'task.get': { base: { task: done }, fields: onTask },
    'task.list': {
      base: {},
      fields: {
        status: ['running', 7, null, {}, ['runing'], ['running', ''], ['RUNNING'], [1]],
        project: [7, null, [], {}],
        limit: [...WRONG_INTS, 0, 1001],
      },
    },
    'task.merge': {
      base: { task: 'none' },
      fields: { ...onTask, ...op, into: ['', 'x'.repeat(251), 7, [], {}], squash: WRONG_FLAGS },
    },
    'task.plan': { base: { task: done }, fields: onTask },
    'task.replan': {
      base: { task: 'none', plan, expected_rev: 1 },
      fields: {
        ...onTask,
        ...op,
        expected_rev: WRONG_INTS,
        plan: [
          null,
          7,
          'x',
          [],
          {},
          { ...plan, version: 2 },
          { ...plan, subtasks: [] },
          { ...plan, extra: 1 },
        ],
      },
    },
    'task.report': {
      base: { tasks: [done] },
      fields: { tasks: [7, 'x', [7], [''], Array(1001).fill(done)], since: ['yesterday', 7, {}] },
    },
    'task.resume': { base: { task: 'none' }, fields: { ...onTask, ...op } },
    'task.retry': {
      base: { task: 'none', subtask: 'a' },
      fields: {
        ...onTask,
        ...op,
        subtask: WRONG_TEXTS.filter(text => !(Array.isArray(text) && text.length > 0)),
      },
    },
    'task.note': { base: { task: 'none', text: 'x' }, fields: { ...onTask, ...op, text: WRONG_NOTES } },
    'task.answer': { base: { task: 'none', text: 'x' }, fields: { ...onTask, ...op, text: WRONG_NOTES } },
    'task.rollback': { base: { task: 'none' }, fields: { ...onTask, ...op, subtask: WRONG_TEXTS } },
    'task.run': {
      base: { spec: commandSpec(['true'], rig.folder), env: {} },
      fields: { spec: [null, 7, 'x', [], {}], env: [null, 7, 'x', [], { A: 1 }, { A: null }] },
    },
    'task.stop': { base: { task: 'none' }, fields: { ...onTask, ...op, force: WRONG_FLAGS } },
    'task.wait': {
      base: { tasks: [done] },
      fields: { tasks: [[], null, 7, 'x', [7], [''], Array(101).fill(done)], through_limits: WRONG_FLAGS },
    },
    'trigger.list': { base: {}, fields: { project: [7, null, [], {}], source: [7, null, [], {}] } },
    'trigger.get': { base: { trigger: 'none' }, fields: onTrigger },
    'trigger.log': { base: { trigger: 'none' }, fields: { ...onTrigger, limit: [...WRONG_INTS, 0, 1001] } },
    'trigger.next': { base: { trigger: 'none' }, fields: { ...onTrigger, count: [...WRONG_INTS, 0, 101] } },
    'trigger.pause': { base: { trigger: 'none' }, fields: onTrigger },
    'trigger.resume': { base: { trigger: 'none' }, fields: onTrigger },
    'trigger.remove': { base: { trigger: 'none' }, fields: onTrigger },
    'trigger.fire': { base: { trigger: 'none', op: 'x' }, fields: { ...onTrigger, ...op } },
    'trigger.deliver': {
      base: { trigger: 'none', key: 'x' },
      fields: { ...onTrigger, key: ['', 'x'.repeat(151), 7, null, {}], body: ['x'.repeat(900_000)] },
    },
    'trigger.create': {
      base: { id: ulid(), definition, env: {} },
      fields: {
        id: [null, 7, '', 'x', [], {}],
        env: [null, 7, 'x', [], { A: 1 }, { A: null }],
        definition: WRONG_DEFINITIONS.map(([, wrong]) => wrong),
      },
    },
    'trigger.edit': {
      base: { trigger: 'none', definition },
      fields: {
        ...onTrigger,
        env: [7, 'x', [], { A: 1 }, { A: null }],
        definition: WRONG_DEFINITIONS.filter(([by]) => by === 'schema').map(([, wrong]) => wrong),
      },
    },
  };
  const { METHODS } = await import('../../src/contract/methods/index.ts');
  expect(Object.keys(table).sort()).toEqual(METHODS.map(m => m.name).sort());

  const cases: { method: string; params: unknown; kinds: string[] }[] = [];
  for (const [method, { base, fields }] of Object.entries(table)) {
    cases.push({ method, params: { ...base, no_such: 1 }, kinds: USAGE });
    cases.push({
      method,
      params: JSON.parse(`{"__proto__": {"x": 1}, "${Object.keys(base)[0] ?? 'x'}": 7}`),
      kinds: USAGE,
    });
    cases.push({ method, params: [base], kinds: USAGE });
    if (Object.keys(base).length > 0 && !['daemon.gc', 'trigger.list'].includes(method))
      // These two ask of everything where no task is named.
      cases.push({
        method,
        params: {},
        kinds: ['event.follow', 'task.report'].includes(method) ? [] : USAGE,
      });
    for (const [field, values] of Object.entries(fields)) {
      for (const value of values) cases.push({ method, params: { ...base, [field]: value }, kinds: USAGE });
    }
    if ('task' in base) {
      for (const task of [
        'nope',
        '\0',
        '../..',
        '/',
        '__proto__',
        'constructor',
        '🦊',
        'a\nb',
        '%s',
        '.',
        ' ',
      ]) {
        cases.push({ method, params: { ...base, task }, kinds: ['task_unknown'] });
      }
    }
    if ('trigger' in base)
      for (const trigger of ['nope', '\0', '../..', '/', '__proto__', 'constructor', '🦊', 'a\nb', ' '])
        cases.push({ method, params: { ...base, trigger }, kinds: ['trigger_unknown'] });
    if (method === 'log.follow')
      cases.push({ method, params: { ...base, subtask: 'nope' }, kinds: ['subtask_unknown'] });
  }
  const wrong: string[] = [];
  for (const { method, params, kinds } of cases.filter(c => c.kinds.length > 0)) {
    count++;
    const why = refusal(await askOnce(rig.socket, method, params), kinds);
    if (why) wrong.push(`${method} ${shown(params)}: ${why}`);
  }
  expect(wrong).toEqual([]);
  await unharmed(pid);
});

type Spec = ReturnType<typeof pipelineSpec>;

test('specs of tasks', async () => {
  const pid = rig.pid();
  const run = ['true'];
  const one = { id: 'a', do: { run } };
  const chain = (n: number) => Array.from({ length: n }, (_, i) => ({ id: `s${i}`, do: { run } }));
  const withStep = (more: object) => (): Spec => pipelineSpec([{ ...one, ...more }], rig.folder);
  const withSpec = (more: object | ((spec: Spec) => object)) => (): Spec => {
    const spec = pipelineSpec([one], rig.folder);
    return { ...spec, ...(typeof more === 'function' ? more(spec) : more) };
  };
  const withSteps =
    (...subtasks: Record<string, unknown>[]) =>
    (): Spec =>
      pipelineSpec(subtasks, rig.folder);
  const git = (more: object) => withSpec({ workspace: { kind: 'git', slug: 'ok', ...more } });
  const views = (more: object) =>
    withSpec({
      views: {
        status_file: '.rasen/s',
        pid_file: '.rasen/p',
        log_file: '.rasen/l',
        memory_file: '.rasen/m',
        log_max_bytes: 4096,
        log_keep: 1,
        ...more,
      },
    });
  const limits = (more: object) => withSpec(spec => ({ limits: { ...spec.limits, ...more } }));
  const cases: Record<string, () => unknown> = {};
  const add = (name: string, make: () => unknown) => {
    cases[name] = make;
  };
  for (const id of [
    '',
    'x',
    '../x',
    '/etc',
    'A'.repeat(26),
    'a.b',
    '__proto__',
    `${ulid()}x`,
    ulid().slice(1),
    ulid().toUpperCase(),
    `${ulid().slice(0, 25)}i`,
    `${ulid().slice(0, 25)}\n`,
    7,
    null,
  ]) {
    add(`id ${shown(id)}`, withSpec({ id }));
  }
  for (const slug of [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    '/a',
    'A',
    'a b',
    '-a',
    'a\n',
    'a\0',
    'é',
    'x'.repeat(49),
    'a.lock',
    7,
    null,
  ])
    add(`slug ${shown(slug)}`, git({ slug }));
  for (const base_path of ['a\0b', '', '.', './', 7, null, '.git', '.git/x', '/'])
    add(`base_path ${shown(base_path)}`, git({ base_path }));
  for (const file of ['../x', '/etc/x', 'a/../../b', 'a\0b', '', 7, null]) {
    for (const name of ['status_file', 'pid_file', 'log_file', 'memory_file'])
      add(`${name} ${shown(file)}`, views({ [name]: file }));
  }
  for (const cwd of ['..', '../..', '/etc', 'a/../../b', 'a\0b', 7])
    add(`cwd ${shown(cwd)}`, withStep({ cwd }));
  for (const project of ['', 'relative', './x', '~', 'a\0b', '/a\0b', 7, null])
    add(`project ${shown(project)}`, withSpec({ project }));
  for (const id of [
    '',
    '_final',
    '.',
    '..',
    'a/b',
    '../x',
    'A',
    'a b',
    'a..b',
    'a.',
    'x'.repeat(41),
    'a.lock',
    'a\n',
    'é',
    7,
    null,
  ])
    add(`subtask ${shown(id)}`, withSteps({ ...one, id }));
  for (const argv of [[], 'true', null, [7], [null], [''], ['a\0b'], ['true', 'x\0'], {}])
    add(`argv ${shown(argv)}`, withSteps({ id: 'a', do: { run: argv } }));
  add('do: nothing', withSteps({ id: 'a' }));
  add('do: empty', withSteps({ id: 'a', do: {} }));
  add('do: two things', withSteps({ id: 'a', do: { run, agent: 'coder' } }));
  add('do: unknown', withSteps({ id: 'a', do: { serve: run } }));
  const db = { id: 'db', do: { keep: run } };
  add('a service without a program', withSteps({ ...db, do: { keep: [''] } }));
  add('settings of a service, of a command', withSteps({ ...one, service: {} }));
  add('a service with gates', withSteps({ ...db, gates: [{ name: 'g', run }] }));
  for (const service of [
    { port: 0 },
    { port: 'some' },
    { restart: 'maybe' },
    { max_restarts: -1 },
    { ready: { probe: { kind: 'sight' }, timeout_seconds: 1 } },
    { ready: { probe: { kind: 'tcp', address: '1' }, timeout_seconds: 0 } },
    { health: { failures: 0 } },
  ])
    add(`service ${shown(service)}`, withSteps({ ...db, service }));
  const needing = (state: string) => ({ ...one, needs: ['db'], need_states: { db: state } });
  add('a service to be done', withSteps(db, needing('done')));
  add('a state that is none', withSteps(db, needing('tired')));
  add('a command to be ready', withSteps({ ...one, id: 'db' }, needing('ready')));
  add('a state of what is not needed', withSteps(db, { ...one, need_states: { db: 'ready' } }));
  add('a service at the end', withSteps(one, { ...db, finally: true }));
  add('needs what runs at the end', withSteps({ ...one, needs: ['z'] }, { ...one, id: 'z', finally: true }));
  add('nothing before the end', withSteps({ ...one, finally: true }));
  add('no subtask', withSteps());
  add(
    '1001 subtasks of which one needs another',
    withSteps(...chain(1000), { id: 'x', do: { run }, needs: ['s0'] }),
  );
  add('10001 subtasks', withSteps(...chain(10_001)));
  add('two of one id', withSteps(one, one));
  add('needs itself', withSteps({ ...one, needs: ['a'] }));
  add('a cycle of two', withSteps({ ...one, needs: ['b'] }, { id: 'b', do: { run }, needs: ['a'] }));
  add('a cycle of 200', withSteps(...chain(200).map((s, i) => ({ ...s, needs: [`s${(i + 1) % 200}`] }))));
  add('needs the unknown', withSteps({ ...one, needs: ['z'] }));
  for (const env of [{ 'a-b': '1' }, { '': '1' }, { '1a': '1' }, { A: 7 }, { A: 'x\0y' }, { 'A=B': '1' }])
    add(`env ${shown(env)}`, withStep({ env }));
  for (const more of [
    { on_fail: 'go' },
    { on_lost: 'x' },
    { timeout_seconds: 0 },
    { timeout_seconds: -1 },
    { timeout_seconds: '10' },
    { attempts: 0 },
    { attempts: 101 },
    { attempts: 1.5 },
    { needs: 'a' },
    { gates: [{}] },
    { gates: [{ name: 'g', run: [] }] },
    { gates: [{ name: 'g', run, timeout_seconds: 0 }] },
    { gates: [{ name: 'g', run, ok: [256] }] },
    { title: 'x'.repeat(501) },
    { no_such: 1 },
  ]) {
    add(`subtask ${shown(more)}`, withStep(more));
  }
  for (const more of [
    { max_iterations: 0 },
    { max_iterations: 1.5 },
    { max_runtime_seconds: -1 },
    { max_runtime_seconds: 1e300 },
    { session_timeout_seconds: '10m' },
    { parallel: 0 },
    { parallel: 65 },
    { attempts: 0 },
    { output_max_bytes: 1 },
    { circular_fix_threshold: 2 },
    { no_such: 1 },
  ]) {
    add(`limits ${shown(more)}`, limits(more));
  }
  for (const more of [
    { version: 2 },
    { version: '1' },
    { name: '' },
    { name: 'x'.repeat(201) },
    { goal: 7 },
    { key: '' },
    { key: 'x'.repeat(201) },
    { key: 7 },
    { workspace: { kind: 'cloud' } },
    { workspace: null },
    { agents: { cook: { command: run } } },
    { agents: { coder: { command: [] } } },
    { agents: { coder: { command: ['a\0'] } } },
    { prompts: { coder: 7 } },
    { baseline: 'x' },
    { setup: ['a\0'] },
    { setup: [] },
    { review: null },
    { memory: { enabled: 'yes' } },
    { auto_resume: 'no' },
    { gates: [{ name: 'g', run: ['a\0'] }] },
    { protected: ['a\0b'] },
    { no_such: 1 },
    { __proto__x: 1 },
  ]) {
    add(`spec ${shown(more)}`, withSpec(more));
  }
  for (const more of [{ version: 2 }, { task: ulid() }, { rev: 0 }, { source: 'x' }, { no_such: 1 }])
    add(
      `plan ${shown(more)}`,
      withSpec(spec => ({ plan: { ...spec.plan, ...more } })),
    );

  const wrong: string[] = [];
  for (const [name, make] of Object.entries(cases)) {
    count++;
    const why = refusal(
      await askOnce(rig.socket, 'task.run', { spec: make(), env: { PATH: '/bin:/usr/bin' } }),
      ['usage', 'config'],
    );
    if (why) wrong.push(`${name}: ${why}`);
  }
  for (const env of [{ 'A=B': '1' }, { '': 'x' }, { A: 'x\0y' }, { 'A\0': 'x' }]) {
    count++;
    const why = refusal(await askOnce(rig.socket, 'task.run', { spec: commandSpec(run, rig.folder), env }), [
      'usage',
      'config',
    ]);
    if (why) wrong.push(`env ${shown(env)}: ${why}`);
  }
  expect(wrong).toEqual([]);
  await unharmed(pid);
});

/** Four at once: a process each is what these cost. */
async function all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = [...items.entries()];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return results;
}

/** Status 2 (or the given one), nothing on stdout, words on stderr. */
function misuse({ status, stdout, stderr }: CliResult, wanted: number): string | null {
  if (status !== wanted) return `status ${status}, wanted ${wanted}: ${shown(stdout || stderr)}`;
  if (stdout !== '') return `stdout: ${shown(stdout)}`;
  if (!/^(?:rasen: .{10}|Usage: )/m.test(stderr)) return `stderr: ${shown(stderr)}`;
  return /internal error|at .*:\d+:\d+/.test(stderr) ? `stderr: ${shown(stderr)}` : null;
}

test('command lines', { timeout: 400_000 }, async () => {
  const pid = rig.pid();
  const folder = join(rig.folder, 'empty');
  mkdirSync(folder);
  const lines: (string[] | [number, ...string[]])[] = [
    ['frobnicate'],
    ['statu'],
    ['--no-such'],
    ['run', '--no-such'],
    ['run', '--'],
    ['run', 'true'],
    ['run', '--background', '--foreground', '--', 'true'],
    ['run', '-f'],
    ['run', '-f', ''],
    ['run', '-f', 'no-such.yml'],
    ['run', '-f', '.'],
    ['run', '-f', 'x.yml', '--', 'true'],
    ['run', '--config', 'x', '--', 'true'],
    ['run', '--skip-qa', '--', 'true'],
    ['run', '--key', '', '--', 'true'],
    ['run', '--key', 'x'.repeat(201), '--', 'true'],
    ['run', '--', ''],
    ['run'],
    ['run', '--config', 'no-such.yml'],
    ['run', '--format', 'xml', '--', 'true'],
    ['status'],
    ['status', 'nope'],
    ['status', ''],
    ['status', 'a', 'b'],
    ['status', '--format', 'yaml', done],
    ['status', '--format'],
    ['status', done, '--frob'],
    ['logs'],
    ['logs', 'nope'],
    ['logs', done, '-n', 'x'],
    ['logs', done, '-n', '-1'],
    ['logs', done, '-n', '1.5'],
    ['logs', done, '-n', ''],
    ['logs', done, '--since', 'yesterday'],
    ['logs', done, '--since', ''],
    ['logs', done, '--subtask', 'nope'],
    ['logs', done, '--subtask', '../..'],
    ['logs', done, '-n', '99999999999999999999'],
    ['stop'],
    ['stop', 'nope'],
    ['resume'],
    ['resume', 'nope'],
    ['cancel'],
    ['cancel', 'nope'],
    ['merge', 'nope'],
    ['retry'],
    ['retry', 'a', '--task', 'nope'],
    ['retry', 'nope', '--task', done],
    ['rollback', 'a', '--task', 'nope'],
    ['list', '--status', 'runing'],
    ['list', '--status', ''],
    ['list', '-n', '0'],
    ['list', '-n', 'x'],
    ['list', '-n', '-5'],
    ['list', 'extra'],
    ['wait'],
    ['wait', 'nope'],
    ['wait', done, 'nope'],
    ['wait', ''],
    ['events', 'nope'],
    ['events', done, '--after', 'x'],
    ['events', done, '--after', '-1'],
    ['plan'],
    ['plan', 'frob'],
    ['plan', 'show'],
    ['plan', 'show', 'nope'],
    ['plan', 'import'],
    ['plan', 'import', 'no-such.yml', '--task', done],
    ['plan', 'edit', '--task', 'nope'],
    ['config'],
    ['config', 'frob'],
    ['gc', '--older-than', 'x'],
    ['gc', '--older-than', '-1d'],
    ['gc', '--older-than', ''],
    ['gc', 'extra'],
    ['completion'],
    ['completion', 'csh'],
    ['completion', ''],
    ['init'],
    ['init', '--task', ''],
    ['init', '--task', '  '],
    ['init', '--task', 'x', '--plan', 'no-such.yml'],
    ['init', '--task', 'x', '--plan', ''],
    ['reinit'],
    ['doctor', 'extra'],
    ['doctor', '--format', 'x'],
    [5, 'stop', done],
    [5, 'resume', done],
    [5, 'cancel', done],
    [5, 'merge', done],
    [5, 'rollback', '--task', done],
  ] as never;
  const wrong: string[] = [];
  await all(lines, async line => {
    count++;
    const [wanted, args] =
      typeof line[0] === 'number' ? [line[0], line.slice(1) as string[]] : [2, line as string[]];
    const why = misuse(await rig.rasenAsync(args, { cwd: folder }), wanted);
    if (why) wrong.push(`${args.join(' ').slice(0, 80)}: ${why}`);
  });
  // For programs the same is JSON on stdout.
  await all(
    [
      'status nope',
      'logs nope',
      'stop nope',
      'wait nope',
      'run --key= -- true',
      'init',
      'plan show nope',
      'gc --older-than x',
      'list -n x',
      'frobnicate',
    ],
    async text => {
      count++;
      const { status, stdout } = await rig.rasenAsync(
        ['--json', ...text.split(' ')].toSorted((a, b) => Number(a === '--json') - Number(b === '--json')),
        { cwd: folder },
      );
      const dashes = text.includes('--  ') || / -- /.test(text);
      if (dashes) return;
      try {
        const { error } = JSON.parse(stdout);
        if (status !== 2 || !error.kind || error.message.length < 10)
          wrong.push(`${text} --json: ${status} ${shown(stdout)}`);
      } catch {
        wrong.push(`${text} --json: no JSON: ${shown(stdout)}`);
      }
    },
  );
  expect(wrong.sort()).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
  await unharmed(pid);
});

test('plan and configuration files', { timeout: 400_000 }, async () => {
  const pid = rig.pid();
  const folder = join(rig.folder, 'files');
  mkdirSync(folder);
  const step = '{id: a, run: ["true"]}';
  const pipelines: (string | Buffer)[] = [
    '',
    ' \n',
    '# only a comment\n',
    'null',
    '7',
    'text',
    '[]',
    '{}',
    'subtasks:',
    'subtasks: {}',
    'subtasks: 7',
    'subtasks: []',
    'subtasks: [7]',
    'subtasks: [{}]',
    `subtasks: [${step}`,
    `subtasks: [${step}]\nsubtasks: [${step}]`,
    `subtasks: [${step}, ${step}]`,
    `subtask: [${step}]`,
    `subtasks: [${step}]\nparalel: 2`,
    `parallel: 0\nsubtasks: [${step}]`,
    'subtasks: [{id: a}]',
    'subtasks: [{run: ["true"]}]\nextra: 1',
    'subtasks: [{id: A, run: ["true"]}]',
    'subtasks: [{id: ../x, run: ["true"]}]',
    'subtasks: [{id: a, run: []}]',
    'subtasks: [{id: a, run: [""]}]',
    'subtasks: [{id: a, run: {}}]',
    'subtasks: [{id: a, run: ["true"], needs: [b]}]',
    'subtasks: [{id: a, run: ["true"], needs: [a]}]',
    'subtasks: [{id: a, run: ["true"], agent: coder}]',
    'subtasks: [{id: a, agent: coder}]',
    'subtasks: [{id: a, run: ["true"], on_fail: go}]',
    'subtasks: [{id: a, run: ["true"], cwd: ../..}]',
    'subtasks: [{id: a, run: ["true"], cwd: /etc}]',
    'subtasks: [{id: a, run: ["true"], env: {1a: x}}]',
    'subtasks: [{id: a, run: ["true"], timeout: -1}]',
    'subtasks: [{id: a, run: ["true"], timeout: soon}]',
    '\tsubtasks: []',
    'a: &a [*a]',
    `subtasks: ${'['.repeat(5000)}`,
    '"unclosed',
    'subtasks: [{id: a, run: ["a\\0b"]}]',
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0xff, 0xff]),
    `subtasks:\n${Array.from({ length: 1001 }, (_, i) => `  - {id: s${i}, run: ["true"]${i === 1000 ? ', needs: [s0]' : ''}}`).join('\n')}`,
    `subtasks:\n${Array.from({ length: 3 }, (_, i) => `  - {id: s${i}, run: ["true"], needs: [s${(i + 1) % 3}]}`).join('\n')}`,
  ];
  const configs = [
    '[]',
    '7',
    'agents: 1',
    'gate: []',
    'gates: npm test',
    'gates: [[]]',
    'agent: {comand: [x]}',
    'agent: {command: []}',
    'agent: 7',
    'max_iterations: 0',
    'max_iterations: many',
    'max_iterations: 1.5',
    'session_timeout_seconds: -1',
    'worktree: {base_path: .git/x}',
    'background: {pid_file: ../../x}',
    'background: {log_file: /etc/x}',
    'review: {enabled: maybe}',
    'a: [',
    'a: b: c',
    'agent: {command: [x]}\nagent: {command: [y]}',
    '\tx: 1',
    '- a',
    'memory: {path: ../x}',
  ];
  const jobs = [
    ...pipelines.map((text, i) => ({
      text,
      args: (file: string) => ['run', '-f', file],
      name: `pipeline ${i}`,
    })),
    ...pipelines
      .slice(9, 40)
      .map((text, i) => ({
        text,
        args: (file: string) => ['init', '--task', 'x', '--plan', file],
        name: `plan ${i + 9}`,
      }))
      .filter(({ text }) => !String(text).includes('agent: coder}]')),
    ...configs.map((text, i) => ({
      text,
      args: (file: string) => ['config', 'check', file],
      name: `config ${i}`,
    })),
  ];
  const wrong: string[] = [];
  await all([...jobs.entries()], async ([i, { text, args, name }]) => {
    count++;
    const cwd = join(folder, String(i));
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'file.yml'), text);
    const result = await rig.rasenAsync(args('file.yml'), { cwd });
    const said = result.stderr + result.stdout;
    if (result.status !== 2) wrong.push(`${name} ${shown(text)}: status ${result.status}: ${shown(said)}`);
    else if (
      !(said.includes('file.yml') || said.includes('work for an agent')) ||
      /internal error/.test(said)
    )
      wrong.push(`${name} ${shown(text)}: ${shown(said)}`);
    const left = readdirSync(cwd).filter(file => file !== 'file.yml');
    if (left.length > 0) wrong.push(`${name} ${shown(text)}: made ${left.join(', ')}`);
  });
  expect(wrong.sort()).toEqual([]);
  await unharmed(pid);
});
