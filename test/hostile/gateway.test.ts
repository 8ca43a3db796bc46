/**
 * Attacks on the gateway, each as it was seen elsewhere: pages of other sites, wrong names, stolen scopes, slow and
 * smuggled requests, agents that ask by way of HTTP for what they may not. A real gateway, and bytes of our own.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { GatewayRig } from '../support/gateway.ts';
import { commandSpec, until } from '../support/instance.ts';

let rig: GatewayRig;
afterEach(() => rig.close());

async function started(args: string[] = []): Promise<GatewayRig> {
  rig = new GatewayRig({}, args);
  await rig.start();
  return rig;
}

/** Raw bytes to the port; what came back until the other end closed. */
function raw(bytes: string | Buffer, end = false): Promise<string> {
  const { hostname, port } = new URL(rig.url);
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
}

const host = () => new URL(rig.url).host;
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

/** A browser that was logged in by `rasen web`. */
async function cookie(): Promise<string> {
  const { stdout } = rig.instance.rasen(['web', '--no-open']);
  const code = /#code=([\w-]+)/.exec(stdout)![1]!;
  const login = await rig.ask('/session', { body: { code }, token: null, headers: { Origin: rig.url } });
  expect(login.status, login.text).toBe(200);
  return String(login.headers['set-cookie']);
}

test('a request under a name that is not ours is refused, with the right token as well', async () => {
  await started(['--host', 'box.example']);
  const { port } = new URL(rig.url);
  const under = async (name: string, path = '/v1/tasks') =>
    (await rig.ask(path, { headers: { Host: name } })).status;
  for (const name of [
    `localhost:${port}`,
    `127.0.0.1:${port}`,
    `[::1]:${port}`,
    'box.example',
    'BOX.example:443',
  ])
    expect(await under(name), name).toBe(200);
  // What a name that was rebound to 127.0.0.1 looks like, and its relatives.
  for (const name of [
    ...['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example'],
    ...['127.0.0.2', '0.0.0.0', `user@localhost:${port}`, `localhost:${port}@evil.example`, 'rasen'],
  ])
    for (const path of ['/v1/tasks', '/', '/livez', '/session', '/page.js'])
      expect(await under(name, path), `${name} ${path}`).toBe(421);
  const token = `Authorization: Bearer ${rig.token}`;
  const twice = `GET /v1/tasks HTTP/1.1\r\nHost: ${host()}\r\nHost: evil.example\r\n${token}\r\nConnection: close\r\n\r\n`;
  expect([400, 421]).toContain(statusOf(await raw(twice)));
  expect(statusOf(await raw(`GET /v1/tasks HTTP/1.1\r\n${token}\r\n\r\n`))).toBe(400);
  expect(
    statusOf(
      await raw(`GET http://evil.example/v1/tasks HTTP/1.1\r\nHost: evil.example\r\n${token}\r\n\r\n`),
    ),
  ).toBe(421);
});

test('a page of another site changes nothing and reads nothing, with cookie or token', async () => {
  await started();
  const set = await cookie();
  expect(set).toMatch(/^rasen_session=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=\d+$/);
  const Cookie = set.split(';')[0]!;
  const from = (headers: Record<string, string>, more = {}) =>
    rig.ask('/v1/tasks/preview', {
      token: null,
      body: { goal: 'x', project: '/' },
      headers: { Cookie, ...headers },
      ...more,
    });
  const own = await from({ Origin: rig.url, 'Sec-Fetch-Site': 'same-origin' });
  expect([403, 401]).not.toContain(own.status);
  for (const headers of [
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Origin: rig.url.replace('http:', 'https:') },
    { Origin: rig.url.replace(/:\d+$/, ':1') },
    { Origin: rig.url, 'Sec-Fetch-Site': 'cross-site' },
    { Origin: rig.url, 'Sec-Fetch-Site': 'same-site' },
    // A form, and whatever else sends a cookie and says nothing of where it comes from.
    {},
  ])
    expect((await from(headers as Record<string, string>)).status, JSON.stringify(headers)).toBe(403);
  const token = { headers: { Origin: 'http://evil.example' }, body: {} };
  expect((await rig.ask('/v1/tasks/x/stop', token)).status).toBe(403);
  for (const site of ['cross-site', 'same-site'])
    expect(
      (await rig.ask('/v1/tasks', { token: null, headers: { Cookie, 'Sec-Fetch-Site': site } })).status,
    ).toBe(403);
  // No page of another site is told that it may read an answer.
  const options = await rig.ask('/v1/tasks', {
    method: 'OPTIONS',
    headers: { Origin: 'http://evil.example' },
  });
  expect(options.status).toBe(405);
  for (const answer of [own, options])
    expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control'))).toEqual([]);
});

