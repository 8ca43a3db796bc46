/**
 * The door of a sandbox, held by an adversary: a session that speaks with it as it likes, orders that no client of ours
 * would make, and commands that were handed over and try to get out. What they try succeeds without a sandbox, else it would
 * show nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Event, EventOf } from '../../src/contract/event.ts';
import { METHODS } from '../../src/contract/methods/index.ts';
import type { TaskSpec } from '../../src/contract/spec.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { DOOR_SOCKET } from '../../src/host/sandbox-door.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { ulid } from '../../src/util/ulid.ts';
import { commandSpec, Instance, pipelineSpec, until } from '../support/instance.ts';
import type { Answer } from '../support/raw-socket.ts';
import { SeedProject } from '../support/scripted-agent.ts';

const ASK = join(import.meta.dirname, '../support/ask.mjs');
const CHECKOUT = join(import.meta.dirname, '../..');
const RASEN = join(CHECKOUT, 'bin/rasen');
const WORKS = spawnSync('bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true']).status === 0;
const sandboxed = describe.skipIf(!WORKS);
if (!WORKS) console.log('SKIPPED: bwrap is not installed, or may make no namespaces here');

let p: SeedProject;
let rig: Instance | undefined;
const others: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of others.splice(0)) await end();
  await p?.close();
  await rig?.close();
  rig = undefined;
});

type Call = [method: string, params: Record<string, unknown>];

const DONE = `git add -A; git commit -qm work --allow-empty
echo '{"status":"done","summary":"done"}' > "$RASEN_RESULT_FILE"
`;
/** Stands in orders for the folder in which the session works. */
const HERE = '{here}';

/** Asks at its door, whatever the calls are; the answers are in a file of the commit. */
const asks = (name: string, calls: readonly Call[]): string => {
  writeFileSync(p.beside(`${name}.calls`), JSON.stringify(calls));
  return `node '${ASK}' ${DOOR_SOCKET} "$PWD/${name}.json" "$(sed "s|${HERE}|$PWD|g; s|{task}|$RASEN_TASK|g" '${p.beside(`${name}.calls`)}')"
rm -f "$PWD/${name}.json.begun"
`;
};

function project(sandbox: Record<string, unknown> = {}, more = {}): SeedProject {
  p = new SeedProject({
    config: command => ({
      agent: ['sh', join(dirname(command.at(-1)!), 'agent.sh')],
      gates: [['true']],
      // A checkout may be in a folder for temporary files, of which a sandbox has its own.
      sandbox: { mode: 'on', read: [CHECKOUT], ...sandbox },
      ...more,
    }),
    env: { RASEN_SANDBOX: 'on' },
  });
  return p;
}

async function runs(script: string): Promise<TaskView> {
  writeFileSync(p.beside('agent.sh'), script);
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const view = await p.seen('it is over', v => ['completed', 'blocked', 'failed'].includes(v.status));
  expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
  return view;
}

const file = ({ commit }: TaskView, name: string) => p.git('show', `${commit}:${name}`);
const answersOf = (view: TaskView, name: string): Answer[] => JSON.parse(file(view, `${name}.json`));
const kinds = (answers: readonly Answer[]) => answers.map(({ error }) => error?.data?.kind ?? 'done');
const order = (spec: object, env = {}): Call => ['task.run', { spec, env }];
const tasks = () => readdirSync(join(p.instance.home, 'tasks')).filter(name => !name.startsWith('.'));

function eventsOf(task: string): Event[] {
  const { journal } = taskFiles(join(p.instance.home, 'tasks'), task);
  return readFileSync(journal, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Event);
}

/** Each try is a line of sh; the names of those that succeed are in `out`. */
function trying(tries: Record<string, string>, out: string): string {
  const lines = Object.entries(tries).map(
    ([name, line]) => `if (${line}) >/dev/null 2>&1 </dev/null; then echo '${name}' >> ${out}; fi`,
  );
  return `: > ${out}\n${lines.join('\n')}\n`;
}
const lines = (text: string) => text.split('\n').filter(line => line !== '');

