/**
 * The sandbox of agents, with real ones of the system: what a session tries from inside, one thing after the other, and
 * what becomes of it. The same tries are made without a sandbox, where they have to succeed: else they would show nothing.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { marked, RASEN } from '../support/instance.ts';
import { SeedProject } from '../support/scripted-agent.ts';

const WORKS = spawnSync('bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true']).status === 0;
const sandboxed = describe.skipIf(!WORKS);
if (!WORKS) console.log('SKIPPED: bwrap is not installed, or may make no namespaces here');

let p: SeedProject;
const others: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of others.splice(0)) await end();
  await p?.close();
});

/** A project whose agent is a script of sh, outside of the repository. */
function project(script: string, sandbox: Record<string, unknown> | string = {}, more = {}): SeedProject {
  p = new SeedProject({
    config: command => ({
      agent: ['sh', join(dirname(command.at(-1)!), 'agent.sh')],
      gates: [['true']],
      sandbox: typeof sandbox === 'string' ? sandbox : { mode: 'on', ...sandbox },
      ...more,
    }),
    env: { RASEN_SANDBOX: 'on' },
  });
  withScript(p, script);
  return p;
}

function withScript(made: SeedProject, script: string): void {
  writeFileSync(made.beside('agent.sh'), script);
}

const DONE = `echo work > work.txt; git add -A; git commit -qm work
echo '{"status":"done","summary":"done"}' > "$RASEN_RESULT_FILE"
`;

/** Each try is a line of sh that succeeds or fails; what it says goes nowhere. */
function trying(tries: Record<string, string>): string {
  const lines = Object.entries(tries).map(
    ([name, line]) => `if (${line}) >/dev/null 2>&1 </dev/null; then echo '${name}' >> tries.txt; fi`,
  );
  return `: > tries.txt\n${lines.join('\n')}\n${DONE}`;
}

/** The names of the tries that succeeded. */
async function succeeded(made: SeedProject): Promise<string[]> {
  await made.init([{ id: 'a' }]);
  await made.ok('run', '--background');
  const view = await made.seen('it is over', v => ['completed', 'blocked', 'failed'].includes(v.status));
  expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
  return made
    .git('show', `${view.commit}:tries.txt`)
    .split('\n')
    .filter(line => line !== '');
}

