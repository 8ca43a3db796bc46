/**
 * Who asks: what a person decides is refused to every process of an attempt, however it got away from its cage, and the
 * journal says so. Clients send nothing to another user, and end when they are told to.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { Event, EventOf } from '../../src/contract/event.ts';
import { METHODS } from '../../src/contract/methods/index.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { hardLimitOf } from '../../src/host/mark.ts';
import { SocketPeers } from '../../src/host/socket-peer.ts';
import { Bell } from '../../src/runner/cage/bell.ts';
import { unitCage } from '../../src/runner/cage/unit.ts';
import { taskOfUnit, unitName } from '../../src/runner/cage/unit-command.ts';
import { ulid } from '../../src/util/ulid.ts';
import { FakeManager } from '../support/fake-manager.ts';
import { commandSpec, Instance, RASEN, RASEND, until } from '../support/instance.ts';
import { onThisMachine } from '../support/load.ts';
import { LONG } from '../support/long.ts';
import type { Answer } from '../support/raw-socket.ts';
import { askOnce } from '../support/raw-socket.ts';
import { NO_LIMITS, RunnerRig, SCRIPTS } from '../support/runner-rig.ts';

const ASK = join(import.meta.dirname, '../support/ask.mjs');
const NOBODY = 65534;
const root = process.getuid?.() === 0;

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

type Call = [method: string, params: Record<string, unknown>];

/** A task of one command, as its user submits it. */
async function background(...words: string[]): Promise<string> {
  const spec = commandSpec(words, rig.folder);
  await rig.call('task.run', { spec, env: { PATH: process.env.PATH!, HOME: rig.folder } });
  return spec.id;
}
const statusOf = async (task: string) => (await rig.call<TaskView>('task.get', { task })).status;

/** What is still on its way out of an attempt is swept with it. */
const BEGUN = 'while [ ! -e "$OUT.begun" ]; do sleep 0.05; done';
/** How a process of an attempt comes to ask. `$@` is the program that asks. */
const WAYS: Record<string, string> = {
  'the command itself': 'exec "$@"',
  'a session of its own': 'exec setsid --wait "$@"',
  'a daemon with nothing of its parents': `(env -i setsid setsid "$@" </dev/null >/dev/null 2>&1 &); ${BEGUN}`,
  'a daemon that lowers the limit that it is known by': `(env -i setsid sh -c 'ulimit -m 4000000000; exec "$@"' sh "$@" </dev/null >/dev/null 2>&1 &); ${BEGUN}`,
  'a task that it has submitted': 'exec "$RASEN_BIN" run --background -- "$@"',
  'a task that its task has submitted':
    'exec "$RASEN_BIN" run --background -- env RASEN_HOME="$RASEN_HOME" "$RASEN_BIN" run --background -- "$@"',
};

let runs = 0;

/** Asks from inside a new task; gives its id and the answers. */
async function fromInside(
  way: string,
  calls: Call[],
  more: { gate?: string } = {},
): Promise<{ task: string; answers: Answer[] }> {
  const out = join(rig.folder, `answers.${++runs}`);
  const ask = [
    process.execPath,
    ASK,
    rig.socket,
    out,
    JSON.stringify(calls),
    ...(more.gate ? [more.gate] : []),
  ];
  const task = await background(
    ...[
      'env',
      `OUT=${out}`,
      `RASEN_BIN=${RASEN}`,
      `RASEN_HOME=${rig.home}`,
      'sh',
      '-c',
      WAYS[way]!,
      'sh',
      ...ask,
    ],
  );
  if (more.gate) {
    await until('the end of the task', async () => (await statusOf(task)) === 'completed');
    writeFileSync(more.gate, '');
  }
  await until('the answers', () => existsSync(out));
  await settled();
  return { task, answers: JSON.parse(readFileSync(out, 'utf8')) };
}

/** All that was submitted from inside is over; what the user has stopped stays. */
async function settled(): Promise<void> {
  await until('the tasks', async () => {
    const tasks = await rig.call<TaskView[]>('task.list');
    return tasks.every(({ status }) => ['completed', 'cancelled', 'interrupted'].includes(status));
  });
}