test('a form cannot send what is taken: JSON alone, as it is, and not too much of it', async () => {
  await started();
  const post = (headers: Record<string, string>, bytes: string | Buffer) =>
    rig.ask('/v1/tasks/preview', { method: 'POST', raw: bytes, headers });
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
  ])
    expect((await post({ 'Content-Type': type }, '{"goal":"x"}')).status, type).toBe(415);
  const json = { 'Content-Type': 'application/json' };
  expect(
    (await post({ ...json, 'Content-Encoding': 'gzip' }, gzipSync(Buffer.alloc(50_000_000)))).status,
  ).toBe(415);
  expect((await post(json, '{"goal":')).status).toBe(400);
  expect((await post(json, '[]')).status).toBe(400);
  expect((await post(json, Buffer.from('{"goal":"\xff"}', 'latin1'))).status).toBe(400);
  const deep = `${'{"goal":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
  expect((await post(json, deep)).status).toBe(400);
  expect((await post(json, '{"__proto__":{"goal":"x"},"constructor":1}')).status).toBe(400);
  const big = await post({ ...json, 'Content-Length': String(2 ** 21) }, Buffer.alloc(2 ** 21, 32)).catch(
    () => ({ status: 413 }),
  );
  expect(big.status).toBe(413);
  // The same without a length.
  const head = `POST /v1/tasks/preview HTTP/1.1\r\nHost: ${host()}\r\nAuthorization: Bearer ${rig.token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const chunk = `${(2 ** 20).toString(16)}\r\n${' '.repeat(2 ** 20)}\r\n`;
  expect(statusOf(await raw(`${head}${chunk}${chunk}0\r\n\r\n`))).toBe(413);
});

test('each scope opens what is its own, and nothing else', async () => {
  await started();
  const made = await rig.ask('/v1/tasks', {
    body: { spec: commandSpec(['true'], rig.instance.folder), env: {} },
  });
  const id = made.json.task.id;
  const asks: [scope: string, path: string, body?: object][] = [
    ['read', '/v1/tasks'],
    ['read', `/v1/tasks/${id}`],
    ['read', '/metrics'],
    ['read', '/api/tasks'],
    ['submit', '/v1/tasks', { spec: {} }],
    ['submit', '/api/create-task', {}],
    ['control', `/v1/tasks/${id}/stop`, { x: 1 }],
    ['control', `/v1/tasks/${id}/note`, {}],
    ['control', '/v1/daemon/gc', { x: 1 }],
    ['control', `/api/task/${id}/continue`, {}],
    ['decide', `/v1/tasks/${id}/merge`, { x: 1 }],
    ['decide', `/v1/tasks/${id}/answer`, {}],
    ['decide', `/v1/tasks/${id}/rollback`, {}],
    ['decide', `/v1/tasks/${id}/replan`, {}],
    ['decide', `/v1/tasks/${id}/resume`, { skip: ['review'] }],
    ['decide', `/v1/tasks/${id}/push`, {}],
    ['decide', `/v1/tasks/${id}/pull-request`, {}],
    ['decide', `/api/task/${id}/continue`, { answer: 'yes' }],
    ['decide', `/api/task/${id}/commit`, {}],
    ['decide', `/api/task/${id}/create-pr`, {}],
    ['decide', '/api/create-pr', { task_id: id }],
  ];
  for (const scope of ['read', 'submit', 'control', 'decide']) {
    const token = rig.newToken(scope, scope);
    for (const [needed, path, body] of asks) {
      const { status, text } = await rig.ask(path, { token, ...(body ? { body } : {}) });
      const may = needed === scope || needed === 'read';
      expect(status === 403 && text.includes(`scope \\"${needed}\\"`), `${scope} ${path} ${text}`).toBe(!may);
    }
  }
  for (const [, path, body] of asks)
    expect((await rig.ask(path, { token: null, ...(body ? { body } : {}) })).status, path).toBeOneOf([
      401, 429,
    ]);
});