async function socketAt(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer(socket => socket.on('error', () => {}).end('hello\n'));
  await new Promise<void>(resolve => server.listen(path, resolve));
  others.push(() => server.close());
}
const connects = (path: string) =>
  `node -e 'require("net").connect(process.argv[1]).on("connect", () => process.exit(0)).on("error", () => process.exit(1))' ${path}`;

/** What a command tries that would be out of its sandbox. */
async function furnished(): Promise<Record<string, string>> {
  const home = p.instance.folder;
  const state = p.instance.home;
  for (const key of ['.ssh/id_ed25519', '.aws/credentials', '.config/rasen/secrets.env', '.bash_history']) {
    mkdirSync(dirname(join(home, key)), { recursive: true });
    writeFileSync(join(home, key), 'a secret\n');
  }
  writeFileSync(join(home, '.bashrc'), '\n');
  await socketAt(join(home, '.docker/run/docker.sock'));
  const other = join(p.root, '.worktrees/task-other');
  mkdirSync(other, { recursive: true });
  writeFileSync(join(other, 'half.txt'), 'half\n');
  p.write({ 'only-here.txt': 'not committed\n' });
  return {
    'read a key': `grep secret ${home}/.ssh/id_ed25519`,
    'read credentials': `grep secret ${home}/.aws/credentials`,
    'read secrets of rasen': `grep secret ${home}/.config/rasen/secrets.env`,
    'read what was typed': `grep secret ${home}/.bash_history`,
    'write ~/.bashrc': `echo evil >> ${home}/.bashrc`,
    'write a key': `echo evil >> ${home}/.ssh/authorized_keys`,
    'talk to a socket of the home': connects(`${home}/.docker/run/docker.sock`),
    'list the state': `ls ${state}/tasks/*`,
    'read a journal': `cat ${state}/tasks/*/events.jsonl`,
    'read an environment': `cat ${state}/tasks/*/env.json`,
    'write into the state': `echo x > ${state}/x`,
    'reach the control socket': connects(`${state}/run/rasend.sock`),
    'ask the supervisor': `RASEN_HOME=${state} '${RASEN}' list --json | grep -q name`,
    'read the checkout of the user': `cat ${p.root}/only-here.txt`,
    'write into the checkout of the user': `echo evil > ${p.root}/evil.txt`,
    'leave a hook': `echo evil > ${p.root}/.git/hooks/post-commit`,
    'read the work of another task': `cat ${other}/half.txt`,
    'write into the work of another task': `echo evil > ${other}/evil.txt`,
    'see processes outside': "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -q ^RASEN_HOME=",
  };
}