/** A server on this machine that takes connections; its port. */
async function listener(): Promise<number> {
  const server = createServer(socket => socket.end('HTTP/1.0 200 OK\r\n\r\nhello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  others.push(() => void server.close());
  return (server.address() as { port: number }).port;
}

/** A socket of the file system that somebody outside answers on. */
async function socketAt(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer(socket => socket.end('hello\n'));
  server.listen(path);
  await once(server, 'listening');
  others.push(() => void server.close());
}

const connects = (path: string) =>
  `node -e 'require("net").connect(process.argv[1]).on("data", () => process.exit(0)).on("error", () => process.exit(1))' ${path}`;
const reaches = (port: number) =>
  `node -e 'require("net").connect(+process.argv[1], "127.0.0.1").on("data", () => process.exit(0)).on("error", () => process.exit(1))' ${port}`;

/** Asks the proxy of the environment for a way to a host, as for https. */
const connected = (to: string) =>
  `node -e 'const p = new URL(process.env.HTTPS_PROXY); require("http").request({host: p.hostname, port: p.port, method: "CONNECT", path: process.argv[1]}).on("connect", r => process.exit(r.statusCode === 200 ? 0 : 1)).on("error", () => process.exit(1)).end()' ${to}`;

/** The proxy of the user's network, who knows all names; what it was asked for. */
async function userProxy(): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(new URL(request.url!).host);
    response.end('hello\n');
  });
  server.on('connect', (request, client) => {
    asked.push(request.url!);
    client.write('HTTP/1.1 200 OK\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  others.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, asked };
}

/** What is nobody's business in a session: a place in the home each. */
const KEYS = [
  ...['.ssh/id_ed25519', '.aws/credentials', '.gnupg/secring.gpg', '.netrc', '.git-credentials'],
  ...['.config/gcloud/credentials.db', '.config/gh/hosts.yml', '.kube/config', '.docker/config.json'],
  ...['.mozilla/firefox/logins.json', '.config/google-chrome/Default/Cookies', '.bash_history'],
  ...['.local/share/keyrings/login.keyring', '.config/rasen/secrets.env', '.cargo/credentials.toml'],
];

async function furnished(made: SeedProject): Promise<{ tries: Record<string, string>; socket: string }> {
  const home = made.instance.folder;
  const tries: Record<string, string> = {};
  for (const key of KEYS) {
    mkdirSync(dirname(join(home, key)), { recursive: true });
    writeFileSync(join(home, key), 'a secret\n');
    tries[`read ~/${key}`] = `grep secret ${home}/${key}`;
    tries[`write ~/${key}`] = `echo x >> ${home}/${key}`;
  }
  writeFileSync(join(home, '.bashrc'), '\n');
  const socket = join(home, '.docker/run/docker.sock');
  await socketAt(socket);
  const other = join(made.root, '.worktrees/task-other');
  mkdirSync(other, { recursive: true });
  writeFileSync(join(other, 'half.txt'), 'half\n');
  made.write({ 'only-here.txt': 'not committed\n' });
  const state = made.instance.home;
  const git = `git --git-dir=${made.root}/.git`;
  return {
    socket,
    tries: {
      ...tries,
      'write ~/.bashrc': `echo evil >> ${home}/.bashrc`,
      'make a file in the home': `echo evil > ${home}/.profile`,
      'list the state': `ls ${state}/tasks/* `,
      'read a journal': `cat ${state}/tasks/*/events.jsonl`,
      'write into the state': `echo x > ${state}/x`,
      'read the environment that was captured': `cat ${state}/tasks/*/env.json`,
      'see the control socket': `test -S ${state}/run/rasend.sock`,
      'ask the supervisor': `RASEN_HOME=${state} ${join(import.meta.dirname, '../../bin/rasen')} list | grep -q p`,
      'talk to a socket of the home': connects(socket),
      'read the checkout of the user': `cat ${made.root}/only-here.txt`,
      'write into the checkout of the user': `echo evil > ${made.root}/evil.txt`,
      'read the work of another task': `cat ${other}/half.txt`,
      'write into the work of another task': `echo evil > ${other}/evil.txt`,
      'read the commits of the user': `${git} log --all`,
      'make a branch of the user': `${git} branch evil`,
      'delete the branch of the user': `${git} update-ref -d refs/heads/kept`,
      'change the configuration of the repository': `${git} config user.name Mallory`,
      'leave a hook': `echo evil > ${made.root}/.git/hooks/post-commit`,
      'change the index of the user': `echo >> ${made.root}/.git/index`,
      'stash for the user': `${git} update-ref refs/stash HEAD`,
      'see processes outside': "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -q ^RASEN_HOME=",
      'look through a process': `for pid in /proc/[0-9]*; do cat $pid/root${home}/.ssh/id_ed25519 && exit 0; done; false`,
      'end the supervisor': `kill -0 "$(cat ${state}/run/rasend.pid)"`,
    },
  };
}

sandboxed('an agent in a sandbox', () => {
  test('reaches nothing that is not its work’s: 0 of all tries, of which nearly all succeed without', async () => {
    const made = project('', {});
    const { tries } = await furnished(made);
    made.git('branch', 'kept');
    withScript(made, trying(tries));
    expect(await succeeded(made)).toEqual([]);
    expect(made.git('branch', '--list', 'kept', 'evil')).toBe('  kept');

    // The same without, to see that they would.
    made.write({ 'rasen.yml': made.read('rasen.yml').replace('"mode": "on"', '"mode": "off"') });
    made.git('commit', '-qam', 'without');
    await made.ok('reinit', '--force');
    const without = await succeeded(made);
    expect(Object.keys(tries).filter(name => !without.includes(name))).toEqual([]);
  });

  test('has all that its work needs: its folder, git, temporary files, caches, its result', async () => {
    const made = project('', {});
    const home = made.instance.folder;
    const tries = {
      'write its folder': 'mkdir -p deep && echo x > deep/file && rm -r deep',
      commit: 'echo more >> app.txt && git commit -qam more && ! git log -1 --format=%GS | grep .',
      amend: 'git commit -q --amend -m amended',
      diff: 'git log --oneline | grep amended && git diff HEAD~1 | grep more',
      'temporary files': 'echo x > "$(mktemp)" && echo x > /tmp/x && test "$TMPDIR" = /tmp',
      'a socket of its own':
        'python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\'/tmp/own.sock\')" && test -S /tmp/own.sock',
      'the cache of npm': `echo x > ${home}/.npm/x`,
      'the cache of all others': `mkdir -p ${home}/.cache/pip && echo x > ${home}/.cache/pip/x`,
      'read the system': 'cat /etc/passwd && node --version',
      'read the home': `cat ${home}/agent.sh`,
      'see its processes': 'ps | grep ps || ls /proc/self/stat',
      devices: 'echo x > /dev/null && head -c 1 /dev/urandom && ls /dev/shm',
      'end its own': 'sleep 100 & kill $!',
    };
    withScript(made, trying(tries));
    // Who signs all that he commits has his keys where no agent sees them.
    made.git('config', 'commit.gpgSign', 'true');
    expect(await succeeded(made)).toEqual(Object.keys(tries));
  });

  test('in a linked worktree it commits, and changes nothing else of the repository', async () => {
    const tries = {
      commit: 'echo more >> app.txt && git commit -qam more',
      'make a branch of the user': 'git branch evil',
      'change the configuration': 'git config user.name Mallory',
      'leave a hook': 'echo evil > "$(git rev-parse --git-common-dir)/hooks/post-commit"',
      'stash for the user': 'echo x >> app.txt && git stash; code=$?; git checkout -q app.txt; exit $code',
      'read the checkout of the user': `cat "$RASEN_PROJECT/only-here.txt"`,
    };
    const made = project(trying(tries), {}, { worktree: { isolation: 'linked' } });
    made.write({ 'only-here.txt': 'not committed\n' });
    expect(await succeeded(made)).toEqual(['commit']);
  });

  test('is given what the user opens, and nothing of rasen’s own even then', async () => {
    const made = project('', {
      write: ['~/shared'],
      read: ['data', '~/.config/gh'],
    });
    const home = made.instance.folder;
    const state = made.instance.home;
    for (const [file, text] of [
      ['shared/x', 'x'],
      ['.config/gh/hosts.yml', 'secret'],
      ['p/data/big.txt', 'big'],
    ] as const) {
      mkdirSync(dirname(join(home, file)), { recursive: true });
      writeFileSync(join(home, file), `${text}\n`);
    }
    made.write({
      'rasen.yml': made
        .read('rasen.yml')
        .replace('"~/shared"', `"~/shared", ${JSON.stringify(`${state}/tasks`)}`),
    });
    withScript(
      made,
      trying({
        'write shared': `echo y > ${home}/shared/y`,
        'read gh': `grep secret ${home}/.config/gh/hosts.yml`,
        'write gh': `echo x > ${home}/.config/gh/hosts.yml`,
        'read data': `cat ${made.root}/data/big.txt`,
        'write data': `echo x > ${made.root}/data/big.txt`,
        'read the state': `ls ${state}/tasks/*`,
      }),
    );
    expect(await succeeded(made)).toEqual(['write shared', 'read gh', 'read data']);
    expect(readFileSync(join(home, 'shared/y'), 'utf8')).toBe('y\n');
  });

  test('with network: none reaches itself alone', async () => {
    const port = await listener();
    const tries = {
      outside: reaches(port),
      itself:
        'node -e \'const s = require("net").createServer(c => c.end("x")).listen(0, "127.0.0.1", () => require("net").connect(s.address().port, "127.0.0.1").on("data", () => process.exit(0)))\'',
    };
    const made = project(trying(tries), { network: 'none' });
    expect(await succeeded(made)).toEqual(['itself']);
    made.write({ 'rasen.yml': made.read('rasen.yml').replace('"none"', '"all"') });
    made.git('commit', '-qam', 'all');
    await made.ok('reinit', '--force');
    expect(await succeeded(made)).toEqual(['outside', 'itself']);
  });

  test('with a list of hosts reaches these and no others, by name, by address, and by way of the user’s own proxy', async () => {
    const [allowed, closed] = [await listener(), await listener()];
    const proxy = await userProxy();
    const curl = (url: string, more = '') => `curl -sf -m 10 ${more} ${url}`;
    const tries = {
      'a host of the list': curl('http://api.allowed.test/x'),
      'a host below one of the list': curl('http://a.b.below.test/'),
      'one of the list, encrypted': connected('git.allowed.test:22'),
      'a port of this machine that is listed': reaches(allowed),
      'what runs in it':
        'node -e \'const s = require("net").createServer(c => c.end("x")).listen(0, "127.0.0.1", () => require("net").connect(s.address().port, "127.0.0.1").on("data", () => process.exit(0)))\'',
      'another host': curl('http://evil.test/'),
      'another host, encrypted': connected('evil.test:443'),
      'the name above': curl('http://below.test/'),
      'a name that ends alike': curl('http://notapi.allowed.test/'),
      'another port of a host with one': connected('git.allowed.test:443'),
      'another port of this machine': reaches(closed),
      'another port of this machine, through the proxy': connected(`127.0.0.1:${closed}`),
      'past the proxy': curl(`http://127.0.0.1:${closed}/`, "--noproxy '*'"),
      'the user’s proxy itself': reaches(proxy.port),
    };
    const hosts = ['api.allowed.test', '*.below.test', 'git.allowed.test:22', `127.0.0.1:${allowed}`];
    const made = project(trying(tries), { network: hosts }, { limits: { attempts: 2 } });
    const url = `http://127.0.0.1:${proxy.port}`;
    Object.assign(made.instance.env, { HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, NO_PROXY: '' });
    expect(await succeeded(made)).toEqual(Object.keys(tries).slice(0, 5));
    expect(proxy.asked.sort()).toEqual(['a.b.below.test', 'api.allowed.test', 'git.allowed.test:22']);
    expect((await made.rasen('logs', 'a')).stdout + (await made.rasen('logs')).stdout).toContain('evil.test');
  });

  test('what it refused is in the log, and in the next prompt', async () => {
    const script = `cat > prompt-$RASEN_ATTEMPT_NUMBER.txt; curl -s -m 10 http://evil.test/
[ "$RASEN_ATTEMPT_NUMBER" = 2 ] || exit 3
${DONE}`;
    const made = project(script, { network: ['good.test'] });
    await made.init([{ id: 'a' }]);
    await made.ok('run', '--background');
    const { commit } = await made.seen('it is over', v => v.status === 'completed');
    const prompt = made.git('show', `${commit}:prompt-2.txt`);
    expect(prompt).toContain('only these hosts can be reached');
    expect(prompt).toContain('the sandbox refused evil.test:80');
  });

  test('is stopped as others are: it is asked, it hands off, and nothing of it is left', async () => {
    const made = project(
      `trap 'echo handed off > handoff.txt; exit 0' TERM
env -i setsid sh -c 'while :; do sleep 1; done' &
touch begun
while :; do sleep 0.1; done
`,
    );
    await made.init([{ id: 'a' }]);
    await made.ok('run', '--background');
    const view = await made.seen(
      'it works',
      v => v.worktree !== null && existsSync(join(v.worktree, 'begun')),
    );
    expect(view.subtasks.find(s => s.id === 'a')?.attempt?.sandbox).toBe('bubblewrap');
    expect(await made.ok('status')).toContain('Sandbox: bubblewrap');
    await made.ok('stop');
    expect(readFileSync(join(view.worktree!, 'handoff.txt'), 'utf8')).toBe('handed off\n');
    expect(marked(made.instance.home)).toEqual([]);
    expect(loops(made)).toEqual([]);
  });

  test('outlives the supervisor, and is adopted', async () => {
    const made = project(`touch begun; until [ -e "$HOME/go" ]; do sleep 0.1; done\n${DONE}`);
    await made.init([{ id: 'a' }]);
    await made.ok('run', '--background');
    await made.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun')));
    await made.crash();
    await made.ok('resume', '--background');
    writeFileSync(made.beside('go'), '');
    const view = await made.seen('it is over', v => v.status === 'completed');
    expect(view.subtasks.find(s => s.id === 'a')?.attempts).toBe(1);
  });

  test('is told where it is, and a program that is not there is told from one that failed', async () => {
    const made = project('cat > prompt.txt\n' + DONE);
    await made.init([{ id: 'a' }]);
    await made.ok('run', '--background');
    const { commit } = await made.seen('it is over', v => v.status === 'completed');
    expect(made.git('show', `${commit}:prompt.txt`)).toContain('You work in a sandbox.');
  });

  test('as a judge cannot write what it judges, whoever it is', async () => {
    const judge = `if echo x >> app.txt; then v=rejected; else v=approved; fi
printf '{"status":"done","verdict":"%s","summary":"looked"}' $v > "$RASEN_RESULT_FILE"
`;
    const made = project(DONE);
    writeFileSync(made.beside('judge.sh'), judge);
    const config = JSON.parse(made.read('rasen.yml'));
    config.agents = { reviewer: { command: ['sh', made.beside('judge.sh')] } };
    made.write({ 'rasen.yml': JSON.stringify(config) });
    made.git('commit', '-qam', 'judge');
    await made.init([{ id: 'a' }]);
    await made.ok('run', '--background');
    await made.seen('it is over', v => v.status === 'completed');
  });

  test('as a planner has nothing done for it that it may not do itself', async () => {
    const steal = 'if cat "$HOME/.ssh/id"; then echo open; else echo closed; fi > seen.txt 2>/dev/null';
    const plan = { subtasks: [{ id: 'steal', title: 'Steal', run: ['sh', '-c', steal] }] };
    const made = project(`cat > "$RASEN_RESULT_FILE" <<'EOF'
${JSON.stringify({ status: 'done', plan })}
EOF
`);
    mkdirSync(made.beside('.ssh'));
    writeFileSync(made.beside('.ssh/id'), 'key\n');
    await made.init(null);
    await made.ok('run', '--background');
    const { commit } = await made.seen('it is over', v => v.status === 'completed');
    expect(made.git('show', `${commit}:seen.txt`)).toBe('closed');
  });

  test('commands and gates have one where it is asked for', async () => {
    const see = (name: string) =>
      `if cat "$HOME/.ssh/id" >/dev/null 2>&1; then echo open; else echo closed; fi > "$HOME/seen/${name}"`;
    const made = project(DONE, { commands: 'on', gates: 'require', write: ['~/seen'] });
    const home = made.instance.folder;
    for (const folder of ['.ssh', 'seen']) mkdirSync(join(home, folder));
    writeFileSync(join(home, '.ssh/id'), 'key\n');
    const config = JSON.parse(made.read('rasen.yml'));
    config.gates = [['sh', '-c', see('gate')]];
    made.write({ 'rasen.yml': JSON.stringify(config) });
    made.git('commit', '-qam', 'gates');
    await made.init([{ id: 'a' }, { id: 'b', run: ['sh', '-c', see('command')] }]);
    await made.ok('run', '--background');
    await made.seen('it is over', v => v.status === 'completed');
    expect(['gate', 'command'].map(name => readFileSync(join(home, 'seen', name), 'utf8'))).toEqual([
      'closed\n',
      'closed\n',
    ]);
    await made.ok('merge');
    expect(readFileSync(join(home, 'seen/gate'), 'utf8')).toBe('closed\n');
  });
});

describe('without a sandbox', () => {
  test('what wants one works all the same, and it is said what an agent can reach', async () => {
    project(`touch begun; until [ -e "$HOME/go" ]; do sleep 0.1; done\n${DONE}`);
    p.instance.env.RASEN_SANDBOX = 'off';
    // The agents of the machine are asked for their versions, which takes its time.
    p.instance.env.PATH = process.env.PATH!.replace(/[^:]*node_modules[^:]*:/g, '');
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    await p.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun')));
    expect(await p.ok('status')).toContain('Sandbox: none, its agent can read and write all that you can');
    writeFileSync(p.beside('go'), '');
    await p.seen('it is over', v => v.status === 'completed');
    const { stdout } = await p.rasen('doctor');
    expect(stdout).toMatch(
      /^warning +sandbox: there is none \(turned off by the setting sandbox\): an agent can/m,
    );
  });

  test('what requires one is not started, and says what is to be done', async () => {
    p = new SeedProject({ config: { sandbox: 'require' } });
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    const view = await p.seen('it is blocked', v => v.status === 'blocked');
    expect(view.reason).toContain('it is not started without a sandbox, and there is none');
    expect(view.reason).toContain('sandbox: on');
    expect(p.begun()).toBe(0);
  });
});

/** Processes whose command line says what only the test's script does. */
function loops(made: SeedProject): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return stdout.split('\n').filter(line => line.includes(made.instance.folder));
}

sandboxed('an MCP server in a sandbox', () => {
  const ask = join(import.meta.dirname, '../support/mcp-ask.mjs');
  // A checkout may be in a folder for temporary files, of which a sandbox has its own.
  const checkout = join(import.meta.dirname, '../..');
  const asking = (env: string, out: string, calls: [tool: string, args: object][]) =>
    `${env} node '${ask}' '${RASEN}' '${p.instance.home}' "$PWD/${out}" '${JSON.stringify(calls)}' || exit 1\n`;
  const over = () => p.seen('it is over', v => ['completed', 'blocked', 'failed'].includes(v.status));

  test('of a session hands commands over, whatever its agent hands on of the environment, and sees its own tasks alone', async () => {
    project('', { read: [checkout] });
    await p.ok('run', '--name', 'theirs', '--', 'true');
    const command = ['sh', '-c', 'echo the answer is $ANSWER'];
    const calls = (name: string, end: string): [string, object][] => [
      ['run', { command, name, env: { ANSWER: '42' } }],
      ['wait', { tasks: [name] }],
      ['logs', { task: name }],
      ['list', {}],
      ['status', { task: 'theirs' }],
      ['run', { goal: 'Do a part', name: 'part' }],
      ['trigger', { action: 'create', at: '2h', command: ['true'] }],
      ['trigger', { action: 'list' }],
      ['stop', { task: end }],
    ];
    withScript(
      p,
      asking('env', 'whole.txt', calls('whole', 'whole')) +
        asking('env -i HOME="$HOME" PATH="$PATH"', 'bare.txt', calls('bare', 'bare')) +
        DONE,
    );
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    const view = await over();
    expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
    for (const [i, out] of ['whole', 'bare'].entries()) {
      const answers = JSON.parse(p.git('show', `${view.commit}:${out}.txt`));
      const kinds = answers.map(({ isError, structuredContent }: any) =>
        isError ? structuredContent.error.kind : 'done',
      );
      expect(kinds).toEqual([
        ...[
          'done',
          'done',
          'done',
          'done',
          'task_unknown',
          'not_permitted',
          'not_permitted',
          'done',
          'task_state',
        ],
      ]);
      expect(answers[0].structuredContent).toMatchObject({
        name: out,
        parent: view.id,
        folder: view.worktree,
      });
      expect(answers[1].structuredContent.tasks[0].status).toBe('completed');
      expect(answers[2].content[0].text).toBe('the answer is 42\n');
      const names = answers[3].structuredContent.tasks.map(({ name }: { name: string }) => name);
      expect(names).toEqual([...['bare', 'whole'].slice(1 - i), view.name]);
    }
    expect(p.instance.rasen(['logs', '-n', 'all', view.id]).stdout).toContain(
      'Request refused: `create` is not for a session in a sandbox',
    );
  });

  test('finds its door again when the supervisor was killed, and what it handed over runs in a sandbox still', async () => {
    const home = '"$HOME"';
    project('', { read: [checkout] });
    mkdirSync(p.beside('.ssh'));
    writeFileSync(p.beside('.ssh/id'), 'key\n');
    const job = (name: string): [string, object][] => [
      ['run', { command: ['sh', '-c', `cat ~/.ssh/id; echo ran > ${name}`], name }],
      ['wait', { tasks: [name] }],
    ];
    withScript(
      p,
      `${asking('env', 'one.txt', job('one'))}touch begun; until [ -e ${home}/go ]; do sleep 0.1; done
${asking('env', 'two.txt', job('two'))}${DONE}`,
    );
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    await p.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun')));
    await p.crash();
    await p.ok('resume', '--background');
    writeFileSync(p.beside('go'), '');
    const view = await over();
    expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
    for (const out of ['one', 'two']) {
      const [, waited] = JSON.parse(p.git('show', `${view.commit}:${out}.txt`));
      expect(waited.structuredContent.tasks[0]).toMatchObject({ status: 'completed', parent: view.id });
      expect(p.git('show', `${view.commit}:${out}`)).toBe('ran');
      expect((await p.rasen('logs', out)).stdout).not.toContain('key');
    }
    // Nothing is left of the doors.
    expect(readdirSync(join(p.instance.home, 'run/d'))).toEqual([]);
  });

  test('keeps a service up for its session, in a sandbox as its own, which outlives it', async () => {
    project('', { read: [checkout] });
    const server = join(import.meta.dirname, '../support/server.mjs');
    const web = { name: 'web', command: ['node', server, 'web'], ready: { http: '/' } };
    withScript(
      p,
      `${asking('env', 'up.txt', [
        ['ensure', web],
        ['stop', { task: 'web' }],
        ['ensure', web],
        ['ensure', { ...web, name: 'other', ready: { file: '/etc/passwd' } }],
      ])}${DONE}`,
    );
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    const view = await over();
    expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
    const [up, , again, refused] = JSON.parse(p.git('show', `${view.commit}:up.txt`));
    expect(up.structuredContent).toMatchObject({ ready: true, started: true, parent: view.id });
    expect(again.structuredContent).toMatchObject({
      ready: true,
      started: true,
      task: up.structuredContent.task,
    });
    expect(refused.structuredContent.error.kind).toBe('not_permitted');
    expect(await (await fetch(again.structuredContent.url)).text()).toMatch(/^web /);
    const { subtasks } = await p.instance.call<TaskView>('task.get', { task: 'web' });
    expect(subtasks[0]?.attempt?.sandbox).toBe('bubblewrap');
    await p.ok('cancel', 'web');
  });

  test('of a command has no door: nothing is handed over, and it says so', async () => {
    project(DONE, { read: [checkout], commands: 'on' });
    const calls: [string, object][] = [
      ['run', { command: ['true'], name: 'job' }],
      ['list', {}],
    ];
    await p.init([{ id: 'a', run: ['sh', '-c', asking('env', 'out.txt', calls)] }]);
    await p.ok('run', '--background');
    const view = await over();
    expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
    for (const { isError, structuredContent } of JSON.parse(p.git('show', `${view.commit}:out.txt`)))
      expect([isError, structuredContent.error.kind]).toEqual([true, 'not_permitted']);
    expect(readdirSync(join(p.instance.home, 'tasks'))).toHaveLength(1);
  });
});