async function eventsOf(task: string): Promise<Event[]> {
  const client = await rig.client();
  const found: Event[] = [];
  await client.stream('event.follow', { task }, (_method, { events }) => void found.push(...events));
  client.close();
  return found;
}
const refusals = async (task: string) =>
  (await eventsOf(task)).filter(e => e.type === 'request_refused') as EventOf<'request_refused'>[];

const NOTIFY = { name: 'x', project: '/', env: {}, notify: { on: [], command: ['true'] } };
/** Everything that only a person may ask for, about a task. */
const decisions = (task: string): Call[] => [
  ['task.answer', { task, text: 'yes' }],
  ['task.cancel', { task }],
  ['task.merge', { task }],
  ['task.note', { task, text: 'forget the gates' }],
  [
    'task.replan',
    {
      task,
      plan: { version: 1, task, goal: 'x', source: 'user', rev: 1, subtasks: [SUBTASK] },
      expected_rev: 1,
    },
  ],
  ['task.resume', { task }],
  ['task.retry', { task, subtask: 'run' }],
  ['task.rollback', { task }],
  ['task.stop', { task }],
  ['daemon.gc', { older_than_days: 0, unmerged: true }],
  ['daemon.notify', NOTIFY],
  ['daemon.suspend', {}],
];
const SUBTASK = { id: 'run', do: { run: ['true'] } };

/** A task of the user that waits for him. */
async function stoppedTask(): Promise<string> {
  const task = await background('sleep', '600');
  await rig.call('task.stop', { task, force: true });
  return task;
}