test('wrong tokens are slowed down, and the right one still gets in; none is written anywhere', async () => {
  await started();
  const wrong = `rasen_${'x'.repeat(43)}`;
  const seen: number[] = [];
  for (let i = 0; i < 14; i++) seen.push((await rig.ask('/v1/tasks', { token: wrong })).status);
  expect(seen.slice(0, 10)).toEqual(Array(10).fill(401));
  expect(seen.at(-1)).toBe(429);
  expect((await rig.ask('/v1/tasks')).status).toBe(200);
  for (const odd of [
    '',
    'Basic dGVzdDp0ZXN0',
    `Bearer ${rig.token} x`,
    `Bearer ${rig.token.slice(0, -1)}`,
    'Bearer',
  ])
    expect((await rig.ask('/v1/tasks', { token: null, headers: { Authorization: odd } })).status).toBeOneOf([
      401, 429,
    ]);
  // Not as a parameter, which stays in histories and logs.
  expect(
    (await rig.ask(`/v1/tasks?token=${rig.token}&access_token=${rig.token}`, { token: null })).status,
  ).toBeOneOf([401, 429]);
  expect(rig.said).not.toContain(rig.token);
  expect((await rig.ask('/metrics')).text).toMatch(/rasen_gateway_refused_total\{reason="login"\} 2\d/);
});

test('a pairing code is good once, for a minute, by POST alone', async () => {
  await started();
  const code = /#code=([\w-]+)/.exec(rig.instance.rasen(['web', '--no-open']).stdout)![1]!;
  const pair = () => rig.ask('/session', { body: { code }, token: null });
  const both = await Promise.all([pair(), pair(), pair()]);
  expect(both.map(answer => answer.status).sort()).toEqual([200, 401, 401]);
  expect((await rig.ask(`/session?code=${code}`, { token: null })).status).not.toBe(200);
  const listed = JSON.parse(rig.instance.rasen(['token', 'list', '--json']).stdout);
  expect(listed.sessions).toHaveLength(1);
  const Cookie = String(both.find(answer => answer.status === 200)!.headers['set-cookie']).split(';')[0]!;
  expect((await rig.ask('/v1/whoami', { token: null, headers: { Cookie } })).json.by).toBe('session');
  expect(rig.instance.rasen(['token', 'revoke', listed.sessions[0].name]).status).toBe(0);
  expect((await rig.ask('/v1/whoami', { token: null, headers: { Cookie } })).status).toBe(401);
  expect(rig.said).not.toContain(code);
});

test('what runs inside an attempt gets no more by way of HTTP than by the socket', async () => {
  await started();
  const { folder, env } = rig.instance;
  const target = (await rig.ask('/v1/tasks', { body: { spec: commandSpec(['true'], folder), env: {} } })).json
    .task.id;
  // It has stolen a token of the user, hides its marker, and knows the Unix socket.
  const ask = (how: string) =>
    `env -u RASEN_ATTEMPT setsid curl -s -o /dev/null -w '%{http_code}\\n' -X POST -H 'Content-Type: application/json' -d '{}' ${how}`;
  const out = join(folder, 'codes');
  const script = [
    `${ask(`-H 'Authorization: Bearer ${rig.token}' ${rig.url}/v1/tasks/${target}/merge`)} >> ${out}`,
    `${ask(`--unix-socket ${rig.unix} http://rasen/v1/tasks/${target}/merge`)} >> ${out}`,
    `${ask(`--unix-socket ${rig.unix} http://rasen/v1/tasks/${target}/cancel`)} >> ${out}`,
    `curl -s -o /dev/null -w '%{http_code}\\n' --unix-socket ${rig.unix} http://rasen/v1/tasks >> ${out}`,
    // And makes itself a key.
    `rasen token create mine --scope all; echo $? >> ${out}`,
    `rasen web --no-open; echo $? >> ${out}`,
  ].join('\n');
  const bin = join(import.meta.dirname, '../../bin');
  const made = await rig.ask('/v1/tasks', {
    body: {
      spec: commandSpec(['sh', '-c', script], folder),
      env: { PATH: `${bin}:${env.PATH}`, RASEN_HOME: rig.instance.home },
    },
  });
  await until(
    'it is over',
    async () => (await rig.ask(`/v1/tasks/${made.json.task.id}`)).json.exit_code !== null,
  );
  expect(readFileSync(out, 'utf8').trim().split('\n')).toEqual(['403', '403', '403', '200', '2', '2']);
});

