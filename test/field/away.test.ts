/**
 * When nobody answers: what commands say and do without a supervisor, what becomes of work whose supervisor ends, and two
 * supervisors that meet in one project. Real processes; each test has an instance of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Instance, marked, RASEN, until } from '../support/instance.ts';
import { type Act, isAlive, type ProjectOptions, SeedProject, WORKS } from '../support/scripted-agent.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
const instance = (env: Record<string, string> = {}) => kept(new Instance(env));
const project = (options: ProjectOptions = {}) => kept(new SeedProject(options));
function kept<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

/** A command that says so and goes on until its file is there. */
const GOES_ON = 'echo begun; while [ ! -e "$GO" ]; do sleep 0.02; done; echo done';
const started = (rig: Instance, name: string) => {
  const id = rig
    .rasen(['run', '--background', '--name', name, '--env', 'GO', '--', 'sh', '-c', GOES_ON])
    .stdout.trim();
  return until(`${name} has begun`, () => (rig.rasen(['logs', id]).stdout.includes('begun') ? id : null));
};
const go = (rig: Instance) => rig.rasen(['run', '--', 'touch', rig.env.GO!]);
const withGo = (env: Record<string, string> = {}) => {
  const rig = instance(env);
  rig.env.GO = join(rig.folder, 'go');
  return rig;
};
const status = (rig: Instance, id: string) => JSON.parse(rig.rasen(['status', id, '--json']).stdout);
/** Ends the supervisor, whoever started it, and waits until it is gone. */
async function end(rig: Instance, signal: NodeJS.Signals): Promise<void> {
  const pid = rig.pid()!;
  process.kill(pid, signal);
  await until('the supervisor is gone', () => !isAlive(pid));
}
/** Everything below a folder, with sizes and times. */
function contentsOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => ({ name, stat: statSync(join(folder, name), { throwIfNoEntry: false }) }))
    .map(({ name, stat }) => `${name} ${stat?.size} ${stat?.mtimeMs}`)
    .sort();
}

const READS = [['list'], ['status'], ['logs'], ['events'], ['report'], ['doctor']];

describe('before anything was started', () => {
  test('list says that there are no tasks, and no reading command makes anything', () => {
    const rig = instance();
    expect(rig.rasen(['list'])).toMatchObject({ status: 0, stdout: 'No tasks yet.\n' });
    expect(rig.rasen(['report']).status).toBe(0);
    expect(rig.rasen(['events', '--all']).status).toBe(0);
    expect(rig.rasen(['doctor']).stdout).toContain('As the disk has it (no supervisor runs):');
    expect(existsSync(rig.home)).toBe(false);
  });
});

