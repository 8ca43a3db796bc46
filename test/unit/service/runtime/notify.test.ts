/** What is said to the service manager: in order, one at a time, nothing that is out of date, and never a problem of ours. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Notifier } from '../../../../src/service/runtime/notify.ts';

/** A service manager that takes a message only when it is told to. */
function slowManager() {
  const got: string[] = [];
  const waiting: { message: string; done(): void; refuse(error: Error): void }[] = [];
  let most = 0;
  const send = (message: string) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ message, done: resolve, refuse: reject });
      most = Math.max(most, waiting.length);
    });
  const next = async (error?: Error) => {
    while (waiting.length === 0) await sleep(1);
    const one = waiting.shift()!;
    if (error) one.refuse(error);
    else {
      got.push(one.message);
      one.done();
    }
  };
  return { got, send, next, most: () => most, waiting };
}

test('messages leave one at a time; of one kind only the newest that has not left', async () => {
  const manager = slowManager();
  const notifier = new Notifier({ send: manager.send });
  notifier.status('1 running');
  notifier.status('2 running');
  notifier.ping();
  notifier.ready();
  notifier.ping();
  notifier.status('3 running');
  for (let i = 0; i < 4; i++) await manager.next();
  await notifier.flush(1000);
  expect(manager.got).toEqual(['STATUS=1 running', 'READY=1', 'WATCHDOG=1', 'STATUS=3 running']);
  expect(manager.most()).toBe(1);
});

test('a reload that is announced again ends with the ready of the last one', async () => {
  const manager = slowManager();
  const notifier = new Notifier({ send: manager.send });
  notifier.status('busy');
  for (const usec of [1n, 2n, 3n]) {
    notifier.reloading(usec);
    notifier.ready();
  }
  for (let i = 0; i < 3; i++) await manager.next();
  await notifier.flush(1000);
  expect(manager.got).toEqual(['STATUS=busy', 'RELOADING=1\nMONOTONIC_USEC=3', 'READY=1']);
});

test('the status is one line of bounded length', async () => {
  const got: string[] = [];
  const notifier = new Notifier({ send: async message => void got.push(message) });
  notifier.status('one\n  two\nREADY=1');
  await notifier.flush(1000);
  notifier.status('x'.repeat(100_000));
  await notifier.flush(1000);
  expect(got[0]).toBe('STATUS=one; two; READY=1');
  expect(got[1]!.length).toBeLessThan(1000);
});

test('what is refused for a moment is said again; what is out of date by then is not', async () => {
  const manager = slowManager();
  const notifier = new Notifier({ send: manager.send, retry_ms: 1 });
  const full = Object.assign(new Error('EAGAIN: resource temporarily unavailable'), { code: 'EAGAIN' });
  notifier.ready();
  await manager.next(full);
  await manager.next(full);
  await manager.next();
  notifier.status('old');
  notifier.status('new');
  await manager.next(full);
  await manager.next();
  await notifier.flush(1000);
  expect(manager.got).toEqual(['READY=1', 'STATUS=new']);
});

test('nobody listens: complained about once, and everything goes on', async () => {
  const problems: string[] = [];
  let tries = 0;
  const send = async () => {
    tries++;
    throw new Error('connect ECONNREFUSED');
  };
  const notifier = new Notifier({ send, retry_ms: 1, failed: problem => problems.push(problem) });
  notifier.ready();
  await notifier.flush(5000);
  notifier.ping();
  await notifier.flush(5000);
  expect(tries).toBeGreaterThan(2);
  expect(problems).toEqual(['the service manager could not be told READY: connect ECONNREFUSED']);
});

test('a manager that hangs does not hold up the end', async () => {
  const manager = slowManager();
  const notifier = new Notifier({ send: manager.send });
  notifier.stopping();
  await notifier.flush(5);
  expect(manager.waiting).toHaveLength(1);
});

test('without a service manager nothing is said', async () => {
  const notifier = new Notifier({ send: null });
  notifier.ready();
  notifier.extend(1000);
  await notifier.flush(1000);
});
