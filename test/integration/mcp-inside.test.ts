/**
 * Agents of tasks that hand work over with `rasen mcp`: what came of it is told to their task, once, whatever is killed
 * meanwhile; how deep that may go; and what stays with a person.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Event, EventOf } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { RASEN, until } from '../support/instance.ts';
import { answersIn, type ToolAnswer } from '../support/mcp.ts';
import { type Act, type Script, SeedProject, WORKS } from '../support/scripted-agent.ts';

const SPOKEN_WITH = join(import.meta.dirname, '../support/stream-json-agent.mjs');

let p: SeedProject;
afterEach(() => p.close());

/** An agent that is asked by its prompt alone, or is spoken with while it works. */
function project(script: (p: SeedProject) => Script, { spoken = false } = {}): SeedProject {
  p = new SeedProject({
    config: ([node = '', , file = '']: string[]) =>
      spoken ? { agent: { backend: 'claude', command: [node, SPOKEN_WITH, file] } } : {},
  });
  p.script(script(p));
  return p;
}

const asks = (out: string, calls: [tool: string, args: object][]): Act => ({
  mcp: [RASEN, p.instance.home, p.beside(out), JSON.stringify(calls)],
});
const answers = (out: string): ToolAnswer[] => answersIn(p.beside(out));
const come = (name: string): Act => ({ await: p.beside(name) });
const go = (name: string) => writeFileSync(p.beside(name), '');
/** A command that ends when the test says so. */
const job = (script = 'echo the answer is 42') => ({
  command: ['sh', '-c', `while [ ! -e '${p.beside('end')}' ]; do sleep 0.05; done; ${script}`],
  name: 'job',
});
const told = async (task: string): Promise<TaskView> =>
  await until(`${task} is over`, async () => {
    const view = await p.instance.call<TaskView>('task.get', { task });
    return view.exit_code === null ? null : view;
  });

function events(task: string): Event[] {
  const { journal } = taskFiles(join(p.instance.home, 'tasks'), task);
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  return lines.map(line => JSON.parse(line) as Event);
}
const of = <T extends Event['type']>(task: string, type: T): EventOf<T>[] =>
  events(task).filter(e => e.type === type) as EventOf<T>[];
const notesOf = (task: string) => of(task, 'note_added').map(({ text, by, op }) => ({ text, by, op }));

test('the session that runs is told what came of the work that it has handed over, once', async () => {
  project(() => ({ token: [[asks('handed', [['run', job()]]), come('go'), ...WORKS]] }), { spoken: true });
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  await until('it is handed over', () => existsSync(p.beside('handed')));
  const [{ said }] = answers('handed') as [ToolAnswer];
  const parent = await p.view();
  expect(said).toMatchObject({ created: true, parent: parent.id, folder: parent.worktree });
  expect(said.told).toMatch(/in this session/);
  expect(parent.handed_over).toEqual([said.task]);
  expect(await p.ok('status', said.task)).toContain(`Handed over by: ${parent.id}\n`);
  expect(await p.ok('status')).toContain(`Handed over: ${said.task}\n`);
  go('end');
  const heard = p.beside('script.json.heard');
  await until('it was told', () => existsSync(heard) && readFileSync(heard, 'utf8').includes('\n'));
  const words = JSON.parse(readFileSync(heard, 'utf8').trim());
  expect(words).toBe(
    `(Not of the user: rasen tells what became of work that was handed over from this task.) Task "job" (${said.task}) is completed.\nThe last that it printed:\nthe answer is 42`,
  );
  go('go');
  await p.seen('it is over', view => view.status === 'completed');
  expect(notesOf(parent.id)).toEqual([{ text: words, by: 'rasen', op: `handed-over/${said.task}` }]);
  expect(of(parent.id, 'note_told').map(({ how }) => how)).toEqual(['live']);
  expect((await p.view()).handed_over).toBeUndefined();
  expect(await p.logged(/is handed over/)).toMatch(/Task \w+, which was handed over, is completed/);
});

test('a session that has ended: the next one is told, also that it failed and why', async () => {
  project(() => ({
    one: [[asks('handed', [['run', job('echo no luck; exit 3')]]), ...WORKS]],
    two: [[come('go'), { exit: 1 }], WORKS],
  }));
  await p.init([{ id: 'one' }, { id: 'two', needs: ['one'] }]);
  await p.ok('run', '--background');
  await p.session('two');
  const { task } = answers('handed')[0]!.said;
  go('end');
  await told(task);
  const parent = (await p.view()).id;
  await until('it is noted', () => notesOf(parent).length > 0);
  go('go');
  await p.seen('it is over', view => view.status === 'completed');
  const [first, second] = p.sessions('two').map(({ prompt }) => prompt);
  expect([first!.includes(task), second!.includes(`(${task}) has failed`)]).toEqual([false, true]);
  expect(second).toContain('no luck');
  expect(of(parent, 'note_told').map(({ step, n, how }) => [step, n, how])).toEqual([['two', 2, 'prompt']]);
  expect(of(parent, 'handed_over_ended')).toMatchObject([{ task, status: 'failed' }]);
});

