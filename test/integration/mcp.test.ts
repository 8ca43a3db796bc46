/** `rasen mcp` as agents use it: the official client, real supervisors, real commands, kills at every point. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { Instance, until } from '../support/instance.ts';
import { McpClient } from '../support/mcp.ts';
import { SeedProject, WORKS } from '../support/scripted-agent.ts';

const SERVER = join(import.meta.dirname, '../support/server.mjs');

let rasen: Instance;
let mcp: McpClient | undefined;
beforeEach(() => {
  rasen = new Instance();
});
afterEach(async () => {
  await mcp?.close();
  mcp = undefined;
  await rasen.close({ leftovers: 'fail' });
});

const shell = (script: string) => ({ command: ['sh', '-c', script] });
const file = (name: string) => join(rasen.folder, name);
const waiting = (name: string) => `while [ ! -e '${file(name)}' ]; do sleep 0.05; done`;
const kill = async () => {
  const pid = rasen.pid()!;
  process.kill(pid, 'SIGKILL');
  await until('the supervisor is gone', async () => {
    const client = await rasen.client().catch(() => null);
    client?.close();
    return client === null;
  });
};

test('an agent hands a build over, waits for it, reads its log, and has the result', async () => {
  mcp = await McpClient.connect(rasen);
  expect((await mcp.client.listTools()).tools.map(({ name }) => name)).toEqual([
    ...['run', 'ensure', 'wait', 'status', 'logs', 'list', 'stop', 'trigger'],
  ]);
  // No supervisor runs yet.
  const handed = await mcp.call('run', {
    ...shell(`echo begins; ${waiting('go')}; echo done`),
    name: 'build',
  });
  const { task } = handed.said;
  expect(handed).toMatchObject({
    is_error: false,
    said: { created: true, name: 'build', folder: rasen.folder },
  });
  const heard: string[] = [];
  const early = await mcp.call('wait', { tasks: ['build'], seconds: 0.2 }, message => heard.push(message));
  expect(early.said).toMatchObject({
    still_running: true,
    tasks: [{ task, status: 'running', goes_on: true }],
  });
  expect(heard).toContain('build: running');
  writeFileSync(file('go'), '');
  const over = await mcp.call('wait', { tasks: [task] });
  expect(over.said).toMatchObject({
    still_running: false,
    tasks: [{ task, status: 'completed', exit_code: 0 }],
  });
  expect(JSON.parse(over.text)).toEqual(over.said);
  expect((await mcp.call('logs', { task })).text).toBe('begins\ndone\n');
  expect((await mcp.call('logs', { task, lines: 1 })).text).toBe('done\n');
  expect((await mcp.call('status', { task: 'build' })).said).toMatchObject({
    task,
    goes_on: false,
    verified: true,
  });
  const again = await mcp.call('run', { ...shell('exit 3'), key: 'k', folder: '/' });
  expect((await mcp.call('wait', { tasks: [again.said.task] })).said.tasks[0]).toMatchObject({
    status: 'failed',
  });
  // The same order is the same task, whatever became of it.
  expect((await mcp.call('run', { ...shell('exit 3'), key: 'k', folder: '/' })).said).toMatchObject({
    ...{ created: false, task: again.said.task },
  });
  const { tasks } = (await mcp.call('list')).said;
  expect(tasks).toMatchObject([{ task: again.said.task }, { task, last_output: 'done' }]);
  expect((await mcp.call('list', { status: ['failed'] })).said.tasks).toHaveLength(1);
  expect((await mcp.call('list', { folder: rasen.folder })).said.tasks).toHaveLength(1);
});

test('a service is up when `ensure` has answered, is one for all who ask, and is up again after a stop', async () => {
  mcp = await McpClient.connect(rasen);
  const command = [process.execPath, SERVER, 'web'];
  const [first, ...others] = await Promise.all(
    [1, 2, 3].map(() => mcp!.call('ensure', { name: 'web', command, ready: { http: '/' } })),
  );
  expect(first!.said).toMatchObject({ ready: true, name: 'web', status: 'running', goes_on: true });
  const { url, task } = first!.said;
  expect(new Set(others.map(({ said }) => said.task))).toEqual(new Set([task]));
  expect(await (await fetch(url)).text()).toMatch(/^web /);
  // By the command of the same name it is found, too.
  const known = await rasen.rasenAsync(['ensure', 'web', '--ready', 'http=/', '--json', '--', ...command]);
  expect(JSON.parse(known.stdout)).toMatchObject({ id: task, started: false, ready: true });
  const odd = await mcp.call('ensure', { name: 'web', command: ['sleep', '9'] });
  expect([odd.is_error, odd.said.error.kind]).toEqual([true, 'task_exists']);
  const two = await mcp.call('ensure', { name: 'web', command, ready: { http: '/', line: 'x' } });
  expect([two.is_error, two.said.error.kind]).toEqual([true, 'usage']);
  await mcp.call('stop', { task: 'web' });
  const again = await mcp.call('ensure', { name: 'web', command, ready: { http: '/' } });
  expect(again.said).toMatchObject({ ready: true, started: true, task, url });
  const never = {
    name: 'never',
    command: [process.execPath, SERVER, 'never', '--never'],
    timeout_seconds: 1,
  };
  expect((await mcp.call('ensure', never)).said).toMatchObject({ ready: false, started: true });
  for (const name of ['web', 'never']) expect((await rasen.rasenAsync(['cancel', name])).status).toBe(0);
});

test('a file of subtasks, an order, a group, a stop, a trigger', async () => {
  mcp = await McpClient.connect(rasen);
  writeFileSync(
    file('work.yml'),
    JSON.stringify({
      subtasks: [
        { id: 'a', run: ['sh', '-c', 'echo "a says $WORD"'] },
        { id: 'b', run: ['echo', 'b'], needs: ['a'] },
      ],
    }),
  );
  const pipeline = (await mcp.call('run', { file: 'work.yml', env: { WORD: 'hello' } })).said;
  const second = (await mcp.call('run', { ...shell('sleep 300'), after: [pipeline.task], group: 'g' })).said;
  expect((await mcp.call('wait', { tasks: [pipeline.task] })).said.tasks[0].subtasks).toEqual([
    { id: 'a', status: 'completed' },
    { id: 'b', status: 'completed' },
  ]);
  expect((await mcp.call('logs', { task: pipeline.task, subtask: 'a' })).text).toBe('a says hello\n');
  expect((await mcp.call('logs', { task: pipeline.task })).text).toContain('[b] b\n');
  await until('the second runs', async () => {
    return (await rasen.call<TaskView>('task.get', { task: second.task })).status === 'running';
  });
  expect((await mcp.call('stop', { task: second.task, force: true })).said).toMatchObject({
    ...{ task: second.task, status: 'interrupted', goes_on: false },
  });
  const made = await mcp.call('trigger', {
    action: 'create',
    // An interval begins at once, and its first run could be under way when it is fired.
    cron: '0 0 1 1 *',
    name: 'checks',
    ...shell('echo ok'),
  });
  expect(made.said).toMatchObject({ trigger: 'checks', status: 'active' });
  const fired = (await mcp.call('trigger', { action: 'fire', name: 'checks' })).said;
  expect((await mcp.call('wait', { tasks: [fired.receipt.task] })).said.tasks[0]).toMatchObject({
    status: 'completed',
  });
  for (const action of ['pause', 'resume', 'remove'])
    expect((await mcp.call('trigger', { action, name: 'checks' })).is_error).toBe(false);
  expect((await mcp.call('trigger', { action: 'list' })).said).toEqual({ triggers: [] });
});

test('a goal becomes the task of an agent in the repository, with the configuration that is there', async () => {
  const p = new SeedProject({
    script: {
      initializer: [[{ claim: { status: 'done', plan: { subtasks: [{ id: 'a', description: 'do a' }] } } }]],
      '*': [WORKS],
    },
  });
  const agents = await McpClient.connect(p.instance, { cwd: p.root });
  try {
    const { task } = (await agents.call('run', { goal: 'Add password reset', name: 'reset' })).said;
    const over = (await agents.call('wait', { tasks: [task] })).said;
    expect(over).toMatchObject({
      still_running: false,
      tasks: [{ status: 'completed', name: 'reset', goal: 'Add password reset', verified: true }],
    });
    const [{ branch, commit, result }] = over.tasks;
    expect([p.git('rev-parse', branch), result]).toEqual([commit, 'did a']);
    expect((await agents.call('logs', { task })).text).toMatch(/Task completed/);
    const budget = (await agents.call('run', { goal: 'x', budget_usd: 2 })).said;
    expect((await p.instance.call<TaskView>('task.get', { task: budget.task })).budgets).toMatchObject([
      { budget: 'usd', used: 0, limit: 2 },
    ]);
    await agents.call('wait', { tasks: [budget.task] });
  } finally {
    await agents.close();
    await p.close();
  }
});

test('wrong arguments are answered in words, and change nothing', async () => {
  mcp = await McpClient.connect(rasen);
  const refused = async (tool: string, args: Record<string, unknown>, words: RegExp) => {
    const answer = await mcp!.call(tool, args);
    expect([tool, args, answer.is_error]).toEqual([tool, args, true]);
    expect(answer.text).toMatch(words);
    return answer.said?.error;
  };
  await refused('run', {}, /Exactly one of "command", "goal" and "file"/);
  await refused('run', { command: ['true'], goal: 'x' }, /Exactly one of/);
  await refused('run', { command: [] }, /command/);
  await refused('run', { command: 'ls' }, /command.*array/);
  await refused('run', { command: ['true'], nosuch: 1 }, /nosuch/);
  await refused('run', { command: ['true'], folder: 'here' }, /folder.*absolute/);
  await refused('run', { command: ['true'], agent: 'codex' }, /"agent" does not go with a command/);
  await refused('run', { command: ['true'], env: { 'a b': 'c' } }, /env/);
  await refused('run', { goal: ' ' }, /goal.*empty/);
  expect(
    await refused('run', { command: ['no-such-program'] }, /no program "no-such-program"/),
  ).toMatchObject({
    ...{ kind: 'program_missing', code: 80 },
  });
  expect(await refused('run', { file: 'none.yml' }, /none\.yml/)).toMatchObject({ kind: 'config' });
  expect(await refused('run', { goal: 'x', folder: '/no/such' }, /no folder/)).toMatchObject({
    kind: 'no_folder',
  });
  expect(await refused('run', { command: ['true'], after: ['nosuch'] }, /no task/)).toMatchObject({
    kind: 'task_unknown',
  });
  expect(await refused('status', { task: 'nosuch' }, /no task "nosuch"/)).toMatchObject({
    kind: 'task_unknown',
  });
  await refused('wait', { tasks: [] }, /tasks/);
  await refused('wait', { tasks: ['x'], seconds: 3600 }, /seconds/);
  expect(await refused('wait', { tasks: ['nosuch'] }, /no task/)).toMatchObject({ kind: 'task_unknown' });
  await refused('trigger', { action: 'create', command: ['true'] }, /Exactly one of "at"/);
  await refused('trigger', { action: 'create', every: 'often', command: ['true'] }, /not a duration/);
  await refused('trigger', { action: 'fire' }, /"name" is needed/);
  await refused('trigger', { action: 'list', cron: '* * * * *' }, /"cron" is for "create"/);
  expect(await refused('trigger', { action: 'fire', name: 'x' }, /x/)).toMatchObject({
    kind: 'trigger_unknown',
  });
  // What a person decides is no tool.
  for (const name of ['answer', 'merge', 'approve', 'rollback', 'retry', 'resume'])
    await expect(mcp.client.callTool({ name, arguments: {} })).rejects.toThrow(/not found/);
  expect((await mcp.call('list')).said).toEqual({ tasks: [] });
});

test('the supervisor is killed while an agent waits: it hears the end all the same', async () => {
  mcp = await McpClient.connect(rasen);
  const { task } = (await mcp.call('run', shell(`${waiting('go')}; echo over`))).said;
  const heard: string[] = [];
  const over = mcp.call('wait', { tasks: [task] }, message => heard.push(message));
  await until('it waits', () => heard.length > 0);
  await kill();
  writeFileSync(file('go'), '');
  expect((await over).said).toMatchObject({ still_running: false, tasks: [{ task, status: 'completed' }] });
  expect((await mcp.call('logs', { task })).text).toBe('over\n');
});

test('the server is killed as soon as it has answered: the task is there, and goes on', async () => {
  mcp = await McpClient.connect(rasen);
  const { task } = (await mcp.call('run', shell(`echo x >> '${file('ran')}'; ${waiting('go')}`))).said;
  process.kill(mcp.pid, 'SIGKILL');
  await kill();
  writeFileSync(file('go'), '');
  const again = await McpClient.connect(rasen);
  mcp = again;
  expect((await again.call('wait', { tasks: [task] })).said.tasks[0]).toMatchObject({
    task,
    status: 'completed',
  });
  expect(readFileSync(file('ran'), 'utf8')).toBe('x\n');
});

test('clients of both generations of the protocol are served, and nothing but the protocol is on stdout', async () => {
  for (const mode of ['legacy', 'auto'] as const) {
    mcp = await McpClient.connect(rasen, { versionNegotiation: { mode } });
    const modern = mode === 'auto';
    expect(mcp.client.getNegotiatedProtocolVersion()).toBe(modern ? '2026-07-28' : '2025-11-25');
    const { task } = (await mcp.call('run', { command: ['true'] })).said;
    expect((await mcp.call('wait', { tasks: [task] })).said.still_running).toBe(false);
    await mcp.close();
  }
});

test('the end of its input ends the server, and on a terminal it says what it is for', async () => {
  const { status, stdout, stderr } = rasen.rasen(['mcp']);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(rasen.rasen(['mcp', 'nosuch']).status).toBe(2);
  expect(rasen.rasen(['mcp', '--nosuch']).status).toBe(2);
});
