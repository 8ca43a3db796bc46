/** The ways a notice takes: a program, a webhook, the desktop; bounded, and what goes wrong is told without the address. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type NotifySpec, notifySpec } from '../../../src/contract/notify.ts';
import type { Place } from '../../../src/notify/channel.ts';
import { channelsOf, problemOf, sendAll } from '../../../src/notify/index.ts';
import { messageFor, testMessage } from '../../../src/notify/message.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

let folder: string;
let server: Server | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  if (server) await new Promise(done => server!.close(done));
  server = null;
});

const NOW = Date.parse('2026-01-27T20:00:00Z');
const message = testMessage('shop', '/nowhere', NOW);
const spec = (over: Partial<NotifySpec>): NotifySpec => notifySpec.parse(over);
const place = (env: Record<string, string> = {}, signal = new AbortController().signal): Place => ({
  env: { PATH: process.env.PATH!, ...env },
  cwd: folder,
  signal,
  secrets: [],
});

/** A service that answers with these statuses, one after the other. */
async function answering(statuses: number[]): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', text => {
      body += text;
    });
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(statuses[Math.min(bodies.length, statuses.length) - 1]!, { location: '/elsewhere' });
      response.end('ok');
    });
  });
  await new Promise<void>(done => server!.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook/secret-topic`, bodies };
}

test('a program finds the notice as JSON on its standard input, and the environment of the task', async () => {
  const out = join(folder, 'out');
  const command = ['sh', '-c', `cat > "${out}"; echo "$GREETING" >> "${out}"`];
  expect(await sendAll(spec({ command }), message, place({ GREETING: 'hello' }))).toEqual([
    { channel: 'command', ok: true, detail: null },
  ]);
  const [json, greeting] = readFileSync(out, 'utf8').trim().split('\n');
  expect(JSON.parse(json!)).toEqual(JSON.parse(JSON.stringify(message)));
  expect(greeting).toBe('hello');
});

test.each([
  [['sh', '-c', 'echo no such topic >&2; exit 3'], 'command: sh ended with status 3: no such topic'],
  [['no-such-program'], 'command: no-such-program cannot be run: spawn no-such-program ENOENT'],
])('what goes wrong with a program is told: %j', async (command, words) => {
  expect(problemOf(await sendAll(spec({ command }), message, place()))).toBe(words);
});

test('a program that reads nothing, prints without end or leaves others behind holds nobody up', async () => {
  const big = { ...message, text: 'x'.repeat(1_000_000) };
  for (const command of [['true'], ['sh', '-c', 'sleep 300 & exit 0']])
    expect(problemOf(await sendAll(spec({ command }), big, place()))).toBeNull();
  const flood = ['sh', '-c', 'head -c 5000000 /dev/zero >&2; echo the end >&2; exit 1'];
  expect(problemOf(await sendAll(spec({ command: flood }), message, place()))).toMatch(
    /status 1: .{0,200}the end$/,
  );
});

test('a program is ended with all that it started when the supervisor ends', async () => {
  const closing = new AbortController();
  const started = join(folder, 'started');
  const command = ['sh', '-c', `touch "${started}"; sleep 300`];
  const sent = sendAll(spec({ command }), message, place({}, closing.signal));
  while (!existsSync(started)) await new Promise(done => setTimeout(done, 5));
  closing.abort();
  expect(problemOf(await sent)).toBe('command: sh was ended with the supervisor');
});

test('a webhook gets it by POST, and once more where the service does not answer yet', async () => {
  const { url, bodies } = await answering([503, 200]);
  expect(problemOf(await sendAll(spec({ webhook: url }), message, place()))).toBeNull();
  expect(bodies).toHaveLength(2);
  expect(JSON.parse(bodies[1]!)).toMatchObject({ kind: 'test', name: 'shop', text: expect.any(String) });
});

test.each([404, 302])(
  'a webhook that answers %i is not asked again, and its address is told nobody',
  async status => {
    const { url, bodies } = await answering([status]);
    expect(problemOf(await sendAll(spec({ webhook: url }), message, place()))).toBe(
      `webhook: the webhook answered ${status}`,
    );
    expect(bodies).toHaveLength(1);
  },
);

test('the desktop is shown the texts as they are: no option, no markup, no script', async () => {
  const log = join(folder, 'log');
  for (const name of ['notify-send', 'osascript']) {
    writeFileSync(join(folder, name), `#!/bin/sh\nfor word; do echo "$word"; done > "${log}"\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const odd = { ...message, title: '-t "x"', text: '<b>& end run' };
  const there = place({ PATH: `${folder}:${process.env.PATH}` });
  const on = async (platform: NodeJS.Platform) => {
    await channelsOf(spec({ desktop: true }), platform)[0]!.send(odd, there);
    return readFileSync(log, 'utf8').trim().split('\n');
  };
  expect(await on('linux')).toEqual([
    '--app-name=rasen',
    '--urgency=normal',
    '--',
    '-t "x"',
    '&lt;b&gt;&amp; end run',
  ]);
  expect((await on('darwin')).slice(-2)).toEqual(['-t "x"', '<b>& end run']);
});