describe('what a person decides', () => {
  it.each(Object.keys(WAYS).filter((_, i) => LONG || i % 2 === 0 || i === 3))(
    'is refused to %s',
    async way => {
      await rig.start();
      const victim = await stoppedTask();
      const { task, answers } = await fromInside(way, decisions(victim));
      expect(answers.map(a => a.error?.data?.kind)).toEqual(answers.map(() => 'not_permitted'));
      expect(await rig.call('task.get', { task: victim })).toMatchObject({
        status: 'interrupted',
        notes: [],
      });
      const told = await refusals(victim);
      expect(told.map(e => e.method).sort()).toEqual(
        decisions(victim)
          .map(([method]) => method)
          .filter(method => method.startsWith('task.'))
          .sort(),
      );
      const origins = new Set(told.map(e => e.origin?.task ?? (e.origin?.inside ? 'inside' : 'a person')));
      expect(origins.size).toBe(1);
      if (way.includes('lowers')) expect([...origins]).toEqual(['inside']);
      else if (way.includes('submitted')) expect([...origins]).not.toContain('a person');
      else expect([...origins]).toEqual([task]);
      expect(
        rig.rasen(['logs', '-n', 'all', victim]).stdout + rig.rasen(['report', victim]).stdout,
      ).toContain('task.merge');
    },
  );

  it('is refused to what outlives its task, too', async () => {
    await rig.start();
    const victim = await stoppedTask();
    const gate = join(rig.folder, 'gate');
    const way = 'a daemon with nothing of its parents';
    const { task, answers } = await fromInside(way, [['task.resume', { task: victim }]], { gate });
    expect(answers[0]!.error).toMatchObject({
      message: `\`resume\` needs a person, and this request comes from inside task ${task}. Nothing was done.`,
      data: { kind: 'not_permitted', task },
    });
  });

  it('is refused to one that leaves no process behind to look at', async () => {
    await rig.start();
    const victim = await stoppedTask();
    const script = `
      const socket = require('node:net').connect(process.argv[1], () => {
        require('node:child_process').spawn('sleep', ['3'], { stdio: ['ignore', 'ignore', 'ignore', socket._handle.fd], detached: true }).unref();
        socket.write(process.argv[2] + '\\n', () => process.kill(process.pid, 'SIGKILL'));
      });`;
    const request = { jsonrpc: '2.0', id: 1, method: 'task.resume', params: { task: victim } };
    const argv = [process.execPath, '-e', script, rig.socket, JSON.stringify(request)];
    const child = spawn(argv[0]!, argv.slice(1), { stdio: 'ignore' });
    await new Promise(resolve => child.once('exit', resolve));
    await until('the refusal', async () => (await refusals(victim)).length > 0);
    expect((await refusals(victim))[0]!.reason).toMatch(
      /it cannot be told who asks: the process that connected has ended/,
    );
    expect(await statusOf(victim)).toBe('interrupted');
  });

  it('is refused on the command line with a status of its own', async () => {
    await rig.start();
    const victim = await stoppedTask();
    const out = join(rig.folder, 'out');
    const words = `'${RASEN}' cancel ${victim} >'${out}' 2>&1; echo "status $?" >>'${out}'`;
    const task = await background('env', `RASEN_HOME=${rig.home}`, 'sh', '-c', words);
    expect(rig.rasen(['wait', task]).status).toBe(0);
    expect(readFileSync(out, 'utf8')).toMatch(
      /^rasen: `cancel` needs a person, and this request comes from inside task [^\n]*\n {2}[^\n]*\nstatus 77\n$/,
    );
  });

  it('is open to a person, whatever the environment of his shell says', async () => {
    await rig.start();
    const victim = await stoppedTask();
    const env = { RASEN_TASK: ulid(), RASEN_ATTEMPT: `${ulid()}/run/1/x`, RASEN_SUBTASK: 'run' };
    for (const [method, params] of decisions(victim)) {
      if (method === 'task.cancel' || method === 'daemon.gc') continue;
      const answer = await askOnce(rig.socket, method, params);
      expect(answer?.error?.data?.kind, method).not.toBe('not_permitted');
    }
    const last = await stoppedTask();
    expect(rig.rasen(['cancel', last, '--force'], { env }).status).toBe(0);
    expect(await refusals(victim)).toEqual([]);
    const asked = (await eventsOf(last))
      .filter(e => e.origin)
      .map(e => [e.type, e.origin!.pid! > 0, e.origin!.via]);
    expect(asked[0]).toEqual(['task_submitted', true, 'rasen']);
    const text = rig.rasen(['events', last]).stdout;
    expect(text).toMatch(/want_changed .* asked by \S+.* \(pid \d+\)/);
    expect(asked.at(-1)).toEqual(['want_changed', true, 'rasen']);
    expect(rig.rasen(['logs', '-n', 'all', '--gates', last]).stdout).toMatch(
      /Cancel requested by \S+.* \(pid \d+\)/,
    );
  });

  it('fills no journal, however often it is asked for', async () => {
    await rig.start();
    const victim = await stoppedTask();
    const calls = Array.from({ length: LONG ? 1000 : 40 }, (): Call => ['task.merge', { task: victim }]);
    const { answers } = await fromInside('the command itself', calls);
    expect(new Set(answers.map(a => a.error?.data?.kind))).toEqual(new Set(['not_permitted']));
    expect(await refusals(victim)).toHaveLength(1);
  });

  it('is every method that does not only tell', () => {
    const open = METHODS.filter(m => m.asks === 'reader' || m.asks === 'anyone').map(m => m.name);
    expect(open).toEqual([
      ...['daemon.doctor', 'daemon.status', 'event.follow', 'log.follow', 'task.get', 'task.list'],
      ...['task.plan', 'task.report', 'task.run', 'task.submit', 'task.wait'],
      ...['trigger.get', 'trigger.list', 'trigger.log', 'trigger.next'],
    ]);
  });
});

test('from inside a task: what it tells, and tasks of its own, which it may stop and end', async () => {
  await rig.start();
  const spec = commandSpec(['sleep', '600'], '/');
  const { id } = spec;
  const { task, answers } = await fromInside('the command itself', [
    ['task.run', { spec, env: { PATH: process.env.PATH! } }],
    ['task.list', {}],
    ['task.get', { task: id }],
    ['task.stop', { task: id, force: true }],
    ['task.resume', { task: id }],
    ['task.merge', { task: id }],
    ['task.retry', { task: id, subtask: 'run' }],
    ['task.cancel', { task: id, force: true }],
  ]);
  expect(answers.map(a => a.error?.data?.kind ?? 'done')).toEqual([
    'done',
    'done',
    'done',
    'done',
    'done',
    'not_permitted',
    'not_permitted',
    'done',
  ]);
  const events = await eventsOf(id);
  expect(events[0]).toMatchObject({ type: 'task_submitted', origin: { task } });
});