describe('no supervisor runs', () => {
  test('what reads is answered from the disk as a supervisor would, says so, and changes no byte', async () => {
    const p = project();
    await p.init([{ id: 'one' }]);
    await p.ok('run', '--background');
    await p.ok('wait');
    const before = new Map<string, string>();
    for (const args of READS.slice(0, 5)) before.set(args[0]!, (await p.rasen(...args)).stdout);
    await end(p.instance, 'SIGTERM');
    const files = contentsOf(p.instance.home);
    for (const args of READS) {
      const { status: code, stdout, stderr } = await p.rasen(...args);
      if (args[0] !== 'doctor') {
        // Ages and times of the report move on.
        const still = (text?: string) =>
          text?.replaceAll(/\d+(h|m|s)\b|\d{4}-\d\d-\d\d \S+/g, '').replaceAll(/ +/g, ' ');
        expect(code).toBe(0);
        expect([args[0], still(stdout)]).toEqual([args[0], still(before.get(args[0]!))]);
        expect(stderr).toContain('no supervisor runs');
      }
    }
    for (const args of [['status'], ['report'], ['doctor']])
      expect(JSON.parse((await p.rasen(...args, '--json')).stdout).source).toBe('disk');
    expect(p.instance.pid()).toBeNull();
    expect(contentsOf(p.instance.home)).toEqual(files);
  });

  test('packed and damaged tasks are read, too: the one is told, the other named, and neither is touched', async () => {
    const rig = instance();
    mkdirSync(rig.home, { recursive: true, mode: 0o700 });
    writeFileSync(join(rig.home, 'rasend.yml'), 'pack_after: 0\n');
    rig.env.TMPDIR = join(rig.folder, 'tmp');
    mkdirSync(rig.env.TMPDIR);
    const [sound, broken] = ['sound', 'broken'].map(word =>
      rig.rasen(['run', '--background', '--name', word, '--', 'echo', word]).stdout.trim(),
    );
    const pack = (id?: string) => join(rig.home, 'tasks', `${id}.pack`);
    await until('both are packed', () => existsSync(pack(sound)) && existsSync(pack(broken)));
    await end(rig, 'SIGTERM');
    writeFileSync(pack(broken), readFileSync(pack(broken)).fill(0, 20, 60));
    const files = contentsOf(rig.home);
    expect(rig.rasen(['logs', 'sound']).stdout).toBe('sound\n');
    expect(rig.rasen(['events', sound!]).stdout).toContain('task_completed');
    const listed = rig.rasen(['list']);
    expect(listed.stdout).toMatch(/ damaged [\s\S]* completed /);
    expect(listed.stderr).toContain('Nothing was touched.');
    expect(rig.rasen(['status', broken!])).toMatchObject({ status: 5, stdout: '' });
    expect(rig.rasen(['doctor'])).toMatchObject({ status: 5, stdout: expect.stringContaining(broken!) });
    expect([contentsOf(rig.home), readdirSync(rig.env.TMPDIR)]).toEqual([files, []]);
  });

  test('wait for what is over, and logs -f of it, come from the disk; what is stopped ends them with 130 and 4', async () => {
    const rig = withGo();
    const over = rig.rasen(['run', '--background', '--', 'echo', 'hi']).stdout.trim();
    expect(rig.rasen(['wait', over]).status).toBe(0);
    const id = await started(rig, 'goes');
    await end(rig, 'SIGTERM');
    expect(rig.rasen(['wait', over]).status).toBe(0);
    expect(rig.rasen(['logs', '-f', over]).stdout).toBe('hi\n');
    expect(rig.rasen(['wait', id]).status).toBe(130);
    const followed = rig.rasen(['logs', '-f', id]);
    // A shell that outlives what it waits for says so.
    expect([followed.status, followed.stdout]).toEqual([
      4,
      expect.stringMatching(/^begun\n(?:Terminated\n)?$/),
    ]);
    expect(followed.stderr).toContain(`rasen resume ${id}`);
    expect(rig.pid()).toBeNull();
  });

  test('what changes something starts one', async () => {
    const rig = withGo();
    const id = await started(rig, 'goes');
    await end(rig, 'SIGTERM');
    expect(rig.rasen(['cancel', id])).toMatchObject({ status: 0 });
    expect(status(rig, id).state.name).toBe('cancelled');
  });
});

