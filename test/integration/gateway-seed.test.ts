/** The Remote Developer seed: its curl lines, literally but for the token, against a real git server on loopback. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { FakeForge } from '../support/forge.ts';
import { GatewayRig } from '../support/gateway.ts';
import { until } from '../support/instance.ts';
import { type ProjectOptions, SeedProject, WORKS } from '../support/scripted-agent.ts';

const run = promisify(execFile);
const SECRET = 'ghp_sesame0123456789';
/** Clones, gates and restarts one after another, on a machine that may be busy. */
const LONG = 240_000;
const PLAN = { subtasks: [{ id: 'token', description: 'Make the token' }] };

let project: SeedProject;
let rig: GatewayRig;
let forge: FakeForge;
afterEach(async () => {
  await rig.kill('SIGTERM');
  await forge.close();
  await project.close();
});

async function started(options: ProjectOptions = {}): Promise<string> {
  const config = { baseline: 'allow', limits: { attempts: 1 } };
  project = new SeedProject({ config, ...options });
  forge = new FakeForge(project.instance.folder, SECRET);
  await forge.start();
  rig = new GatewayRig(project.instance, ['--forge-api', `${forge.url}/api`]);
  await rig.start();
  return forge.add('owner/app', project.root);
}

/** A line of the seed; the port is ours, and the token is new. */
// biome-ignore lint/suspicious/noExplicitAny: answers of many kinds.
async function curl(...args: string[]): Promise<any> {
  const line = args.map(arg => arg.replace('http://localhost:15001', rig.url));
  const { stdout } = await run('curl', ['-s', '-H', `Authorization: Bearer ${rig.token}`, ...line]);
  return JSON.parse(stdout);
}
const create = async (body: object) => {
  const made = await curl(
    ...['-X', 'POST', 'http://localhost:15001/api/create-task'],
    ...['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)],
  );
  expect(made.task_id, JSON.stringify(made)).toMatch(/^[0-9a-z]{26}$/);
  return made;
};
const post = (path: string, body: object = {}) =>
  curl(
    '-X',
    'POST',
    `http://localhost:15001${path}`,
    '-H',
    'Content-Type: application/json',
    '-d',
    JSON.stringify(body),
  );
const at = (path: string) => curl(`http://localhost:15001${path}`);
const status = (id: string, wanted: string) =>
  until(
    `the task is ${wanted}`,
    async () => {
      const { json } = await rig.ask(`/api/task-status/${id}`);
      if (['failed', 'blocked'].includes(json.status) && json.status !== wanted)
        throw new Error(`${json.status}: ${json.reason}`);
      return json.status === wanted && json;
    },
    120_000,
  );

test(
  'a task of a private repository: created, left alone, come back to, committed, proposed',
  async () => {
    const repo = await started();
    const go = join(project.instance.folder, 'go');
    project.script({ '*': [[{ say: 'begun' }, { await: go }, ...WORKS]] });
    const made = await create({
      ...{ github_repo: repo, github_token: SECRET, task_description: 'Make the token', plan: PLAN },
    });
    const id = made.task_id;

    await status(id, 'running');
    const alive = await until('the session is alive', async () => {
      const found = await at(`/api/task/${id}/check-alive`);
      return found.thread_info?.thread_name === `${id}/token/1` && found;
    });
    expect(alive).toMatchObject({ task_id: id, task_status: 'running', thread_info: { is_alive: true } });
    const list = await at('/api/tasks');
    expect(list.tasks).toMatchObject([
      { task_id: id, github_repo: repo, is_running: true, status: 'running' },
    ]);

    // A reader from the beginning, and everything that may restart does.
    const reader = rig.follow(`/api/task-logs/${id}/stream`);
    const heard = () =>
      reader.seen.flatMap(seen => seen.data.logs ?? []).map((line: { message: string }) => line.message);
    await until('the backlog is heard', () => heard().some(line => line.includes('begun')));
    await rig.kill();
    await project.instance.kill();
    await project.instance.start();
    await rig.startGateway();
    writeFileSync(go, '');
    const over = await status(id, 'completed');
    await until('the end is heard', () => reader.seen.some(seen => seen.event === 'end'));
    expect(heard().filter(line => line.includes('begun'))).toHaveLength(1);
    expect(
      (await at(`/api/task/${id}/logs`)).logs.map((line: { message: string }) => line.message).join('\n'),
    ).toContain('begun');
    expect(await at(`/api/task/${id}/check-alive`)).toMatchObject({
      is_alive: false,
      thread_info: null,
      task_status: 'completed',
    });

    // Nothing has left this machine before a person said so.
    expect(forge.git('owner/app', 'branch', '--list', 'rasen/*')).toBe('');
    const committed = await post(`/api/task/${id}/commit`, { commit_message: 'Add the token' });
    expect(committed).toMatchObject({ success: true, branch: over.branch });
    expect(forge.git('owner/app', 'log', '--format=%s', `main..${over.branch}`)).toBe('Add the token');
    expect(forge.git('owner/app', 'show', `${over.branch}:token.txt`)).toContain('done by session');
    expect(await post(`/api/task/${id}/commit`, { commit_message: 'Add the token' })).toMatchObject({
      again: true,
    });

    forge.loses_answer = true;
    const pull = await post(`/api/task/${id}/create-pr`);
    expect(pull).toMatchObject({ success: true, pr_number: 1, branch: over.branch });
    expect(await post('/api/create-pr', { task_id: id })).toMatchObject({ pr_number: 1, again: true });
    expect(forge.pulls).toHaveLength(1);
    expect(forge.pulls[0]).toMatchObject({ title: 'Make the token', base: { ref: 'main' } });
    expect(forge.pulls[0]!.body).toContain('did token');
    const decided = readFileSync(join(rig.instance.home, 'gateway/decisions.ndjson'), 'utf8')
      .trim()
      .split('\n');
    expect(decided.map(line => JSON.parse(line))).toMatchObject([
      { by: 'gateway token test', what: 'push', task: id },
    ]);

    // Whoever points `origin` elsewhere does not get the credential, from git or from us.
    const asked: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="thief"' }).end();
    });
    await new Promise<void>(resolve => thief.listen(0, '127.0.0.1', resolve));
    const { port } = thief.address() as AddressInfo;
    const checkout = join(rig.instance.home, 'gateway/checkouts', id);
    const leads = (url: string) => run('git', ['config', 'remote.origin.url', url], { cwd: checkout });
    await leads(`http://127.0.0.1:${port}/owner/app.git`);
    const stolen = await rig.ask(`/api/task/${id}/commit`, { body: { commit_message: 'Add the token' } });
    expect([stolen.status, asked.length > 0, asked.filter(Boolean)]).toEqual([502, true, []]);
    const proposed = await rig.ask(`/api/task/${id}/create-pr`, { body: {} });
    expect(proposed.json.kind).toBe('secret');
    expect(asked.filter(Boolean)).toEqual([]);
    await leads(repo);
    thief.close();

    // The credential is in one file of its own, and nowhere else.
    const found = await run('grep', ['-rlF', SECRET, rig.instance.home, rig.instance.folder]).catch(
      error => error,
    );
    expect([...new Set(String(found.stdout).trim().split('\n'))]).toEqual([
      join(rig.instance.home, 'gateway/credentials', id),
    ]);
    expect(statSync(join(rig.instance.home, 'gateway/credentials', id)).mode & 0o777).toBe(0o600);
    expect(rig.said).not.toContain(SECRET);
  },
  LONG,
);