describe('the mark of an attempt', () => {
  test('is there in the unit cage, too', async () => {
    const runner = new RunnerRig();
    const manager = new FakeManager(join(runner.root, 'bin'));
    const bell = new Bell(join(runner.root, 'ended'));
    try {
      const environments = join(runner.root, 'environments');
      const cage = unitCage({
        ...{ scripts: SCRIPTS, copies: join(runner.root, 'copies'), environments },
        ...{ bell, env: manager.env },
      });
      const attempt = await runner.make(['sh', '-c', 'grep resident /proc/self/limits >limit; env >env']);
      await cage.start(
        attempt.dir,
        { PATH: process.env.PATH! },
        {
          ...runner.order(attempt),
          ...{ limits: NO_LIMITS, onExit: () => {} },
        },
      );
      await runner.ended(attempt);
      const bytes = /set +(\d+) +(\d+) /.exec(readFileSync(join(runner.root, 'limit'), 'utf8'))!;
      expect(bytes[1]).toBe(bytes[2]);
      expect(BigInt(bytes[2]!) >> 62n).toBe(1n);
      expect(readFileSync(join(runner.root, 'env'), 'utf8')).not.toContain('RASEN_RUNNER');
    } finally {
      bell.close();
      await runner.close();
    }
  });

  test('and the name of its unit, also from a control group below it', () => {
    const task = ulid();
    const slice = `/user.slice/user-1000.slice/user@1000.service/rasen.slice/${unitName(`${task}/run/1/abc`)}`;
    expect([slice, `${slice}/deep/er`].map(taskOfUnit)).toEqual([task, task]);
    expect(['/', '/user.slice', `/x/rasen-${task}.slice`].map(taskOfUnit)).toEqual([null, null, null]);
  });
});

test('who asks is found out in a moment, and many at once in one', async context => {
  const peers = new SocketPeers();
  if (!peers.able) return context.skip('neither perl nor python3 is there');
  const path = join(rig.folder, 's');
  mkdirSync(rig.folder, { recursive: true });
  const ends: { fd: number }[] = [];
  const server = createServer(socket => {
    ends.push((socket as unknown as { _handle: { fd: number } })._handle);
  }).listen(path);
  const clients = Array.from({ length: 64 }, () => connect(path));
  await until('all connections', () => ends.length === clients.length);
  const times: number[] = [];
  for (const end of ends.slice(0, 20)) {
    const began = performance.now();
    expect(await peers.peerOf(() => end.fd)).toEqual({ pid: process.pid, uid: process.getuid!() });
    times.push(performance.now() - began);
  }
  const began = performance.now();
  const all = await Promise.all(ends.map(end => peers.peerOf(() => end.fd)));
  const together = performance.now() - began;
  expect(new Set(all.map(ids => ids?.pid))).toEqual(new Set([process.pid]));
  // Its end is closed by then.
  expect(await peers.peerOf(() => null)).toBeNull();
  times.sort((a, b) => a - b);
  console.log(
    `peer look-up: median ${times[10]!.toFixed(1)} ms, slowest of 20 ${times[19]!.toFixed(1)} ms; 64 together ${together.toFixed(1)} ms`,
  );
  for (const client of clients) client.destroy();
  await new Promise(resolve => server.close(resolve));
  expect(hardLimitOf(process.pid)).toBe(hardLimitOf('self'));
});