sandboxed('a command that was handed over from a sandbox', () => {
  test('reaches nothing that its session does not, whatever its order says of environment and place', async () => {
    project();
    const tries = await furnished();
    const { folder: home } = p.instance;
    writeFileSync(p.beside('tries.sh'), trying(tries, '"$OUT"'));
    const words = (out: string) => ['env', `OUT=${out}`, 'sh', p.beside('tries.sh')];
    const EVIL: Record<string, Record<string, string>> = {
      plain: {},
      // Where keys, caches and programs are looked for, what is loaded, and who is asked for the way out.
      'home elsewhere': { HOME: '/nonexistent' },
      'path through sockets': { PATH: `${home}/.docker/run:${p.instance.home}/run:/run:${process.env.PATH}` },
      'caches in keys': { XDG_CACHE_HOME: `${home}/.ssh`, CARGO_HOME: home, GOPATH: home, TMPDIR: HERE },
      'programs of its own': {
        PATH: `${HERE}/bin:${process.env.PATH}`,
        LD_PRELOAD: `${HERE}/evil.so`,
        NODE_OPTIONS: `--require ${HERE}/evil.js`,
      },
      'no sandbox': { RASEN_SANDBOXED: '', RASEN_RUNNER_MARK: '1' },
    };
    const open = {
      roles: {},
      commands: 'off',
      gates: 'off',
      write: [home, '/'],
      read: [home],
      network: 'all',
    };
    const specs = Object.entries(EVIL).flatMap(([name, env], i) => {
      const out = `${HERE}/out-${i}`;
      const of = {
        ...commandSpec(['/bin/sh', '-c', 'exec "$@"', 'sh', ...words(out)], HERE),
        name: `evil ${i}`,
      };
      const as_subtask = { ...of, plan: { ...of.plan, subtasks: [{ ...of.plan.subtasks[0], env }] } };
      return [
        name === 'plain' ? { ...of, sandbox: null } : i % 2 ? { ...of, env, sandbox: open } : as_subtask,
      ];
    });
    const captured = { HOME: '/nonexistent', PATH: `${HERE}:/run:${process.env.PATH}`, TMPDIR: HERE };
    const view = await runs(
      `mkdir bin; for name in sync rm mkfifo cat bwrap node systemd-run; do printf '#!/bin/sh\\ntouch ${p.beside('owned')}\\n' > bin/$name; chmod 755 bin/$name; done
${asks(
  'run',
  specs.map(spec => order(spec, captured)),
)}${asks('wait', [
  ['task.wait', { tasks: specs.map(({ id }) => id) }],
  ['task.list', {}],
])}rm -rf bin; ls -a > left.txt; ${DONE}`,
    );
    expect(kinds(answersOf(view, 'run'))).toEqual(specs.map(() => 'done'));
    const [waited] = answersOf(view, 'wait') as [Answer & { result: TaskView[] }];
    expect(waited.result.map(({ name, status, parent }) => [name, status, parent])).toEqual(
      specs.map(({ name }) => [name, 'completed', view.id]),
    );
    const found = Object.keys(EVIL).map((name, i) => [name, lines(file(view, `out-${i}`))]);
    expect(found).toEqual(Object.keys(EVIL).map(name => [name, []]));
    // Nothing was made there by the supervisor, and nothing from there was run outside.
    expect(existsSync(p.beside('owned'))).toBe(false);
    expect(lines(file(view, 'left.txt')).filter(name => name.startsWith('rasen-'))).toEqual([]);

    // The same without, to see that they would.
    const out = p.beside('without');
    await p.ok('run', '--', ...words(out));
    expect(lines(readFileSync(out, 'utf8'))).toEqual(Object.keys(tries));
  });

  test('has the network of its session, and no other', async () => {
    const asked: string[] = [];
    const server = createServer(socket => socket.end('HTTP/1.0 200 OK\r\n\r\nhello')).on('connection', () =>
      asked.push('one'),
    );
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    others.push(() => server.close());
    const { port } = server.address() as { port: number };
    project({ network: ['good.test'] });
    const url = `http://127.0.0.1:${port}`;
    const fetch = `curl -sf -m 5 --noproxy '*' ${url}/ || curl -sf -m 5 ${url}/ || curl -sf -m 5 http://good.test/`;
    const env = { HTTP_PROXY: url, http_proxy: url, ALL_PROXY: url, NO_PROXY: '*' };
    const spec = commandSpec(['sh', '-c', `if ${fetch}; then echo open; else echo closed; fi > net`], HERE, {
      env,
      sandbox: { roles: {}, commands: 'off', gates: 'off', network: 'all' },
    });
    const view = await runs(
      `${asks('run', [order(spec, env)])}${asks('wait', [['task.wait', { tasks: [spec.id] }]])}${DONE}`,
    );
    expect([file(view, 'net'), asked]).toEqual(['closed', []]);
  });

  test('stays in the folder of its session, whatever is linked there before or after it is taken', async () => {
    project();
    const { folder: home } = p.instance;
    mkdirSync(join(home, '.ssh'));
    const at = (folder: string) => commandSpec(['sh', '-c', 'pwd > "$OUT"; ls >> "$OUT"'], folder);
    const early = ['/', home, join(home, '.ssh'), p.root, p.instance.home, `${HERE}/link`, `${HERE}/..`].map(
      at,
    );
    const gate = commandSpec(['sh', '-c', 'until [ -e go ]; do sleep 0.05; done'], HERE);
    const late = { ...at(`${HERE}/deep`), after: [gate.id] };
    const view = await runs(
      `ln -s '${home}/.ssh' link; mkdir deep
${asks(
  'early',
  early.map(spec => order(spec)),
)}${asks('late', [order(gate), order(late)])}rmdir deep; ln -s '${home}/.ssh' deep; touch go
${asks('wait', [['task.wait', { tasks: [late.id] }]])}rm link deep; ${DONE}`,
    );
    expect(new Set(kinds(answersOf(view, 'early')))).toEqual(new Set(['not_permitted']));
    expect(kinds(answersOf(view, 'late'))).toEqual(['done', 'done']);
    const [{ result }] = answersOf(view, 'wait') as [{ result: TaskView[] }];
    expect(result[0]!.status).not.toBe('completed');
    expect(result[0]!.reason).toMatch(/leads out of/);
    await p.ok('cancel', late.id);
    expect(tasks()).toHaveLength(3);
  });
});

