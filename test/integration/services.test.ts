/** Services of files of subtasks, with real servers: up before what needs them, adopted, started again, and never left over. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '../../src/contract/errors.ts';
import type { SubtaskView, TaskView } from '../../src/contract/view.ts';
import { Instance, marked, until } from '../support/instance.ts';

const SERVER = join(import.meta.dirname, '../support/server.mjs');

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

const at = (name: string) => join(rig.folder, name);
const touch = (name: string) => writeFileSync(at(name), '');
const text = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '');
const starts = (name: string) =>
  text('starts')
    .split('\n')
    .flatMap(line => (line.startsWith(`${name} `) ? [Number(line.split(' ')[1])] : []));
const keep = (name: string, ...flags: string[]) => [process.execPath, SERVER, name, ...flags];
const http = (path = '/') => ({ http: `http://127.0.0.1:\${PORT}${path}` });

/** Starts a file of subtasks in the background; gives the id of the task. */
async function start(file: Record<string, unknown>, ...flags: string[]): Promise<string> {
  writeFileSync(at('file.yml'), JSON.stringify(file));
  const { status, stdout, stderr } = await rig.rasenAsync([
    'run',
    '--background',
    ...flags,
    '-f',
    'file.yml',
  ]);
  expect([status, stderr]).toEqual([0, expect.stringContaining('runs in the background')]);
  return stdout.trim();
}

const view = (task: string) => rig.call<TaskView>('task.get', { task });
const stepOf = async (task: string, id: string): Promise<SubtaskView> =>
  (await view(task)).subtasks.find(s => s.id === id)!;
const isReady = (task: string, id: string) =>
  until(`${id} is ready`, async () => {
    const step = await stepOf(task, id);
    return step.service?.ready ? step : null;
  });
const becomes = (task: string, status: string) =>
  until(`the task is ${status}`, async () => {
    const now = await view(task);
    return now.status === status ? now : null;
  });
const nothingLeft = () => expect(marked(rig.home).map(({ command }) => command)).toEqual([]);

async function restart(): Promise<void> {
  await rig.kill();
  await rig.start();
}