test(
  'a repository over ssh is cloned and pushed to as git of the user does it',
  async () => {
    project = new SeedProject({ config: { baseline: 'allow', limits: { attempts: 1 } } });
    const { folder } = project.instance;
    forge = new FakeForge(folder, SECRET);
    await forge.start();
    forge.add('owner/app', project.root);
    // What ssh does there: runs the words in the home of the other side, for the host that it was asked for.
    const ssh = join(folder, 'ssh');
    const asked = join(folder, 'asked');
    writeFileSync(
      ssh,
      `#!/bin/sh\nfor last; do :; done\necho "$*" >>${asked}\n[ "$1" = -G ] && exit 1\ncase $* in *git@hub.example*) cd ${forge.root} && exec sh -c "$last" ;; esac\nexit 255\n`,
      { mode: 0o755 },
    );
    project.instance.env.GIT_SSH_COMMAND = ssh;
    rig = new GatewayRig(project.instance, []);
    await rig.start();
    project.script({ '*': [WORKS] });
    const repo = 'git@hub.example:owner/app.git';
    const { task_id } = await create({ github_repo: repo, task_description: 'Make the token', plan: PLAN });
    const { branch } = await status(task_id, 'completed');
    expect(await post(`/api/task/${task_id}/commit`, { commit_message: 'Add the token' })).toMatchObject({
      ...{ success: true, branch },
    });
    expect(forge.git('owner/app', 'log', '--format=%s', `main..${branch}`)).toBe('Add the token');
    expect(readFileSync(asked, 'utf8')).toMatch(
      /git-upload-pack 'owner\/app\.git'[\s\S]*git-receive-pack 'owner\/app\.git'/,
    );
    const unknown = await rig.ask('/api/create-task', {
      body: { github_repo: 'git@other.example:owner/app.git', task_description: 'x', plan: PLAN },
    });
    expect([unknown.status, unknown.json.kind]).toEqual([502, 'git']);
  },
  LONG,
);

