/** Streams of the command line over a crash of the supervisor: nothing missing, nothing twice. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RequestContext } from '../../src/rpc/server.ts';
import { buildCli, type CliBuild, type Running, startCli } from '../support/cli.ts';
import { commandView, FakeDaemon, viewWith } from '../support/fake-daemon.ts';
import { until } from '../support/runner-rig.ts';

let cli: CliBuild;
let daemon: FakeDaemon;
let running: Running | undefined;
beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.ended;
  await daemon.close();
});

/** Hands out numbered lines from the cursor on; `upTo` is where it stops until the end is allowed. */
class Numbers {
  upTo = 0;
  over = false;
  readonly cursors: unknown[] = [];
  #wake = new Set<() => void>();

  set(upTo: number, over = false): void {
    this.upTo = upTo;
    this.over = over;
    for (const wake of this.#wake) wake();
  }

  async follow(from: number, context: RequestContext, send: (n: number) => Promise<void>): Promise<number> {
    let n = from;
    for (;;) {
      while (n < this.upTo) await send(++n);
      if (this.over) return n;
      context.signal.throwIfAborted();
      await new Promise<void>(resolve => {
        this.#wake.add(resolve);
        context.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

const lines = (n: number) => Array.from({ length: n }, (_, i) => `line ${i + 1}\n`).join('');

test('logs --follow', async () => {
  const numbers = new Numbers();
  daemon = new FakeDaemon({
    'task.get': () => commandView(),
    'log.follow': async ({ cursor, lines: wanted }, context) => {
      numbers.cursors.push(cursor?.seq ?? null, wanted ?? null);
      const seq = await numbers.follow(cursor?.seq ?? 0, context, async n => {
        const record = {
          kind: 'output',
          t: null,
          level: null,
          subtask: 'run',
          attempt: 1,
          job: 'run/1',
          offset: n,
          text: `line ${n}\n`,
          base64: false,
        };
        await context.notify('log.data', {
          request: context.id,
          records: [record],
          cursor: { seq: n, outputs: {} },
        });
      });
      return { cursor: { seq, outputs: {} }, ended: true };
    },
  });
  await daemon.start();
  running = startCli(cli, ['logs', 'x', '--follow', '-n', '100'], { home: daemon.home });
  numbers.set(3);
  await until('three lines', () => running!.stdout() === lines(3));
  await daemon.crash();
  numbers.set(5);
  await daemon.start();
  await until('five lines', () => running!.stdout() === lines(5));
  await daemon.crash();
  await daemon.start();
  numbers.set(6, true);
  expect(await running.ended).toMatchObject({ code: 0, stdout: lines(6) });
  expect(numbers.cursors).toEqual([null, 100, 3, null, 5, null]);
});

test('wait', async () => {
  let done = false;
  daemon = new FakeDaemon({
    'task.wait': async (_params, context) => {
      await context.notify('task.changed', { request: context.id, task: viewWith() });
      if (done) return [viewWith({ status: 'completed', exit_code: 0, seq: 200 })];
      return await new Promise((_, reject) =>
        context.signal.addEventListener('abort', () => reject(context.signal.reason)),
      );
    },
  });
  await daemon.start();
  running = startCli(cli, ['wait', 'x'], { home: daemon.home });
  await until('a first change', () => running!.stderr().includes('task running'));
  await daemon.crash();
  done = true;
  await daemon.start();
  const ran = await running.ended;
  expect(ran.code).toBe(0);
  expect(ran.stderr.match(/task running/g)).toHaveLength(1);
  expect(ran.stderr).toContain('task completed');
});

test('events of one task', async () => {
  const numbers = new Numbers();
  daemon = new FakeDaemon({
    'event.follow': async ({ after }, context) => {
      const seq = await numbers.follow(after, context, n =>
        context.notify('event.data', {
          request: context.id,
          events: [{ task: 'x', seq: n, t: '', type: 'y' }],
        }),
      );
      return { seq };
    },
  });
  await daemon.start();
  running = startCli(cli, ['events', 'x', '-f', '--json'], { home: daemon.home });
  numbers.set(2);
  await until('two events', () => running!.stdout().split('\n').length === 3);
  await daemon.crash();
  numbers.set(4, true);
  await daemon.start();
  const { stdout } = await running.ended;
  expect(
    stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).seq),
  ).toEqual([1, 2, 3, 4]);
});

test('events of all tasks: those of the meantime are fetched', async () => {
  const journal: Record<string, number> = { a: 5 };
  const followers = new Set<(task: string) => void>();
  const event = (task: string, seq: number) => ({ task, seq, t: '', type: 'y' });
  const add = (task: string) => {
    journal[task] = (journal[task] ?? 0) + 1;
    for (const tell of followers) tell(task);
  };
  daemon = new FakeDaemon({
    'task.list': () => Object.entries(journal).map(([id, seq]) => viewWith({ id, seq })),
    'event.follow': async ({ task, after = 0 }, context) => {
      if (task !== undefined) {
        const events = Array.from({ length: journal[task]! - after }, (_, i) => event(task, after + i + 1));
        await context.notify('event.data', { request: context.id, events });
        return { seq: journal[task] };
      }
      const tell = (id: string) =>
        void context.notify('event.data', { request: context.id, events: [event(id, journal[id]!)] });
      followers.add(tell);
      return await new Promise((_, reject) =>
        context.signal.addEventListener('abort', () => {
          followers.delete(tell);
          reject(context.signal.reason);
        }),
      );
    },
  });
  await daemon.start();
  running = startCli(cli, ['events', '--all', '-f', '--json'], { home: daemon.home });
  const seen = () =>
    running!
      .stdout()
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
      .map(({ task, seq }) => `${task}${seq}`);
  await until('a follower', () => followers.size === 1);
  add('a');
  await until('the first event', () => seen().length === 1);
  await daemon.crash();
  add('a');
  add('b');
  add('b');
  await daemon.start();
  await until('what was missed', () => seen().length === 4);
  await until('a follower', () => followers.size === 1);
  add('b');
  add('a');
  await until('what comes', () => seen().length === 6);
  expect(seen().filter(name => name.startsWith('a'))).toEqual(['a6', 'a7', 'a8']);
  expect(seen().filter(name => name.startsWith('b'))).toEqual(['b1', 'b2', 'b3']);
});