test('one channel that fails keeps no other from being tried', async () => {
  const { url, bodies } = await answering([200]);
  const sent = await sendAll(spec({ command: ['false'], webhook: url }), message, place());
  expect(sent.map(({ channel, ok }) => [channel, ok])).toEqual([
    ['command', false],
    ['webhook', true],
  ]);
  expect(bodies).toHaveLength(1);
});

test('what a program complains of is one clean line, without the values of secrets', async () => {
  const script = `printf '\\033[31m+ curl -u me:%s\\n"password": "hunter2hunter2"\\n%s\\n' "$TOPIC" "$KEY" >&2; exit 1`;
  const secrets = async () => ({ TOPIC: 's3', KEY: 'line one of it\nline two of it' });
  const padded = spec({ command: ['sh', '-c', script] });
  expect(problemOf(await sendAll(padded, message, place(), secrets))).toBe(
    'command: sh ended with status 1: + curl -u me:[hidden] "password": [hidden] [hidden]',
  );
  // Where the end that is told begins within a value.
  const long = async () => ({ LONG: 'ab'.repeat(300) });
  const echo = spec({ command: ['sh', '-c', 'echo "$LONG" >&2; exit 1'] });
  expect(problemOf(await sendAll(echo, message, place(), long))).toBe(
    'command: sh ended with status 1: [hidden]',
  );
});

test('a secret that is missing keeps the command alone from being run, and is asked for by it alone', async () => {
  const { url, bodies } = await answering([200]);
  const missing = () => Promise.reject(new Error('the secret TOPIC (env:TOPIC) cannot be used'));
  const all = spec({ command: ['touch', join(folder, 'ran')], webhook: url });
  expect(problemOf(await sendAll(all, message, place(), missing))).toBe(
    'command: the secret TOPIC (env:TOPIC) cannot be used',
  );
  expect([bodies.length, existsSync(join(folder, 'ran'))]).toEqual([1, false]);
  expect(problemOf(await sendAll(spec({ webhook: url }), message, place(), missing))).toBeNull();
});

test('the message says result, reason, first error, last lines, time, tokens, cost and what to type', () => {
  const task = new TaskBuilder(specOf({ workspace: { kind: 'folder' }, time_zone: 'UTC' }))
    .claimed()
    .plan(['a'])
    .started()
    .begin('a')
    .end('a', { outcome: 'failed', claim: { input_tokens: 1000, output_tokens: 200 } })
    .close('a', 'failed', { reason: 'exit code 1\u001b[31m' })
    .add({ type: 'task_blocked', why: 'attempts', message: 'a failed: 5 attempts', subtask: 'a' });
  const { id } = task.state;
  const output = 'fine\n\u001b[31mred\u001b[0m password=hunter2hunter2\nAssertionError: 1 is not 2\n';
  const said = messageFor(
    task.state,
    { key: 'blocked:attempts:0', kind: 'blocked' },
    output,
    task.now + 60_000,
  );
  expect(said).toMatchObject({
    kind: 'blocked',
    title: 'rasen: auth: blocked (attempts), needs a person',
    task: id,
    status: 'blocked',
    why: 'attempts',
    reason: 'a failed: 5 attempts',
    subtask: 'a',
    error: 'failed: exit code 1',
    last_lines: ['fine', 'red password=[hidden]', 'AssertionError: 1 is not 2'],
    input_tokens: 1000,
    output_tokens: 200,
    next: `rasen resume ${id}`,
  });
  expect(said.text).toContain('1200 tokens');
  expect(said.text).toContain(`Next: rasen resume ${id}`);
  expect(JSON.stringify(said)).not.toMatch(/hunter2|\\u001b/);
});

test('the notice of the end says what the agent said, what is doubtful and the exact time', () => {
  const task = new TaskBuilder(specOf({ workspace: { kind: 'folder' }, time_zone: 'UTC' }))
    .claimed()
    .plan(['a'])
    .started()
    .begin('a')
    .end('a', { outcome: 'ok', claim: { status: 'done', summary: 'moved the tokens' } })
    .close('a', 'ok')
    .add({ type: 'task_completed', verified: false, commit: null });
  const started = Date.parse(task.state.started_at!);
  const state = { ...task.state, ended_at: new Date(started + 63_000).toISOString(), tolerated: ['lint'] };
  const said = messageFor(state, { key: 'completed', kind: 'completed' }, '', started + 90_000);
  expect(said).toMatchObject({
    title: 'rasen: auth: completed, not verified',
    result: 'moved the tokens',
    warnings: ['no gate verified the result', 'gate lint fails, as it did before the task (baseline: allow)'],
    duration_seconds: 63,
    next: `rasen logs ${state.id}`,
  });
  expect(said.text).toMatch(
    /^Result: moved the tokens\nWarning: no gate.*\nWarning: gate lint.*\nTime: 1m 3s/m,
  );
});
