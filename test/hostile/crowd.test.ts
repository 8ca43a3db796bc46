/** Crowds: readers that do not read, connections that say nothing, and frames that are none. Others are served, and the memory comes back. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { Rng } from '../crash/simulation-random.ts';
import { commandSpec, Instance, until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';
import { hostileFrame } from '../support/mutate.ts';
import { askOnce, frame, quantile, rawSocket, residentMb } from '../support/storms.ts';

const RESIDENT_MB_MAX = 150;
const P99_MS_MAX = 100;

let instance: Instance;
beforeEach(async () => {
  instance = new Instance();
  await instance.start();
});
afterEach(() => instance.close());

/** The memory is back some time after the crowd has gone. Figures are printed. */
async function memoryIsBack(after: string, most: number): Promise<void> {
  const began = performance.now();
  await until(
    `less than ${RESIDENT_MB_MAX} MB resident`,
    () => residentMb(instance) < RESIDENT_MB_MAX,
    60_000,
  );
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${after}: at most ${most} MB resident; ${residentMb(instance)} MB ${seconds} s later`);
}

it('a hundred clients with sixty streams each, who read nothing, cost neither others nor memory', async () => {
  const spec = commandSpec(['sh', '-c', 'head -c 3000000 /dev/urandom | base64'], instance.folder);
  await instance.call('task.run', { spec, env: {} });
  await instance.call('task.wait', { tasks: [spec.id], through_limits: true });
  const sockets: Socket[] = [];
  const lasted: number[] = [];
  let most = 0;
  for (let client = 0; client < 100; client++) {
    const socket = await rawSocket(instance.socket);
    socket.pause();
    sockets.push(socket);
    let text = '';
    for (let id = 1; id <= 60; id++) {
      text +=
        id % 2 === 0
          ? frame(id, 'log.follow', { task: spec.id, follow: true, gates: true })
          : frame(id, 'event.follow', { task: spec.id, follow: true });
    }
    socket.write(text);
    if (client % 5 === 0) lasted.push(await askOnce(instance.socket));
    most = Math.max(most, residentMb(instance));
  }
  for (let n = 0; n < 30; n++) {
    lasted.push(await askOnce(instance.socket));
    most = Math.max(most, residentMb(instance));
    await sleep(50);
  }
  // What was not read is still there for who does.
  const answers = new Set<number>();
  const reader = sockets[0]!;
  let rest = '';
  reader.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.includes('"result"')) answers.add(JSON.parse(line).id);
  });
  reader.resume();
  await until('all streams of one client end', () => answers.size === 60, 60_000);
  for (const socket of sockets) socket.destroy();
  console.log(
    `100 x 60 streams: another client waits ${Math.round(quantile(lasted, 0.99))} ms (p99 of ${lasted.length})`,
  );
  await memoryIsBack('100 x 60 streams', most);
});

it('five hundred connections that say nothing, or half of something, hold up nobody', async () => {
  const established = await instance.client();
  await established.call('daemon.status');
  const busy = await rawSocket(instance.socket);
  busy.write(frame(1, 'event.follow', { follow: true }));
  const { socket: path } = instance;
  let over = false;
  let opened = 0;
  const held = new Set<Socket>();
  const crowd = Array.from({ length: 500 }, async (_, n) => {
    while (!over) {
      const socket = await rawSocket(path).catch(() => null);
      if (!socket) {
        await sleep(5);
        continue;
      }
      opened++;
      held.add(socket);
      if (n % 3 === 0) socket.write('{"jsonrpc":"2.0","id":1,');
      // Some do not even notice that they were closed.
      if (n % 5 > 0) socket.resume();
      await new Promise(resolve => socket.once('close', resolve));
      held.delete(socket);
      // One that is closed comes again, but not faster than it could say something.
      await sleep(200 + n);
    }
  });
  await until('they are there', () => opened >= 500);
  onTestFinished(() => {
    over = true;
  });
  // Where other things keep the machine busy, one that has no crowd is slow as well.
  const quiet = new Instance();
  onTestFinished(() => quiet.close());
  await quiet.start();
  let p99 = Number.POSITIVE_INFINITY;
  let bound = P99_MS_MAX;
  for (let look = 0; look < 4 && p99 >= bound; look++) {
    const lasted: number[] = [];
    const without: number[] = [];
    for (const end = performance.now() + (LONG ? 60_000 : 4000); performance.now() < end; ) {
      lasted.push(await askOnce(path));
      without.push(await askOnce(quiet.socket));
      await sleep(10);
    }
    p99 = quantile(lasted, 0.99);
    bound = Math.max(P99_MS_MAX, 3 * quantile(without, 0.99));
    console.log(
      `500 idle connections, opened ${opened} times: ${lasted.length} clients served, p99 ${Math.round(p99)} ms; ` +
        `without them ${Math.round(quantile(without, 0.99))} ms`,
    );
  }
  const most = residentMb(instance);
  over = true;
  expect(p99).toBeLessThan(bound);
  // Who follows something is not idle, and who has asked something goes after those who never did.
  expect(busy.closed).toBe(false);
  await established.call('daemon.status');
  busy.destroy();
  established.close();
  for (const socket of held) socket.destroy();
  await Promise.all(crowd);
  console.log(`500 idle connections: at most ${most} MB resident`);
});

it('frames that are none, in any number, are answered or refused, and cost neither others nor memory', async () => {
  const frames = LONG ? 1_000_000 : 50_000;
  const rng = new Rng('frames');
  let sent = 0;
  let asked = 0;
  let most = 0;
  const attack = async () => {
    while (sent < frames) {
      const socket = await rawSocket(instance.socket);
      socket.resume();
      const closed = new Promise(resolve => socket.once('close', resolve));
      // Until the server has had enough of it, or a while.
      for (let n = 0; n < 200 && !socket.closed && socket.writable && sent < frames; n++) {
        sent++;
        if (!socket.write(hostileFrame(rng, sent)))
          await Promise.race([new Promise(resolve => socket.once('drain', resolve)), closed]);
        if (n % 20 === 19) await new Promise(resolve => setImmediate(resolve));
      }
      socket.end();
      const late = setTimeout(() => socket.destroy(), 2000);
      await closed;
      clearTimeout(late);
    }
  };
  const valid = async () => {
    while (sent < frames) {
      await askOnce(instance.socket);
      asked++;
      most = Math.max(most, residentMb(instance));
      await sleep(20);
    }
  };
  await Promise.all([...Array.from({ length: 8 }, attack), valid()]);
  expect(asked).toBeGreaterThan(0);
  await askOnce(instance.socket);
  expect(await instance.call('task.list')).toEqual([]);
  console.log(`${sent} hostile frames: ${asked} valid clients between them were all answered`);
  await memoryIsBack(`${sent} hostile frames`, most);
});