describe('the end of a supervisor', () => {
  test('SIGTERM where no service manager starts it again: everything is ended, kept and told, and resume goes on', async () => {
    const rig = withGo();
    const ids = [await started(rig, 'one'), await started(rig, 'two')];
    await end(rig, 'SIGTERM');
    expect(marked(rig.home)).toEqual([]);
    for (const id of ids)
      expect(status(rig, id)).toMatchObject({
        status: 'interrupted',
        state: { name: 'interrupted', why: 'shutdown' },
        source: 'disk',
        pid: null,
      });
    for (const id of ids) expect(rig.rasen(['resume', '--background', id]).status).toBe(0);
    go(rig);
    expect(rig.rasen(['wait', ...ids]).status).toBe(0);
    const history = status(rig, ids[0]!).subtasks[0].history;
    expect(history.map((h: { outcome: string }) => h.outcome)).toEqual(['killed', 'ok']);
    expect(rig.rasen(['report', ids[0]!]).stdout).not.toContain('went on by itself');
  });

  test('SIGINT does the same; a second signal does not wait for what is deaf', async () => {
    const rig = instance();
    const deaf = 'trap "" TERM INT HUP; echo begun; while :; do sleep 0.05; done';
    const id = rig.rasen(['run', '--background', '--', 'sh', '-c', deaf]).stdout.trim();
    await until('it has begun', () => rig.rasen(['logs', id]).stdout.includes('begun'));
    const pid = rig.pid()!;
    process.kill(pid, 'SIGINT');
    await until('it is being stopped', () => rig.rasen(['events', id]).stdout.includes('attempt_stopping'));
    process.kill(pid, 'SIGTERM');
    await until('the supervisor is gone', () => !isAlive(pid), 20_000);
    expect(marked(rig.home)).toEqual([]);
    expect(status(rig, id).status).toBe('interrupted');
  });

  test('under a service manager it is harmless: attempts live on, and nobody starts one beside the manager', async () => {
    const rig = withGo({ RASEN_SERVICE: 'user' });
    await rig.start();
    const id = await started(rig, 'goes');
    const [attempt] = marked(rig.home);
    await rig.kill('SIGTERM');
    expect(status(rig, id)).toMatchObject({
      status: 'not_running',
      state: { name: 'running' },
      source: 'disk',
    });
    expect(rig.pid()).toBeNull();
    expect(isAlive(attempt!.pid)).toBe(true);
    await rig.start();
    go(rig);
    expect(rig.rasen(['wait', id]).status).toBe(0);
    expect(status(rig, id).subtasks[0].attempts).toBe(1);
  });

  test('SIGUSR2, for one that takes over: attempts live on', async () => {
    const rig = withGo();
    const id = await started(rig, 'goes');
    const [attempt] = marked(rig.home);
    await end(rig, 'SIGUSR2');
    expect(status(rig, id)).toMatchObject({ status: 'not_running', state: { name: 'running' } });
    expect(isAlive(attempt!.pid)).toBe(true);
    go(rig);
    expect(rig.rasen(['wait', id]).status).toBe(0);
  });

  test('SIGKILL: the next command of any kind adopts what was left', async () => {
    const rig = withGo();
    const id = await started(rig, 'goes');
    const [attempt] = marked(rig.home);
    for (const [command] of READS) {
      await end(rig, 'SIGKILL');
      rig.rasen(command === 'status' || command === 'logs' ? [command, id] : [command!]);
      await until(`${command} has started one`, () => rig.pid() !== null && isAlive(rig.pid()!));
      expect(isAlive(attempt!.pid)).toBe(true);
      expect(status(rig, id)).toMatchObject({ status: 'running', source: 'supervisor' });
    }
    go(rig);
    expect(rig.rasen(['wait', id]).status).toBe(0);
    expect(status(rig, id).subtasks[0].attempts).toBe(1);
  });

  test('SIGKILL while commands look on: another one is started, and they see the end', async () => {
    const rig = withGo();
    const id = await started(rig, 'goes');
    const looking = [['wait'], ['logs', '-f'], ['events', '-f'], ['status', '--watch']].map(args => {
      const child = spawn(RASEN, [...args, id], { env: rig.env, stdio: ['ignore', 'pipe', 'pipe'] });
      const one = { name: args[0], said: '', ended: new Promise(resolve => child.once('exit', resolve)) };
      for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (one.said += text));
      return one;
    });
    await until('they look on', () => looking.every(({ said }) => said !== ''));
    const pid = rig.pid();
    await end(rig, 'SIGKILL');
    await until('another one runs', () => rig.pid() !== pid && rig.pid() !== null && isAlive(rig.pid()!));
    go(rig);
    for (const { name, ended } of looking) expect([name, await ended]).toEqual([name, 0]);
    expect(looking.filter(({ said }) => said.includes('starting one'))).not.toEqual([]);
  });
});