describe('a client sends nothing to', () => {
  let server: Server;
  let heard: string;
  /** A supervisor that is none, where one is looked for. */
  async function trap(): Promise<void> {
    heard = '';
    mkdirSync(join(rig.home, 'run'), { recursive: true, mode: 0o700 });
    server = createServer(socket => {
      heard += '[connected]';
      socket.on('data', chunk => {
        heard += chunk;
      });
    });
    await new Promise<void>(resolve => server.listen(rig.socket, resolve));
    chmodSync(rig.socket, 0o600);
  }
  afterEach(() => new Promise(resolve => server.close(resolve)));

  const CASES: [what: string, of_root: boolean, make: () => void, mends: RegExp][] = [
    ['a home that others can write', false, () => chmodSync(rig.home, 0o777), /chmod go-w '.*\/h'/],
    ['a home that the group can write', false, () => chmodSync(rig.home, 0o770), /chmod go-w '.*\/h'/],
    [
      'a socket folder that others can enter',
      false,
      () => chmodSync(join(rig.home, 'run'), 0o711),
      /chmod 700 '.*\/run'/,
    ],
    [
      'a socket that others can use',
      false,
      () => chmodSync(rig.socket, 0o666),
      /chmod 600 '.*\/rasend\.sock'/,
    ],
    ["another user's home", true, () => chownSync(rig.home, NOBODY, NOBODY), /sudo -u|RASEN_HOME/],
    [
      "another user's socket folder",
      true,
      () => chownSync(join(rig.home, 'run'), NOBODY, NOBODY),
      /sudo -u|RASEN_HOME/,
    ],
    ["another user's socket", true, () => chownSync(rig.socket, NOBODY, NOBODY), /sudo -u|RASEN_HOME/],
    [
      "another user's home behind a link",
      true,
      () => {
        renameSync(rig.home, `${rig.home}.real`);
        chownSync(`${rig.home}.real`, NOBODY, NOBODY);
        symlinkSync(`${rig.home}.real`, rig.home);
      },
      /sudo -u|RASEN_HOME/,
    ],
  ];
  it.for(CASES)('%s', async ([_what, of_root, make, mends], context) => {
    await trap();
    if (of_root && !root) return context.skip('only root can make files of another user');
    make();
    const words = ['run', '--background', '--', 'true'];
    const { status, stderr } = await rig.rasenAsync(words, { env: { SECRET_TOKEN: 'hunter2' } });
    expect([status, stderr]).toEqual([77, expect.stringMatching(mends)]);
    expect(heard).toBe('');
  });

  it.runIf(root)(
    'a home of mode 0777 with the socket of another user in it, as that user sees it',
    async () => {
      await trap();
      chmodSync(rig.folder, 0o755);
      chmodSync(rig.home, 0o777);
      chmodSync(join(rig.home, 'run'), 0o755);
      chmodSync(rig.socket, 0o666);
      const argv = [
        '--reuid',
        String(NOBODY),
        '--regid',
        String(NOBODY),
        '--clear-groups',
        RASEN,
        'run',
        '--',
        'true',
      ];
      const child = spawn('setpriv', argv, {
        env: { ...rig.env, TOKEN: 'hunter2' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', chunk => {
        said += chunk;
      });
      const status = await new Promise(resolve => child.once('close', resolve));
      expect([status, said]).toEqual([77, expect.stringMatching(/belongs to root/)]);
      expect(heard).toBe('');
    },
  );
});

test.each([0o777, 0o720])(
  'rasend does not start in a home of mode %o, and says what mends it',
  async mode => {
    mkdirSync(rig.home, { recursive: true });
    chmodSync(rig.home, mode);
    const child = spawn(RASEND, [], { env: rig.env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', chunk => {
      said += chunk;
    });
    const status = await new Promise(resolve => child.once('close', resolve));
    expect([status, said]).toEqual([77, expect.stringContaining(`chmod go-w '${rig.home}'`)]);
    expect(statSync(rig.home).mode & 0o777).toBe(mode);
  },
);

test('a home that others can only read, or behind a link of ours, is used', async () => {
  const real = `${rig.home}.real`;
  mkdirSync(real, { recursive: true, mode: 0o755 });
  chmodSync(real, 0o755);
  symlinkSync(real, rig.home);
  await rig.start();
  expect(rig.rasen(['run', '--', 'true']).status).toBe(0);
});

describe('a client of a supervisor that is frozen', () => {
  const SIGNALS: NodeJS.Signals[][] = [['SIGTERM'], ['SIGINT', 'SIGINT'], ['SIGHUP']];
  const ALL: [words: (task: string) => string[], way_back: RegExp][] = [
    [() => ['run', '--', 'sleep', '600'], /rasen logs --follow [0-9a-z]{26}/],
    [task => ['wait', task], /rasen wait [0-9a-z]{26}/],
    [task => ['logs', '-f', task], /rasen logs --follow [0-9a-z]{26}/],
    [task => ['status', '--watch', task], /rasen status --watch [0-9a-z]{26}/],
    [task => ['events', '-f', task], /goes on/],
    [task => ['stop', task], /rasen status/],
  ];
  // `stop` is the last of both.
  const COMMANDS = LONG ? ALL : ALL.filter((_, i) => i !== 3 && i !== 4);

  it.each(SIGNALS)('ends on %s within moments, and says what goes on', async (...signals) => {
    await rig.start();
    const task = await background('sleep', '600');
    // A stop that takes its time, to be waited for.
    const ready = join(rig.folder, 'ready');
    const slow = await background('sh', '-c', `trap "" TERM; : >${ready}; while :; do sleep 1; done`);
    await until('it heeds no signal', () => existsSync(ready));
    const said: string[] = [];
    const clients = COMMANDS.map(([words], i) => {
      const argv = words(i === COMMANDS.length - 1 ? slow : task);
      const child = spawn(RASEN, argv, { env: rig.env, cwd: rig.folder, stdio: ['ignore', 'pipe', 'pipe'] });
      said[i] = '';
      child.stderr.on('data', chunk => {
        said[i] += chunk;
      });
      child.stdout.resume();
      return child;
    });
    await until('the clients have their supervisor', async () => {
      const tasks = await rig.call<TaskView[]>('task.list');
      const stopping = (await eventsOf(slow)).some(e => e.type === 'attempt_stopping');
      return tasks.length === 3 && stopping && clients.every(({ pid }) => listensTo(pid!, 1));
    });
    const frozen = rig.pid()!;
    process.kill(frozen, 'SIGSTOP');
    try {
      const began = performance.now();
      const ends = clients.map(
        child =>
          new Promise<number>(resolve => child.once('close', () => resolve(performance.now() - began))),
      );
      for (const signal of signals) {
        for (const child of clients) if (child.exitCode === null) child.kill(signal);
        await until('each has heard of it', () =>
          clients.every((c, i) => c.exitCode !== null || said[i] !== ''),
        );
      }
      const took = await Promise.all(ends);
      console.log(`${signals.join(' ')}: ended after ${took.map(ms => Math.round(ms)).join(', ')} ms`);
      expect(Math.max(...took)).toBeLessThan(onThisMachine(5000));
      COMMANDS.forEach(([, way_back], i) => {
        expect(said[i]).toMatch(way_back);
      });
      expect(clients.map(c => c.exitCode)).not.toContain(1);
    } finally {
      process.kill(frozen, 'SIGCONT');
      for (const { id: of } of await rig.call<TaskView[]>('task.list'))
        await rig.call('task.cancel', { task: of, force: true });
    }
  });
});

/** Whether a process has a handler for a signal; Node has some of its own, but none for SIGHUP (1). */
function listensTo(pid: number, signal: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
  return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

test('the exit status 1 is that of tasks that failed, and of nothing else', async () => {
  await rig.start();
  const failed = await background('false');
  const status = (...words: string[]) => rig.rasen(words).status;
  expect(status('wait', failed)).toBe(1);
  expect(status('merge', failed)).toBe(5);
  expect(status('resume', failed)).toBe(5);
  const key = ['run', '--background', '--key', 'k', '--'];
  expect([status(...key, 'true'), status(...key, 'false')]).toEqual([0, 5]);
  expect(status('status', 'no-such-task')).toBe(2);
});