test('rasend is killed again and again while five jobs end: each is told once', async () => {
  const jobs = [1, 2, 3, 4, 5].map(n => {
    return (): [string, object] => [
      'run',
      { ...job(), command: ['sh', '-c', `while [ ! -e '${p.beside(`end${n}`)}' ]; do sleep 0.02; done`] },
    ];
  });
  project(() => ({
    token: [
      [
        asks(
          'handed',
          jobs.map(make => make()),
        ),
        come('go'),
        { exit: 1 },
      ],
      WORKS,
    ],
  }));
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  await until('all are handed over', () => existsSync(p.beside('handed')));
  const tasks = answers('handed').map(({ said }) => said.task as string);
  const parent = (await p.view()).id;
  for (const [i] of tasks.entries()) {
    // At another moment each time: before it ends, while it is told of, and when it ended without anybody there.
    if (i % 2 === 0) go(`end${i + 1}`);
    await p.crash();
    if (i % 2 === 1) go(`end${i + 1}`);
    await p.ok('resume', '--background');
    await p.instance.call('daemon.status');
  }
  await until('all are told', () => of(parent, 'handed_over_ended').length === tasks.length);
  await p.crash();
  await p.ok('resume', '--background');
  go('go');
  await p.seen('it is over', view => view.status === 'completed');
  expect(
    of(parent, 'handed_over_ended')
      .map(({ task }) => task)
      .sort(),
  ).toEqual([...tasks].sort());
  expect(
    notesOf(parent)
      .map(({ op }) => op)
      .sort(),
  ).toEqual(tasks.map(task => `handed-over/${task}`).sort());
  const { prompt } = p.sessions('token').at(-1)!;
  expect(tasks.map(task => prompt.split(task).length - 1)).toEqual(tasks.map(() => 1));
});

test('what a person decides, an agent cannot have over MCP either; its own jobs it can stop', async () => {
  project(() => ({
    token: [
      [
        asks('handed', [['run', job()]]),
        come('go'),
        asks('refused', [
          ['stop', { task: 'theirs', force: true }],
          ['trigger', { action: 'create', every: '1h', command: ['true'] }],
          ['trigger', { action: 'list' }],
          ['merge', { task: 'theirs' }],
          ['answer', { task: 'theirs', text: 'yes' }],
          ['stop', { task: 'job', force: true }],
        ]),
        ...WORKS,
      ],
    ],
  }));
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  await until('it is handed over', () => existsSync(p.beside('handed')));
  await p.ok('run', '--background', '--name', 'theirs', '--', 'sleep', '300');
  go('go');
  await p.seen('it is over', view => view.status === 'completed');
  const kinds = answers('refused').map(({ is_error, said }) => (is_error ? said.error.kind : 'done'));
  expect(kinds).toEqual(['not_permitted', 'not_permitted', 'done', 'thrown', 'thrown', 'done']);
  expect((await p.instance.call<TaskView>('task.get', { task: 'theirs' })).status).toBe('running');
  expect((await p.instance.call<TaskView>('task.get', { task: 'job' })).status).toBe('interrupted');
  expect(await p.instance.call('trigger.list')).toEqual([]);
  await p.ok('cancel', 'job');
  await p.ok('cancel', 'theirs');
});

test('a goal from inside is worked on in a repository of its own, from the commit that its parent is at', async () => {
  project(() => ({
    initializer: [
      [{ claim: { status: 'done', plan: { subtasks: [{ id: 'part', description: 'a part' }] } } }],
    ],
    token: [
      [
        { write: { 'first.txt': 'of the parent\n' } },
        { commit: 'feat: first' },
        asks('handed', [['run', { goal: 'Do a part', name: 'part' }]]),
        come('go'),
        ...WORKS,
      ],
    ],
    part: [WORKS],
  }));
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  await until('it is handed over', () => existsSync(p.beside('handed')));
  const [{ is_error, text, said }] = answers('handed') as [ToolAnswer];
  expect([is_error, text]).toEqual([false, expect.stringContaining('"goal":"Do a part"')]);
  const view = await told(said.task);
  expect([view.status, view.reason, view.parent]).toEqual(['completed', null, (await p.view()).id]);
  go('go');
  const parent = await p.seen('it is over', v => ['completed', 'blocked'].includes(v.status));
  expect([parent.status, parent.reason]).toEqual(['completed', null]);
});

test('work is handed on twice and no further, and says so with a kind of its own', async () => {
  project(() => ({}));
  const { instance } = p;
  const run = (out: string, inner: string) =>
    `RASEN_HOME='${instance.home}' '${RASEN}' run --background --json -- ${inner} > '${p.beside(out)}' 2>&1`;
  p.write({
    'three.sh': `${run('four', 'true')}; echo $? > '${p.beside('status')}'`,
    'two.sh': run('three', `sh '${p.root}/three.sh'`),
    'one.sh': run('two', `sh '${p.root}/two.sh'`),
  });
  await p.ok('run', '--', 'sh', 'one.sh');
  await until(
    'the last was refused',
    () => existsSync(p.beside('status')) && readFileSync(p.beside('status'), 'utf8'),
  );
  const { error } = JSON.parse(
    readFileSync(p.beside('four'), 'utf8')
      .split('\n')
      .find(line => line.startsWith('{"error"'))!,
  );
  expect(error.kind).toBe('too_deep');
  expect(error.message).toMatch(/^task \w+ was itself handed over .*Nothing was started\.$/);
  expect(readFileSync(p.beside('status'), 'utf8').trim()).toBe('5');
  const tasks = readdirSync(join(instance.home, 'tasks')).length;
  expect(tasks).toBe(3);
  // Who sees the end of a command that he runs is not told of it once more.
  for (const { id } of await instance.call<TaskView[]>('task.list')) expect(notesOf(id)).toEqual([]);
});