describe('a service', () => {
  test('is ready before what needs it begins, tells it where, and is gone when that is done', async () => {
    await rig.start();
    const task = await start({
      subtasks: [
        { id: 'db', keep: keep('db', '--waits'), port: 'auto' },
        { id: 'web', keep: keep('web'), needs: 'db', port: 'auto', ready: http() },
        {
          ...{ id: 'e2e', needs: ['web'], shell: true },
          run: 'curl -s "$RASEN_URL_WEB" >got; echo "$RASEN_PORT_DB $RASEN_URL_DB $PORT" >env; touch e2e',
        },
      ],
      finally: { clear: { shell: true, run: 'touch cleared' } },
    });
    await until('db has begun', () => starts('db').length === 1);
    const waiting = await view(task);
    expect(waiting.subtasks.map(s => [s.id, s.status])).toEqual([
      ['db', 'in_progress'],
      ['web', 'pending'],
      ['e2e', 'pending'],
      ['clear', 'pending'],
    ]);
    touch('go-db');
    expect((await rig.rasenAsync(['wait', task])).status).toBe(0);
    expect(text('got')).toMatch(/^web \d+$/m);
    expect(text('env')).toMatch(/^(\d+) http:\/\/127\.0\.0\.1:\1 $/m);
    expect([starts('db').length, starts('web').length, existsSync(at('cleared'))]).toEqual([1, 1, true]);
    nothingLeft();
    const { stdout } = await rig.rasenAsync(['status', task]);
    expect(stdout).toMatch(/^ {2}web {4}stopped/m);
    expect((await rig.rasenAsync(['logs', task])).stdout).toMatch(
      /Service web is ready at http:\/\/127\.0\.0\.1:\d+/,
    );
  });

  test('is adopted when the supervisor is killed: before it is ready, while it is, and while it is stopped', async () => {
    await rig.start();
    const task = await start({
      subtasks: [
        { id: 'web', keep: keep('web', '--waits'), port: 'auto', ready: http() },
        {
          id: 'e2e',
          needs: ['web'],
          shell: true,
          run: 'touch begun; until [ -e go-e2e ]; do sleep 0.02; done',
        },
      ],
    });
    await until('web has begun', () => starts('web').length === 1);
    await restart();
    expect(existsSync(at('begun'))).toBe(false);
    touch('go-web');
    await until('e2e has begun', () => existsSync(at('begun')));
    const { since, url } = (await isReady(task, 'web')).service!;
    await restart();
    const after = await isReady(task, 'web');
    expect(after.service).toEqual({ ready: true, since, restarts: 0, url });
    expect(await (await fetch(url!)).text()).toBe(`web ${starts('web')[0]}\n`);
    touch('go-e2e');
    await until('web is being stopped', async () => (await stepOf(task, 'web')).attempt?.phase !== 'running');
    await restart();
    await becomes(task, 'completed');
    expect(starts('web').length).toBe(1);
    nothingLeft();
  });

  test('that is killed is started again; what needs it waits for that, and its restarts are told', async () => {
    await rig.start();
    const task = await start({
      subtasks: [{ id: 'web', keep: keep('web'), port: 'auto', ready: http() }],
    });
    const before = await isReady(task, 'web');
    process.kill(starts('web')[0]!, 'SIGKILL');
    await until('it is started again', () => starts('web').length === 2);
    const again = await isReady(task, 'web');
    expect(again.service).toMatchObject({ restarts: 1, url: before.service!.url });
    const { stdout } = await rig.rasenAsync(['status', task]);
    expect(stdout).toMatch(/web {2}ready .*\[ready since .*, 1 restart, at http:\/\/127\.0\.0\.1:\d+\]/);
    expect((await rig.rasenAsync(['stop', task])).status).toBe(0);
    await becomes(task, 'interrupted');
    nothingLeft();
    expect((await rig.rasenAsync(['resume', '--background', task])).status).toBe(0);
    expect((await isReady(task, 'web')).service!.restarts).toBe(0);
    expect((await rig.rasenAsync(['cancel', task])).status).toBe(0);
    await becomes(task, 'cancelled');
    nothingLeft();
  });

  test('alone keeps its task running through restarts of the supervisor, until somebody stops it', async () => {
    await rig.start();
    const task = await start({ subtasks: { web: { keep: keep('web'), port: 'auto' } } });
    await isReady(task, 'web');
    await restart();
    await restart();
    expect([(await view(task)).status, starts('web').length]).toEqual(['running', 1]);
    // The supervisor is told to end in good order, and nothing of it stays; the next one takes it up.
    await rig.rasenAsync(['stop', task]);
    await becomes(task, 'interrupted');
    nothingLeft();
  });

  test('that never gets ready fails with what it said last, and what needs it is left out', async () => {
    await rig.start();
    const task = await start({
      subtasks: [
        {
          ...{ id: 'web', keep: keep('web', '--never'), port: 'auto', max_restarts: 0 },
          ready: { ...http(), timeout: 1 },
        },
        { id: 'e2e', needs: ['web'], run: ['touch', 'begun'] },
      ],
    });
    const waited = await rig.rasenAsync(['wait', task]);
    expect(waited.status).toBe(1);
    const failed = await view(task);
    expect(failed.reason).toMatch(
      /^web failed: not to be started again \(max_restarts 0\), the last: not ready within 1 s: http:\S+ does not answer \(ECONNREFUSED\); the end of its output:\nweb begins$/,
    );
    expect(failed.subtasks.find(s => s.id === 'e2e')).toMatchObject({
      status: 'skipped',
      reason: 'web failed',
    });
    expect(existsSync(at('begun'))).toBe(false);
    nothingLeft();
  });

  test('that flaps is given up after its restarts, with a notice', async () => {
    mkdirSync(at('.config/rasen'), { recursive: true });
    const tell = { on: ['failed'], command: ['sh', '-c', `cat >>'${at('told')}'`] };
    writeFileSync(at('.config/rasen/config.yml'), JSON.stringify({ notify: tell }));
    await rig.start();
    const task = await start({
      subtasks: [{ id: 'web', keep: keep('web', '--flaps'), port: 'auto', max_restarts: 2 }],
    });
    expect((await rig.rasenAsync(['wait', task])).status).toBe(1);
    expect(starts('web').length).toBe(3);
    await until('a person is told', () => text('told').includes('started again 2 times within 10 min'));
    expect((await view(task)).reason).toContain('ended with exit code 1; the end of its output:\nweb begins');
  });

  test('that answers no more is started again', async () => {
    await rig.start();
    const task = await start({
      subtasks: [
        {
          ...{ id: 'web', keep: keep('web'), port: 'auto', ready: http() },
          health: { every: 0.1, failures: 2 },
        },
      ],
    });
    await isReady(task, 'web');
    touch('ill-web');
    await until('it is started again', () => starts('web').length === 2);
    rmSync(at('ill-web'));
    await isReady(task, 'web');
    const [first] = (await stepOf(task, 'web')).history;
    expect(first!.reason).toMatch(/^not well any more: http:\S+ answers with status 500, 2 times in a row/);
    await rig.rasenAsync(['cancel', task]);
    await becomes(task, 'cancelled');
  });

  test('whose port is taken is told with the process that holds it, and goes on when that is free', async () => {
    await rig.start();
    const other: Server = createServer();
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const task = await start({
      subtasks: [
        { id: 'web', keep: keep('web', '--port', `${port}`), ready: { tcp: port } },
        { id: 'e2e', needs: ['web'], run: ['touch', 'begun'] },
      ],
    });
    const waited = await rig.rasenAsync(['wait', task]);
    expect(waited.status).toBe(EXIT.blocked);
    const { reason } = await view(task);
    expect(reason).toContain(
      `web could not be started: port ${port} of web is taken by process ${process.pid} (`,
    );
    expect([starts('web'), existsSync(at('begun'))]).toEqual([[], false]);
    await new Promise(resolve => other.close(resolve));
    await rig.rasenAsync(['resume', '--background', task]);
    await becomes(task, 'completed');
    nothingLeft();
  });

  test('with any port is given one that no other service is given, and another one where that was taken at rest', async () => {
    await rig.start();
    const file = { subtasks: { web: { keep: keep('web', '--waits'), port: 'auto' } } };
    const [one, two] = [await start(file), await start(file)];
    await until('both have begun', () => starts('web').length === 2);
    touch('go-web');
    const urls = [await isReady(one, 'web'), await isReady(two, 'web')].map(step => step.service!.url!);
    expect(urls[0]).not.toBe(urls[1]);
    for (const task of [one, two]) {
      expect((await rig.rasenAsync(['stop', task])).status).toBe(0);
      await becomes(task, 'interrupted');
    }
    const other: Server = createServer();
    await new Promise<void>(resolve => other.listen(Number(new URL(urls[0]!).port), '127.0.0.1', resolve));
    await rig.rasenAsync(['resume', '--background', one]);
    const { url } = (await isReady(one, 'web')).service!;
    expect(urls).not.toContain(url);
    expect(await (await fetch(url!)).text()).toMatch(/^web /);
    await new Promise(resolve => other.close(resolve));
    for (const task of [one, two]) await rig.rasenAsync(['cancel', task]);
    await becomes(one, 'cancelled');
    nothingLeft();
  });

  test.each([
    ['line', { line: 'web listens' }],
    ['file', { file: 'pid-web' }],
    ['command', { command: ['test', '-e', 'go-web'] }],
    ['tcp', { tcp: '127.0.0.1:${PORT}' }],
  ])('is ready by %s', async (_kind, ready) => {
    writeFileSync(at('pid-web'), 'of a run before');
    const { utimesSync } = await import('node:fs');
    utimesSync(at('pid-web'), 1, 1);
    await rig.start();
    const task = await start({
      subtasks: [
        { id: 'web', keep: keep('web', '--waits'), port: 'auto', ready },
        { id: 'e2e', needs: ['web'], shell: true, run: 'touch begun' },
      ],
    });
    await until('web has begun', () => starts('web').length === 1);
    expect(existsSync(at('begun'))).toBe(false);
    touch('go-web');
    touch('pid-web');
    await becomes(task, 'completed');
    expect(existsSync(at('begun'))).toBe(true);
  });
});

