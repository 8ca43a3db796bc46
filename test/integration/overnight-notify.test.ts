/** What ends nights (the table in test/OVERNIGHT.md), part 5: who is told, how often, and whether the machine stays awake. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import type { Message } from '../../src/notify/message.ts';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, type Claim, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const claims = (claim: Claim): Act[] => [{ claim }];
/** Notes each notice, one line each, in a file beside the project. */
const noting = (p: SeedProject) => ['sh', '-c', `cat >> '${p.beside('told')}'`];
const told = (p: SeedProject): Message[] => {
  // The last piece is a line that is being written, or nothing.
  const lines = existsSync(p.beside('told'))
    ? readFileSync(p.beside('told'), 'utf8').split('\n').slice(0, -1)
    : [];
  return lines.map(line => JSON.parse(line));
};
const events = async (p: SeedProject, type: string) =>
  (await p.ok('events', '--json'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter(event => event.type === type);
/** Over the configuration that the project begins with. */
function configure(p: SeedProject, more: object): void {
  p.write({ 'rasen.yml': JSON.stringify({ ...JSON.parse(p.read('rasen.yml')), ...more }) });
  p.git('commit', '-qam', 'notify');
}

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

test('27: a person is told once for each reason, with what happened and what to type, and not again by the next supervisor', async () => {
  const p = project();
  configure(p, { notify: { command: noting(p) }, limits: { login_retry: '1s', wait: true } });
  const out = claims({ status: 'auth', summary: 'OAuth token has expired' });
  const limit = claims({ status: 'limit', summary: 'used up', retry_after_seconds: 1 });
  p.script({ a: [limit, out, out, WORKS] });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const id = (await p.view()).id;
  await until('it is told of the login', () => told(p).some(({ kind }) => kind === 'blocked'));
  // In the moment between the two a crash repeats one.
  await until('that is written down', async () => (await events(p, 'notified')).length === 2);
  await p.crash();
  await p.instance.start();
  await until('it is told of the end', () => told(p).some(({ kind }) => kind === 'completed'));
  expect(told(p).map(({ kind, why }) => [kind, why])).toEqual([
    ['waiting', 'limit'],
    ['blocked', 'auth'],
    ['completed', null],
  ]);
  expect(told(p)[1]).toMatchObject({
    task: id,
    status: 'blocked',
    subtask: 'a',
    reason: expect.stringContaining('OAuth token has expired'),
    next: `rasen resume ${id}`,
  });
  expect(told(p)[2]).toMatchObject({
    title: 'rasen: p: completed, but look at what verified it',
    next: `rasen merge ${id}`,
  });
  await until('all is written down', async () => (await events(p, 'notified')).length === 3);
  expect((await events(p, 'notified')).every(({ ok }) => ok)).toBe(true);
});

/** A service that takes notices. */
async function webhook(): Promise<{ url: string; bodies: Message[] }> {
  const bodies: Message[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', text => {
      body += text;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(body));
      response.end();
    });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  closes.push(() => new Promise(done => server.close(done)));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, bodies };
}