test(
  'lists by repository; an order with a key clones once; what cannot be is refused by name',
  async () => {
    const repo = await started();
    const order = { github_repo: repo, github_token: SECRET, task_description: 'Make the token', plan: PLAN };
    const send = () => rig.ask('/api/create-task', { body: order, headers: { 'Idempotency-Key': 'k1' } });
    const [a, b] = await Promise.all([send(), send()]);
    expect(a.json.task_id, a.text).toBe(b.json.task_id);
    expect((await send()).json.task_id).toBe(a.json.task_id);
    const local = await create({ github_repo: project.root, task_description: 'Make it here', plan: PLAN });
    await status(local.task_id, 'completed');
    await status(a.json.task_id, 'completed');
    const ids = async (path: string) =>
      (await at(path)).tasks.map((task: { task_id: string }) => task.task_id);
    expect(await ids('/api/tasks')).toEqual([local.task_id, a.json.task_id]);
    expect(await ids('/api/tasks/repo/owner/app')).toEqual([a.json.task_id]);
    expect(Object.keys((await at('/api/tasks/by-repo')).repositories).sort()).toEqual(
      [project.root, repo].sort(),
    );
    expect((await at('/api/repository-stats')).repositories).toContainEqual({
      ...{ github_repo: repo, total: 1, running: 0, completed: 1 },
    });
    expect((await at('/api/dashboard')).totals.tasks).toBe(2);
    // One mirror, whose remote has no credential.
    expect(readdirSync(join(rig.instance.home, 'gateway/checkouts'))).toEqual([a.json.task_id]);

    const refused = async (body: object) => {
      const { status, json } = await rig.ask('/api/create-task', {
        body: { task_description: 'x', ...body },
      });
      return [status, json.detail];
    };
    expect(await refused({ github_repo: repo, devpod_name: 'pod' })).toEqual([
      400,
      expect.stringContaining('"pod"'),
    ]);
    expect(await refused({ github_repo: repo })).toEqual([
      502,
      expect.stringMatching(/auth|401|403|read Username/i),
    ]);
    expect(await refused({ github_repo: repo, github_token: 'wrong' })).toEqual([502, expect.any(String)]);
    expect(await refused({ github_repo: `${forge.url}/owner/none.git`, github_token: SECRET })).toEqual([
      502,
      expect.any(String),
    ]);
    expect(await refused({ github_repo: '/nowhere' })).toEqual([404, expect.stringContaining('/nowhere')]);
    for (const bad of [
      '--upload-pack=touch x',
      'ext::sh -c id',
      'https://u:p@h/o/n',
      'https://h/../../x',
      'https://h/a/../b',
      '-x',
      'ssh://-oProxyCommand=x/a',
    ])
      expect((await refused({ github_repo: bad }))[0], bad).toBe(400);
    expect(readdirSync(join(rig.instance.home, 'gateway/checkouts'))).toEqual([a.json.task_id]);
    expect(existsSync(join(rig.instance.home, 'gateway/x'))).toBe(false);
  },
  LONG,
);

test(
  'a question is answered, and a task that was stopped goes on',
  async () => {
    await started();
    const asks = [{ claim: { status: 'blocked', summary: 'Which colour?' } }];
    project.script({ token: [asks, asks, WORKS] });
    const { task_id } = await create({
      github_repo: project.root,
      task_description: 'Make the token',
      plan: PLAN,
    });
    const blocked = await status(task_id, 'blocked');
    expect(blocked.reason).toContain('Which colour?');
    expect(await post(`/api/task/${task_id}/continue`, { answer: 'green' })).toMatchObject({ task_id });
    await status(task_id, 'completed');
  },
  LONG,
);