sandboxed('an order at the door of a sandbox', () => {
  test('of anything that would run outside, or as somebody else, is refused in words, and nothing is made', async () => {
    project();
    await p.ok('run', '--key', 'of-the-user', '--name', 'theirs', '--', 'true');
    const [theirs] = await p.instance.call<TaskView[]>('task.list');
    const argv = ['sh', '-c', `touch '${p.beside('owned')}'`];
    const plain = (more = {}) => commandSpec(['true'], HERE, more);
    const agent = { coder: { backend: 'command', command: argv } };
    const step = (more: object) => pipelineSpec([{ id: 'x', do: { run: ['true'] }, ...more }], HERE);
    const keeps = (probe: object) =>
      pipelineSpec(
        [{ id: 'x', do: { keep: ['sleep', '9'] }, service: { ready: { probe, timeout_seconds: 5 } } }],
        HERE,
      );
    const git = { kind: 'git', slug: 'x', base_path: '.worktrees' };
    const cases: Record<string, object> = {
      'an agent': pipelineSpec([{ id: 'x', do: { agent: 'coder' } }], HERE, {
        agents: agent,
        workspace: git,
      }),
      'an agent without a plan': { ...plain({ agents: agent, workspace: git }), plan: null },
      'an agent in the folder itself': pipelineSpec([{ id: 'x', do: { agent: 'coder' } }], HERE, {
        agents: agent,
      }),
      'an agent beside commands': plain({ agents: agent }),
      'a repository': plain({ workspace: git }),
      setup: plain({ setup: argv }),
      gates: plain({ gates: [{ name: 'g', run: argv }] }),
      'gates of a step': step({ gates: [{ name: 'g', run: argv }] }),
      'a secret by a command': plain({ secrets: { X: { from: { cmd: argv } } } }),
      'a secret in a file': plain({ secrets: { X: { from: { file: '~/.ssh/id' } } } }),
      services: plain({ services: [{ id: 's', do: { keep: argv } }] }),
      'a standard input': plain({ stdin: { sha256: '0'.repeat(64), bytes: 1 } }),
      'a view': plain({
        views: {
          ...{ status_file: 'a', pid_file: 'b', log_file: 'c', memory_file: 'd' },
          ...{ log_max_bytes: 4096, log_keep: 1 },
        },
      }),
      'a service that is ready by a file of the user': keeps({ kind: 'file', path: '/etc/passwd' }),
      'a service that is ready by a file above': keeps({ kind: 'file', path: '../../x' }),
      // One answer, whether it is there or not.
      'a folder that is there': plain({ project: p.beside('.') }),
      'a folder that is not there': plain({ project: p.beside('nowhere') }),
      'variables for thousands': pipelineSpec(
        Array.from({ length: 2000 }, (_, i) => ({ id: `x${i}`, do: { run: ['true'] } })),
        HERE,
        { env: { LONG: 'x'.repeat(3000) } },
      ),
      'what comes after a task of the user': plain({ after: [theirs!.id] }),
      'the id of a task of the user': plain({ id: theirs!.id, plan: { ...plain().plan, task: theirs!.id } }),
    };
    const view = await runs(
      asks(
        'run',
        Object.values(cases).map(spec => order(spec)),
      ) +
        asks('key', [order(plain({ key: 'of-the-user', notify: { on: ['completed'], command: argv } }))]) +
        asks('wait', [['task.list', {}]]) +
        DONE,
    );
    const answers = answersOf(view, 'run');
    expect(Object.keys(cases).map((name, i) => [name, answers[i]!.error?.data?.kind])).toEqual(
      Object.keys(cases).map(name => [name, 'not_permitted']),
    );
    for (const { error } of answers) expect(error!.message).toMatch(/^Nothing was handed over: /);
    const said = answers.map(({ error }) => error!.message);
    expect(said.filter(text => text.includes(' is no folder in '))).toHaveLength(2);
    expect(said.filter(text => /3004 bytes of variables for each of 2000/.test(text))).toHaveLength(1);
    // Its keys are its own, and whom it would tell is nobody.
    const [key] = answersOf(view, 'key') as [{ result: { created: boolean; task: TaskView } }];
    expect(key.result.created).toBe(true);
    await until(
      'it is over',
      async () =>
        (await p.instance.call<TaskView>('task.get', { task: key.result.task.id })).status === 'completed',
    );
    expect(tasks()).toHaveLength(3);
    expect(existsSync(p.beside('owned'))).toBe(false);
  });

  test('is the only thing that is answered there: all else is refused and in the journal, and other tasks are not there', async () => {
    project();
    await p.ok('run', '--background', '--name', 'theirs', '--', 'sh', '-c', 'echo a secret; sleep 600');
    const [theirs] = await p.instance.call<TaskView[]>('task.list');
    const every = ['run', '--every', '1h', '--name', 'of-the-user', '--', 'true'];
    expect((await p.instance.rasenAsync(every, { cwd: p.instance.folder })).status).toBe(0);
    const { id } = theirs!;
    const open = ['task.run', 'task.get', 'task.list', 'task.wait', 'task.stop', 'task.resume', 'log.follow'];
    const closed = METHODS.map(({ name }) => name).filter(
      name => !open.includes(name) && name !== 'trigger.list' && name !== 'trigger.log',
    );
    const about = ['theirs', id, id.slice(0, 20), id.slice(-8), p.instance.folder];
    const view = await runs(
      asks(
        'closed',
        closed.map((name): Call => [name, { task: id, trigger: 'of-the-user' }]),
      ) +
        asks('theirs', [
          ...about.map((task): Call => ['task.get', { task }]),
          ['task.wait', { tasks: [id] }],
          ['task.stop', { task: id, force: true }],
          ['task.resume', { task: id }],
          ['log.follow', { task: id }],
          ['trigger.log', { trigger: 'of-the-user' }],
        ]) +
        asks('own', [
          ['task.list', {}],
          ['trigger.list', {}],
          ['log.follow', { task: '{task}', raw: true }],
        ]) +
        DONE,
    );
    expect(new Set(kinds(answersOf(view, 'closed')))).toEqual(new Set(['not_permitted']));
    expect(new Set(kinds(answersOf(view, 'theirs')))).toEqual(new Set(['task_unknown', 'trigger_unknown']));
    const [list, triggers, raw] = answersOf(view, 'own') as (Answer & { result: TaskView[] })[];
    expect(raw!.error?.message).toContain('values of secrets are not shown');
    expect(list!.result.map(task => task.id)).toEqual([view.id]);
    expect(triggers!.result).toEqual([]);
    const refused = eventsOf(view.id).filter(
      e => e.type === 'request_refused',
    ) as EventOf<'request_refused'>[];
    expect(refused.length).toBeGreaterThanOrEqual(20);
    for (const { origin } of refused) expect(origin).toEqual({ via: 'mcp', task: view.id, attempt: 'a/1' });
    expect((await p.instance.call<TaskView>('task.get', { task: id })).status).toBe('running');
    await p.ok('cancel', id);
  });

  test('takes no more of the machine than its session may have', async () => {
    project({}, { limits: { memory: '300MB', tasks: 50 } });
    const spec = commandSpec(['true'], HERE, {
      priority: 9,
      limits: { ...commandSpec(['true'], HERE).limits, memory_max_bytes: 2 ** 40, output_max_bytes: 2 ** 50 },
    });
    const plan = {
      ...spec.plan,
      subtasks: [{ ...spec.plan.subtasks[0], limits: { memory_max_bytes: 2 ** 40 } }],
    };
    const view = await runs(
      `${asks('run', [order({ ...spec, plan })])}${asks('wait', [['task.wait', { tasks: [spec.id] }]])}${DONE}`,
    );
    expect(kinds(answersOf(view, 'run'))).toEqual(['done']);
    const taken = JSON.parse(
      readFileSync(taskFiles(join(p.instance.home, 'tasks'), spec.id).spec, 'utf8'),
    ) as TaskSpec;
    expect([taken.limits.memory_max_bytes, taken.limits.tasks_max, taken.priority]).toEqual([
      300 * 2 ** 20,
      50,
      0,
    ]);
    expect(taken.plan!.subtasks[0]!.limits).toMatchObject({ memory_max_bytes: 300 * 2 ** 20, tasks_max: 50 });
    expect(taken.limits.output_max_bytes).toBeLessThan(2 ** 50);
  });
});