describe('scripts', () => {
  const PLAN = [{ id: 'one', title: 'One', description: 'Make the first thing' }];
  /** A rasen of the seed: `uv run` hands on, and `sleep 60` is short. */
  const SHELL = `uv() { shift; "$@"; }; rasen() { ${RASEN} "$@"; }; sleep() { /bin/sleep 0.05; }\n`;
  const LOOP = `
    while [ "$(uv run rasen status --format json | jq -r .status)" = "running" ]; do
      echo "Progress: $(uv run rasen status --format json | jq .completed_subtasks)/$(uv run rasen status --format json | jq .total_subtasks)"
      sleep 60
    done
    if [ "$(uv run rasen status --format json | jq -r .status)" = "completed" ]; then
      echo "Task completed successfully"; exit 0
    else
      echo "Task failed"; exit 1
    fi`;
  const shell = (p: SeedProject, script: string) =>
    new Promise<{ code: number | null; out: string }>(resolve => {
      const child = spawn('bash', ['-c', SHELL + script], { cwd: p.root, env: p.instance.env });
      let out = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (out += text));
      child.once('close', code => resolve({ code, out }));
    });

  test('the CI loop goes through an overload, and through a supervisor that is killed, to the end', async () => {
    const p = project();
    const overloaded: Act[] = [{ claim: { status: 'overloaded', retry_after_seconds: 1 } }];
    p.script({ '*': [overloaded, [{ await: p.beside('go') }, ...WORKS]] });
    await p.init(PLAN);
    await p.ok('run', '--background');
    const loop = shell(p, LOOP);
    const waiting = await p.seen('it waits', view => view.status === 'waiting');
    expect(waiting.why).toBe('overloaded');
    await p.viewed({ status: 'running', task_status: 'waiting' });
    await p.session('one', 2);
    await p.crash();
    p.write({ '../go': '' });
    expect(await loop).toMatchObject({
      code: 0,
      out: expect.stringMatching(/Progress: 0\/1[\s\S]*successfully\n$/),
    });
  });

  test('the CI loop ends with a failure where somebody is needed', async () => {
    const p = project({ script: { '*': [[{ say: 'hm' }]] } });
    await p.init(PLAN);
    await p.ok('run', '--background');
    expect(await shell(p, LOOP)).toMatchObject({ code: 1, out: expect.stringMatching(/Task failed\n$/) });
    expect(p.status()).toMatchObject({ status: 'interrupted', pid: null, state: { name: 'blocked' } });
  });

  test('the same fields before the first run, while it runs, stopped, completed, with and without a supervisor', async () => {
    const p = project();
    p.script({ '*': [[{ await: p.beside('go') }, ...WORKS]] });
    await p.init(PLAN);
    const fields = async () => ({
      status: Object.keys(JSON.parse(await p.ok('status', '--format', 'json'))).sort(),
      file: Object.keys(p.status()).sort(),
    });
    const first = await fields();
    expect(JSON.parse(await p.ok('status', '--json'))).toMatchObject({
      status: 'initialized',
      total_subtasks: 1,
    });
    await p.ok('run', '--background');
    await p.session('one');
    await p.viewed({ status: 'running' });
    expect(await fields()).toEqual(first);
    expect(await p.ok('status')).toContain('\n  Description: Make the first thing\n');
    await end(p.instance, 'SIGTERM');
    expect(await fields()).toEqual(first);
    p.write({ '../go': '' });
    await p.ok('resume');
    expect(await fields()).toEqual(first);
    const done = await p.ok('status');
    expect(done).toContain('Result: did one');
    expect(await p.ok('report')).toContain('Result: did one');
    expect(p.status()).toMatchObject({ status: 'completed', result: 'did one' });
  });

  test('kill -TERM $(cat .rasen/rasen.pid), the stale pid file of one that was killed, and resume', async () => {
    const p = project();
    p.script({ '*': [[{ await: p.beside('go') }, ...WORKS]] });
    await p.init(PLAN);
    await p.ok('run', '--background');
    const { pid } = await p.session('one');
    await until('the pid file', () => p.has('.rasen/rasen.pid'));
    const supervisor = p.instance.pid()!;
    await shell(p, 'kill -TERM $(cat .rasen/rasen.pid)');
    await until('it ends', () => !isAlive(supervisor));
    expect([p.has('.rasen/rasen.pid'), isAlive(pid), p.status().status]).toEqual([
      false,
      false,
      'interrupted',
    ]);
    expect(readFileSync(join(p.root, '.rasen/rasen.log'), 'utf8')).toMatch(
      /told to end[\s\S]*Task interrupted/,
    );
    await p.ok('resume', '--background');
    await p.session('one', 2);
    await until('the pid file', () => p.has('.rasen/rasen.pid'));
    await p.crash();
    const stale = p.read('.rasen/rasen.pid');
    const again = await shell(p, 'rm .rasen/rasen.pid; uv run rasen run --background');
    expect(again.out).toContain('already running');
    await until(
      'a pid file that is true',
      () => p.has('.rasen/rasen.pid') && p.read('.rasen/rasen.pid') !== stale,
    );
    p.write({ '../go': '' });
    await p.ok('wait');
    expect(p.sessions('one')).toHaveLength(2);
  });
});

