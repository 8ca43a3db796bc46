/** The HTTP API as its users meet it: through a real gateway, a real supervisor and real processes. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { METHODS } from '../../src/contract/methods/index.ts';
import { GatewayRig } from '../support/gateway.ts';
import { commandSpec, until } from '../support/instance.ts';

let rig: GatewayRig;
afterEach(() => rig.close());

async function started(args: string[] = []): Promise<GatewayRig> {
  rig = new GatewayRig({}, args);
  await rig.start();
  return rig;
}

const spec = (argv: string[], more = {}) => commandSpec(argv, rig.instance.folder, more);
const submit = async (argv: string[], more = {}) => {
  const made = await rig.ask('/v1/tasks', {
    body: { spec: spec(argv, more), env: { PATH: process.env.PATH } },
  });
  expect(made.status, made.text).toBe(202);
  return made.json.task.id as string;
};
const over = (id: string) =>
  until('the task is over', async () => {
    const { json } = await rig.ask(`/v1/tasks/${id}`);
    return json.exit_code !== null && json;
  });

test('a task is submitted, looked at, followed and listed over HTTP', async () => {
  await started();
  const id = await submit(['sh', '-c', 'echo hello; echo world']);
  const view = await over(id);
  expect(view.status).toBe('completed');
  const log = await rig.ask(`/v1/tasks/${id}/log`);
  expect(log.json.records.map((r: { text: string }) => r.text).join('')).toContain('hello\nworld\n');
  expect(log.json.ended).toBe(true);
  const list = await rig.ask('/v1/tasks?status=completed&limit=5');
  expect(list.json.map((t: { id: string }) => t.id)).toEqual([id]);
  const events = await rig.ask(`/v1/tasks/${id}/events`);
  expect(events.json.events.map((e: { seq: number }) => e.seq)).toEqual(
    Array.from({ length: view.seq }, (_, i) => i + 1),
  );
  // The journal says who asked, and by which way.
  expect(events.json.events[0].origin.via).toBe('gateway token test');
});

test('a list goes on behind its cursor while tasks come', async () => {
  await started();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift(await submit(['true']));
  const first = await rig.ask('/v1/tasks?limit=2');
  expect(first.json.map((t: { id: string }) => t.id)).toEqual(ids.slice(0, 2));
  await submit(['true']);
  const next = /<([^>]+)>; rel="next"/.exec(String(first.headers.link))![1]!;
  const second = await rig.ask(next);
  expect(second.json.map((t: { id: string }) => t.id)).toEqual(ids.slice(2, 4));
  const third = await rig.ask(/<([^>]+)>/.exec(String(second.headers.link))![1]!);
  expect(third.json.map((t: { id: string }) => t.id)).toEqual(ids.slice(4));
  expect(third.headers.link).toBeUndefined();
});

test('an order with a key that comes twice is one task; another order with it is refused', async () => {
  await started();
  const body = { spec: spec(['true']), env: {} };
  const [a, b] = await Promise.all([
    rig.ask('/v1/tasks', { body, headers: { 'Idempotency-Key': 'once' } }),
    rig.ask('/v1/tasks', { body, headers: { 'Idempotency-Key': 'once' } }),
  ]);
  expect([a.status, b.status].sort()).toEqual([200, 202]);
  expect(a.json.task.id).toBe(b.json.task.id);
  const other = await rig.ask('/v1/tasks', {
    body: { spec: spec(['false']), env: {} },
    headers: { 'Idempotency-Key': 'once' },
  });
  expect(other.status).toBe(409);
  expect(other.json).toMatchObject({ type: 'urn:rasen:error:task_exists', kind: 'task_exists', status: 409 });
  expect(other.headers['content-type']).toBe('application/problem+json');
});

test('a task is stopped and gone on with; what cannot be is a problem with a name', async () => {
  await started();
  const flag = join(rig.instance.folder, 'go');
  const id = await submit(['sh', '-c', `while [ ! -e ${flag} ]; do sleep 0.05; done`]);
  await until('it runs', async () => (await rig.ask(`/v1/tasks/${id}`)).json.subtasks[0].attempt?.pid);
  const stopped = await rig.ask(`/v1/tasks/${id}/stop`, { body: {} });
  expect(stopped.status, stopped.text).toBe(200);
  expect((await over(id)).status).toBe('interrupted');
  writeFileSync(flag, '');
  expect((await rig.ask(`/v1/tasks/${id}/resume`, { body: {} })).status).toBe(200);
  await until('it is done', async () => (await rig.ask(`/v1/tasks/${id}`)).json.status === 'completed');
  const unknown = await rig.ask('/v1/tasks/01k0000000000000000000000z');
  expect([unknown.status, unknown.json.kind]).toEqual([404, 'task_unknown']);
  const wrong = await rig.ask(`/v1/tasks/${id}/stop`, { body: { hurry: true } });
  expect([wrong.status, wrong.json.kind]).toEqual([400, 'usage']);
  expect(wrong.json.detail).toContain('hurry');
  const answer = await rig.ask(`/v1/tasks/${id}/answer`, { body: { text: 'yes' } });
  expect([answer.status, answer.json.kind]).toEqual([409, 'task_state']);
});

test('a log is followed over kills of gateway and supervisor: each record once, in order', async () => {
  await started();
  const [turn, done] = [join(rig.instance.folder, 'turn'), join(rig.instance.folder, 'done')];
  const script = `i=0; while [ ! -e ${done} ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done; echo last; : > ${turn}`;
  const id = await submit(['sh', '-c', script]);
  const readers = Array.from({ length: 5 }, () => rig.follow(`/v1/tasks/${id}/log?events=false`));
  const texts = (reader: (typeof readers)[number]) =>
    reader.seen
      .filter(s => s.event === 'log')
      .flatMap(s => s.data.records)
      .map((r: { text: string }) => r.text)
      .join('');
  for (let i = 0; i < 4; i++) {
    const before = readers.map(reader => texts(reader).length);
    await until('all hear more', () =>
      readers.every((reader, at) => texts(reader).length > before[at]! + 20),
    );
    if (i % 2 === 0) {
      await rig.kill();
      await rig.startGateway();
    } else {
      await rig.instance.kill();
      await rig.instance.start();
    }
  }
  writeFileSync(done, '');
  await over(id);
  await until('all have heard the end', () => readers.every(r => r.seen.some(s => s.event === 'end')));
  const whole = texts(readers[0]!);
  const count = whole.split('\n').length - 2;
  expect(whole).toBe(`${Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join('')}last\n`);
  for (const reader of readers) expect(texts(reader)).toBe(whole);
  expect(readers.every(reader => reader.connections > 1)).toBe(true);
});

test('events of all tasks are followed over kills: each once, in order, none missing', async () => {
  await started();
  const before = await submit(['true']);
  const seq = (await over(before)).seq;
  const reader = rig.follow('/v1/events');
  await until('it listens', () => reader.seen.some(s => s.event === 'hello'));
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) {
    ids.push(await submit(['true']));
    await over(ids.at(-1)!);
    if (i === 0) reader.cut();
    if (i === 1) {
      await rig.kill();
      // Happens while nobody is there to tell it.
      const gone = spec(['true']);
      await rig.instance.call('task.run', { spec: gone, env: {} });
      ids.push(gone.id);
      await until('it is over', async () => {
        const view = await rig.instance.call<{ exit_code: number | null }>('task.get', { task: gone.id });
        return view.exit_code !== null;
      });
      await rig.startGateway();
    }
    if (i === 2) {
      await rig.instance.kill();
      await rig.instance.start();
    }
  }
  const told = () => reader.seen.filter(s => s.event === 'event').map(s => s.data);
  for (const id of ids) {
    const { seq: last } = (await rig.ask(`/v1/tasks/${id}`)).json;
    await until(`all of ${id} is told`, () => told().filter(e => e.task === id).length >= last);
    expect(
      told()
        .filter(e => e.task === id)
        .map(e => e.seq),
    ).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  }
  expect(told().filter(e => e.task === before)).toEqual([]);
  expect(seq).toBeGreaterThan(0);
  await reader.stop();
});

test('the OpenAPI document has each method of the protocol, and each of its addresses answers', async () => {
  await started();
  const { json } = await rig.ask('/v1/openapi.json');
  expect(json.openapi).toBe('3.1.0');
  // biome-ignore lint/suspicious/noExplicitAny: a document.
  const operations = Object.values(json.paths).flatMap((path: any) => Object.values(path)) as any[];
  const names = operations.map(operation => operation.operationId.replace('_', '.'));
  expect(names.sort()).toEqual(
    METHODS.map(({ name }) => name)
      .filter(name => name !== 'task.submit')
      .sort(),
  );
  for (const [path, verbs] of Object.entries(json.paths)) {
    if (!('get' in (verbs as object)) || path === '/v1/events') continue;
    const answer = await rig.ask(path.replace(/\{\w+\}/, 'no-such-task'));
    expect(answer.json?.kind ?? 'ok', path).not.toBe('not_found');
  }
});

test('without a supervisor the gateway starts one, and a health check says how things are', async () => {
  await started();
  expect((await rig.ask('/livez', { token: null })).text).toBe('ok\n');
  const ready = await rig.ask('/readyz?verbose', { token: null });
  expect([ready.status, ready.text.split('\n')[0]]).toEqual([200, '[+] supervisor answers']);
  await rig.instance.kill();
  await until('it is not ready', async () => (await rig.ask('/readyz', { token: null })).status === 503);
  expect((await rig.ask('/livez', { token: null })).status).toBe(200);
  expect((await rig.ask('/v1/daemon/status')).json.pid).toBe(rig.instance.pid());
});

test('metrics are counted from what happened, and never go down', async () => {
  await started();
  await over(await submit(['true']));
  const failed = await submit(['false']);
  await over(failed);
  const value = async (name: string) => {
    const { text } = await rig.ask('/metrics');
    return Number(
      text
        .split('\n')
        .find(line => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
  };
  expect(await value('rasen_tasks{status="completed"}')).toBe(1);
  expect(await value('rasen_tasks{status="failed"}')).toBe(1);
  const before = await value('rasen_attempts_total{outcome="ok"}');
  expect(before).toBeGreaterThan(0);
  const gone = rig.instance.rasen(['gc', '--older-than', '0']);
  expect(gone.status).toBe(0);
  expect(await value('rasen_tasks{status="completed"}')).toBe(0);
  expect(await value('rasen_attempts_total{outcome="ok"}')).toBe(before);
  expect(rig.instance.rasen(['metrics']).stdout).toContain('rasen_tasks{status="completed"} 0\n');
});

test('on the Unix socket no token is needed; it is its user’s alone and goes with the gateway', async () => {
  await started();
  expect(statSync(rig.unix).mode & 0o777).toBe(0o600);
  const whoami = await rig.ask('/v1/whoami', { unix: true });
  expect(whoami.json).toMatchObject({ by: 'socket', scopes: ['read', 'submit', 'control', 'decide'] });
  const { unix } = rig;
  // A killed one leaves its file, and the next one takes its place.
  await rig.kill();
  expect(existsSync(unix)).toBe(true);
  await rig.startGateway();
  expect((await rig.ask('/v1/tasks', { unix: true })).json).toEqual([]);
  await rig.kill('SIGTERM');
  expect(existsSync(unix)).toBe(false);
});

test('a token counts until it is rotated or revoked, and its file does not hold it', async () => {
  await started();
  const token = rig.newToken('phone', 'read');
  expect((await rig.ask('/v1/tasks', { token })).status).toBe(200);
  const file = join(rig.instance.home, 'gateway/tokens.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).not.toContain(token);
  const next = rig.instance.rasen(['token', 'rotate', 'phone']).stdout.trim();
  expect((await rig.ask('/v1/tasks', { token })).status).toBe(401);
  expect((await rig.ask('/v1/tasks', { token: next })).status).toBe(200);
  const reader = rig.follow('/v1/events');
  await until('it listens', () => reader.connections === 1);
  expect(rig.instance.rasen(['token', 'revoke', 'phone']).status).toBe(0);
  expect((await rig.ask('/v1/tasks', { token: next })).status).toBe(401);
  // An open stream of a token that is revoked ends, too.
  expect(rig.instance.rasen(['token', 'revoke', 'test']).status).toBe(0);
  await until('it is cut off', () => reader.status === 401);
  await reader.stop();
  expect(JSON.parse(rig.instance.rasen(['token', 'list', '--json']).stdout)).toEqual({
    tokens: [],
    sessions: [],
  });
});