test('what runs inside an attempt and has ended before it is looked at changes nothing either', async () => {
  await started();
  const { folder, env } = rig.instance;
  const target = (
    await rig.ask('/v1/tasks', { body: { spec: commandSpec(['sleep', '600'], folder), env: {} } })
  ).json.task.id;
  const { port } = new URL(rig.url);
  // Sends all of it, and is gone: nobody waits for an answer.
  const script = `
    use IO::Socket::INET; use IO::Socket::UNIX; use POSIX;
    for my $n (1..20) { for my $how ('unix', 'tcp') {
      next if fork;
      my $s = $how eq 'unix' ? IO::Socket::UNIX->new(Peer => '${rig.unix}')
        : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => ${port});
      my $login = $how eq 'unix' ? '' : "Authorization: Bearer ${rig.token}\\r\\n";
      syswrite $s, "POST /v1/tasks/${target}/cancel HTTP/1.1\\r\\nHost: localhost\\r\\n$login\\r\\n";
      POSIX::_exit(0);
    } }
    1 while wait > 0;`;
  const made = await rig.ask('/v1/tasks', {
    body: { spec: commandSpec(['perl', '-e', script], folder), env: { PATH: env.PATH } },
  });
  const view = async (id: string) => (await rig.ask(`/v1/tasks/${id}`)).json;
  await until('all is sent', async () => (await view(made.json.task.id)).exit_code === 0);
  await until('all is answered', async () => {
    const { text } = await rig.ask('/metrics');
    const refused = [...text.matchAll(/refused_total\{reason="(?:inside|unknown)"\} (\d+)/g)];
    return refused.reduce((sum, [, count]) => sum + Number(count), 0) === 40;
  });
  expect((await view(target)).exit_code).toBeNull();
  // A person may.
  expect((await rig.ask(`/v1/tasks/${target}/cancel`, { unix: true, body: {} })).status).toBe(200);
});