describe('order', () => {
  test('a step begins when another one has, and one that mends runs although the task has failed', async () => {
    await rig.start();
    const task = await start({
      subtasks: [
        { id: 'watch', shell: true, run: 'touch watching; until [ -e go ]; do sleep 0.02; done; exit 4' },
        { id: 'use', needs: { watch: 'started' }, shell: true, run: 'test -e watching && touch used go' },
        { id: 'mend', needs: [{ watch: 'failed' }], run: ['touch', 'mended'] },
        { id: 'after', needs: ['watch'], run: ['touch', 'never'] },
      ],
      finally: [
        { id: 'tell', needs: { watch: 'failed' }, run: ['touch', 'told'] },
        { id: 'wrong', run: ['false'] },
      ],
    });
    expect((await rig.rasenAsync(['wait', task])).status).toBe(1);
    expect(['used', 'mended', 'told', 'never'].map(name => existsSync(at(name)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    const { stdout } = await rig.rasenAsync(['status', task]);
    expect(stdout).toContain('Reason: watch failed: 1 attempt, the last: failed (exit code 4)');
    expect(stdout).toMatch(
      /^At the end: wrong failed: .*exit code 1.* \(it decides nothing about the task\)$/m,
    );
  });

  test('what runs at the end runs after a cancel, through a kill of the supervisor, and once', async () => {
    await rig.start();
    const task = await start({
      subtasks: { work: { shell: true, run: 'touch begun; sleep 600' } },
      finally: { clear: { shell: true, run: 'echo x >>cleared; until [ -e go ]; do sleep 0.02; done' } },
    });
    await until('work has begun', () => existsSync(at('begun')));
    const { stdout } = await rig.rasenAsync(['cancel', task]);
    expect(stdout).toContain('is being cancelled; what runs at its end runs now');
    await until('it is cleared', () => existsSync(at('cleared')));
    await restart();
    touch('go');
    await becomes(task, 'cancelled');
    expect(text('cleared')).toBe('x\n');
  });
});