describe('two supervisors and one project', () => {
  test('the second is refused and told who has it, until nothing is left to do there', async () => {
    const p = project();
    p.script({ '*': [[{ await: p.beside('go') }, ...WORKS]] });
    await p.init([{ id: 'one' }]);
    await p.ok('run', '--background');
    await p.session('one');
    const other = { RASEN_HOME: p.beside('h2') };
    const mine = p.instance;
    const ask = (...args: string[]) => mine.rasenAsync(args, { cwd: p.root, env: other });
    const refused = await ask('run', '--background');
    expect(refused.status).toBe(5);
    expect(refused.stderr).toContain(`in use by the supervisor of ${mine.home} (PID ${mine.pid()}`);
    // Nobody can take the lock away: it is the folder's own.
    await p.crash();
    await p.ok('list');
    expect((await ask('run', '--background')).status).toBe(5);
    // Plain commands write nothing of ours there.
    expect((await ask('run', '--', 'true')).status).toBe(0);
    p.write({ '../go': '' });
    await p.ok('wait');
    await until('the project is free', async () => (await ask('run', '--background')).status === 0);
    expect((await ask('wait')).status).toBe(0);
    process.kill(Number(readFileSync(join(p.beside('h2'), 'run/rasend.pid'), 'utf8')), 'SIGTERM');
    await until('the other is gone', () => !existsSync(join(p.beside('h2'), 'run/rasend.pid')));
  });
});

describe('list', () => {
  test('shows what a task is for and what it printed last, and fits a terminal', async () => {
    const rig = withGo();
    await started(rig, 'a-name');
    const [, line] = rig.rasen(['list']).stdout.split('\n');
    expect(line).toMatch(/running +0\/1 +\S+ +a-name +sh -c 'echo begun.* +begun$/);
    go(rig);
  });

  test('a name that was used again stands for the newest, and that is said', async () => {
    const rig = instance();
    rig.rasen(['run', '--name', 'twice', '--', 'echo', 'old']);
    rig.rasen(['run', '--name', 'twice', '--', 'echo', 'new']);
    const { status: code, stdout, stderr } = rig.rasen(['logs', 'twice']);
    expect([code, stdout]).toEqual([0, 'new\n']);
    expect(stderr).toMatch(/2 tasks are called "twice"; this is the newest, \w{26}/);
  });
});