test('a connection that is reset is not taken for one of the Unix socket, which needs no token', async () => {
  await started();
  const { hostname, port } = new URL(rig.url);
  const body = JSON.stringify({ spec: commandSpec(['true'], rig.instance.folder), env: {} });
  const head = `POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  for (let i = 0; i < 100; i++)
    await new Promise<void>(resolve => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(head + body, () => socket.resetAndDestroy()),
      );
      socket.once('close', () => resolve());
      socket.once('error', () => {});
    });
  expect((await rig.ask('/v1/tasks')).json).toEqual([]);
  expect(rig.said).not.toContain('socket local');
});

test('the login of the tailnet counts where tailscaled says it, and not where any process does', async () => {
  await started(['--tailscale-login', 'me@example.com']);
  const ask = (uid: number) =>
    execFileSync(
      'curl',
      [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        '-H',
        'Tailscale-User-Login: me@example.com',
        `${rig.url}/v1/tasks`,
      ],
      { encoding: 'utf8', uid },
    );
  // Only root can be another user here.
  if (process.getuid!() === 0) {
    expect(ask(0)).toBe('200');
    expect(ask(65_534)).toBe('401');
  } else expect(ask(process.getuid!())).toBe('401');
});

test('paths lead nowhere but to what is there', async () => {
  await started();
  const token = `Authorization: Bearer ${rig.token}`;
  for (const path of [
    ...[
      '/../../../etc/passwd',
      '/..%2f..%2f..%2fetc%2fpasswd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '//etc/passwd',
      '/page/../index.html',
    ],
    ...[
      '/.git/config',
      '/page.js%00.html',
      '/page.js/',
      '/\\..\\..\\etc\\passwd',
      '/api/task/..%2f..%2f/logs',
      '/v1/tasks/%2e%2e',
    ],
    ...[
      '/v1/tasks/%00',
      '/v1/tasks/%ff',
      '/v1/tasks/;ls',
      '/assets/../../tokens.json',
      '/gateway/tokens.json',
    ],
  ]) {
    const answer = await raw(
      `GET ${path} HTTP/1.1\r\nHost: ${host()}\r\n${token}\r\nConnection: close\r\n\r\n`,
    );
    expect(statusOf(answer), path).toBeOneOf([400, 404, 409]);
    expect(answer).not.toMatch(/root:|sha256|\[core\]/);
  }
});

test('requests that mean two things are refused, and a second one is not smuggled behind the first', async () => {
  await started();
  const head = `POST /v1/tasks/preview HTTP/1.1\r\nHost: ${host()}\r\nAuthorization: Bearer ${rig.token}\r\nContent-Type: application/json\r\n`;
  const inner = `GET /metrics HTTP/1.1\r\nHost: ${host()}\r\nAuthorization: Bearer ${rig.token}\r\n\r\n`;
  for (const odd of [
    `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    `${head}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}${inner}`,
    `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
    `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
    `${head}Content-Length: +2\r\n\r\n{}${inner}`,
    `${head}Content-Length: 2\n\n{}${inner}`,
    `${head}Transfer-Encoding: chunked\r\n\r\nZ\r\n${inner}`,
    `GET /v1/tasks HTTP/1.1\r\nHost: ${host()}\r\nX: a\r\n b\r\nAuthorization: Bearer ${rig.token}\r\n\r\n`,
    `GET /v1/tasks HTTP/1.1\r\nHost: ${host()}\r\nCookie: ${'x'.repeat(40_000)}\r\n\r\n`,
    `\x16\x03\x01\x00\xa5\x01\x00\x00`,
  ]) {
    const answer = await raw(odd, true);
    expect(answer, JSON.stringify(odd.slice(0, 300))).not.toContain('rasen_build_info');
    expect([400, 401, 413, 431]).toContain(statusOf(answer));
  }
});

test('a client that sends slowly holds no place for long, and others are answered meanwhile', async () => {
  await started();
  const slow = Array.from({ length: 100 }, () =>
    raw(`GET /v1/tasks HTTP/1.1\r\nHost: ${host()}\r\nX-Slow: `),
  );
  expect((await rig.ask('/v1/tasks')).status).toBe(200);
  for (const answer of await Promise.all(slow)) expect(statusOf(answer)).toBe(408);
});

test('an answer runs no script: types are said, frames and inline scripts are forbidden', async () => {
  await started();
  for (const path of ['/', '/page.js', '/v1/tasks', '/nothing', '/livez']) {
    const { headers } = await rig.ask(path);
    const csp = String(headers['content-security-policy']);
    expect(csp).toContain("default-src 'self'; script-src 'self'; style-src 'self'");
    expect(csp).toContain("frame-ancestors 'none'");
    expect(csp).not.toMatch(/unsafe|\*|https?:/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
  }
  expect((await rig.ask('/', { token: null })).text).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|style=/);
});

test('an address that others reach needs TLS, or the word of who has a proxy', async () => {
  await started();
  const { instance } = rig;
  const open = instance.rasen(['gateway', '--listen', '0.0.0.0:0', '--json']);
  expect(open.status).toBe(2);
  expect(JSON.parse(open.stdout).error.message).toContain('nothing would be encrypted');
  const [cert, key] = [join(instance.folder, 'c.pem'), join(instance.folder, 'k.pem')];
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
      ],
      ...['-subj', '/CN=localhost', '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  );
  expect(existsSync(cert)).toBe(true);
  const tls = new GatewayRig({}, ['--tls-cert', cert, '--tls-key', key, '--listen', '0.0.0.0:0']);
  try {
    await tls.start();
    expect(tls.url).toMatch(/^https:\/\/0\.0\.0\.0:/);
    const port = new URL(tls.url).port;
    const said = execFileSync('curl', ['-s', '-i', '--cacert', cert, `https://localhost:${port}/livez`], {
      encoding: 'utf8',
    });
    expect(said).toMatch(/^HTTP\/1\.1 200[\s\S]*strict-transport-security: max-age/i);
  } finally {
    await tls.close();
  }
});