test('27: a gate that refuses until the end is told of with its output, by a webhook', async () => {
  const { url, bodies } = await webhook();
  const p = project({
    config: { notify: { webhook: url }, limits: { attempts: 1 } },
    script: { '*': [[{ write: { 'a.txt': 'BROKEN\n' } }, ...WORKS.slice(1)]] },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  await until('it is told', () => bodies.length > 0);
  expect(bodies).toHaveLength(1);
  expect(bodies[0]).toMatchObject({ kind: 'blocked', why: 'attempts', subtask: 'a' });
  expect(bodies[0]!.last_lines.join('\n')).toContain('a test fails in a.txt');
  expect(bodies[0]!.text).toContain('Next: rasen resume');
});

test('27: of a session its words are told, never what it read, and a secret that is missing silences one channel alone', async () => {
  const { url, bodies } = await webhook();
  const event = (type: string, part: object) => ({
    say: JSON.stringify({ type, message: { content: [part] } }),
  });
  const p = project({
    config: command => ({
      agent: { backend: 'claude', command },
      notify: { command: ['cat'], webhook: url },
      secrets: { TOPIC: { from: 'file:~/no-such-file', for: ['notify'] } },
      limits: { attempts: 1 },
    }),
    script: {
      '*': [
        [
          event('user', { type: 'tool_result', content: 'FROM_A_FILE' }),
          event('assistant', { type: 'text', text: 'I cannot go on.' }),
          { say: JSON.stringify({ type: 'of a later version', content: 'FROM_A_FILE' }) },
          { exit: 1 },
        ],
      ],
    },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  await until('it is told', () => bodies.length > 0);
  expect(bodies[0]!.last_lines.at(-1)).toBe('I cannot go on.');
  expect(JSON.stringify(bodies)).not.toContain('FROM_A_FILE');
  const [tried] = await until('that is written down', async () => {
    const found = await events(p, 'notified');
    return found.length > 0 ? found : null;
  });
  expect(tried).toMatchObject({
    ok: false,
    failed: ['command'],
    detail: expect.stringMatching(/^command: the secret TOPIC .*cannot be used/),
  });
  expect((await p.rasen('notify', 'test')).stdout).toMatch(/^command: the secret TOPIC .*\nwebhook: sent\n$/);
});

test('27: a channel that fails holds nothing up, and is seen in status, log and doctor; a test is sent by the supervisor', async () => {
  const p = project({ config: { notify: { command: ['sh', '-c', 'echo no such topic >&2; exit 3'] } } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const view = await until('it was tried', async () => {
    const [one] = await p.instance.call<TaskView[]>('task.list', {});
    return one!.notifications.length > 0 ? one : null;
  });
  expect(view.notifications).toMatchObject([
    { kind: 'completed', ok: false, detail: 'command: sh ended with status 3: no such topic' },
  ]);
  expect(await p.ok('status')).toContain('Not notified: completed: command: sh ended with status 3');
  await p.logged(/A notification \(completed\) could not be sent/);
  expect((await p.rasen('doctor')).stdout).toMatch(/warning +notify: task .* could not be sent/);

  const failed = await p.rasen('notify', 'test');
  expect(failed).toMatchObject({ status: 5, stdout: 'command: sh ended with status 3: no such topic\n' });
  configure(p, { notify: { command: noting(p) } });
  expect(await p.ok('notify', 'test')).toBe('command: sent\n');
  expect(told(p)).toMatchObject([{ kind: 'test', name: 'p' }]);
  configure(p, { notify: {} });
  expect(await p.rasen('notify', 'test')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('No channel'),
  });
});

test('25: the machine is held awake while an attempt runs, by nobody who outlives the supervisor', async () => {
  const p = project({ script: { '*': [[{ await: '{project}/../go' }, ...WORKS]] } });
  const bin = p.beside('bin');
  mkdirSync(bin);
  writeFileSync(
    `${bin}/systemd-inhibit`,
    `#!/bin/sh\necho "$1" >> '${p.beside('held')}'\ncat\necho over >> '${p.beside('held')}'\n`,
  );
  chmodSync(`${bin}/systemd-inhibit`, 0o755);
  p.instance.env.PATH = `${bin}:${p.instance.env.PATH}`;
  const held = () =>
    existsSync(p.beside('held')) ? readFileSync(p.beside('held'), 'utf8').split('\n').filter(Boolean) : [];
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await p.session('a');
  await until('it is held awake', () => held().length === 1);
  expect(held()).toEqual(['--what=idle:sleep']);
  await p.crash();
  await until('it is let go', () => held().at(-1) === 'over');
  await p.instance.start();
  await until('it is held awake again', () => held().length > 2 && held().at(-1) !== 'over');
  writeFileSync(p.beside('go'), '');
  expect((await p.rasen('wait')).status).toBe(0);
  await until('it is let go in the end', () => held().at(-1) === 'over');
});