sandboxed('a plan that a planner wrote', () => {
  test('says nothing of where keys are, by which proxy is asked, or which programs run outside', async () => {
    project();
    mkdirSync(p.beside('.ssh'));
    writeFileSync(p.beside('.ssh/id'), 'key\n');
    const steal = `if cat '${p.beside('.ssh/id')}'; then echo open; else echo closed; fi > seen.txt 2>/dev/null`;
    const env = { HOME: '/nonexistent', PATH: `/run:${process.env.PATH}` };
    const plan = { subtasks: [{ id: 'steal', title: 'Steal', run: ['sh', '-c', steal], env }] };
    writeFileSync(
      p.beside('agent.sh'),
      `cat > "$RASEN_RESULT_FILE" <<'EOF'\n${JSON.stringify({ status: 'done', plan })}\nEOF\n`,
    );
    await p.init(null);
    await p.ok('run', '--background');
    const view = await p.seen('it is over', v => v.status === 'completed');
    expect(file(view, 'seen.txt')).toBe('closed');
  });
});

describe('work of whose parent nobody knows', () => {
  /** Something that says no more of its task, or leaves before it is looked at. */
  const ways: Record<string, string> = {
    'one that has taken off what it is known by':
      '(env -i setsid sh -c \'ulimit -m 4000000000; exec "$@"\' sh "$@" </dev/null >/dev/null 2>&1 &); while [ ! -e "$OUT" ]; do sleep 0.05; done',
  };

  test.each(Object.keys(ways))('is not taken from %s', async way => {
    rig = new Instance();
    await rig.start();
    const spec = commandSpec(['true'], '/');
    const out = join(rig.folder, 'answers');
    const ask = [process.execPath, ASK, rig.socket, out, JSON.stringify([order(spec)])];
    const from = commandSpec(['env', `OUT=${out}`, 'sh', '-c', ways[way]!, 'sh', ...ask], rig.folder);
    await rig.call('task.run', { spec: from, env: { PATH: process.env.PATH!, HOME: rig.folder } });
    await until('the answer', () => existsSync(out));
    const [answer] = JSON.parse(readFileSync(out, 'utf8')) as [Answer];
    expect(answer.error).toMatchObject({
      message: expect.stringContaining('nobody knows for which task. Nothing was started.'),
      data: { kind: 'not_permitted' },
    });
    expect(await rig.call<TaskView[]>('task.list')).toHaveLength(1);
  });

  test('is not taken from one that leaves no process behind to look at', async () => {
    rig = new Instance();
    await rig.start();
    const spec = { ...commandSpec(['true'], '/'), id: ulid() };
    spec.plan.task = spec.id;
    const script = `
      const socket = require('node:net').connect(process.argv[1], () => {
        require('node:child_process').spawn('sleep', ['2'], { stdio: ['ignore', 'ignore', 'ignore', socket._handle.fd], detached: true }).unref();
        socket.write(process.argv[2] + '\\n', () => process.kill(process.pid, 'SIGKILL'));
      });`;
    const request = { jsonrpc: '2.0', id: 1, method: 'task.run', params: { spec, env: {} } };
    const child = spawn(process.execPath, ['-e', script, rig.socket, JSON.stringify(request)], {
      stdio: 'ignore',
    });
    await new Promise(resolve => child.once('exit', resolve));
    await until('the refusal', () =>
      readFileSync(join(rig!.home, 'rasend.log'), 'utf8').includes('work was not taken'),
    );
    expect(await rig.call<TaskView[]>('task.list')).toEqual([]);
  });
});
