/** What RASEN got wrong when it was run (seed-parity 1.1.7, rows A to I): each is a story that ends well here. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { tick, until } from '../support/instance.ts';
import {
  APPROVES,
  CLAIMS,
  isAlive,
  type ProjectOptions,
  SeedProject,
  WORKS,
} from '../support/scripted-agent.ts';

const open: SeedProject[] = [];
const project = (options?: ProjectOptions) => {
  const made = new SeedProject(options);
  open.push(made);
  return made;
};
afterEach(async () => {
  for (const p of open.splice(0)) await p.close();
});

test('A: an agent that only claims "tests: pass" does not complete anything', async () => {
  const p = project({ script: { '*': [CLAIMS] } });
  await p.init([{ id: 'auth-1' }]);
  const ran = await p.rasen('run');
  expect(ran.status).toBe(3);
  const view = await p.view();
  expect(view).toMatchObject({ status: 'blocked', completed_subtasks: 0, total_commits: 0 });
  expect(view.subtasks.find(s => s.id === 'auth-1')!.history.map(h => h.reason)).toEqual(
    Array(3).fill('clean: The attempt changed nothing.'),
  );
});

test('A: a project without tests is refused before anything runs, unless the user says so', async () => {
  const p = project({ config: { gates: undefined } });
  await p.init([{ id: 'auth-1' }]);
  const refused = await p.rasen('run');
  expect(refused).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/no test command found in .*\n.*gates: none/),
  });
  expect(p.sessions()).toHaveLength(0);
  const config = p.json('rasen.yml');
  p.write({ 'rasen.yml': JSON.stringify({ ...config, gates: 'none' }) });
  expect(await p.rasen('run')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('\nVerified: no (nothing but the agent says so)\n'),
  });
});

test('A: the reviewer is told the whole diff, and one that writes nothing has not approved', async () => {
  const p = project({
    config: { review: { enabled: true, max_loops: 1 } },
    script: { '*': [WORKS], reviewer: [[{ say: 'looks good to me' }]] },
  });
  await p.init([{ id: 'auth-1' }, { id: 'auth-2' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const view = await p.view();
  expect(view).toMatchObject({
    status: 'blocked',
    reason: expect.stringContaining('no verdict in the result file'),
  });
  const [seen] = p.sessions('reviewer');
  const [from, to] = seen!.range!.split('..') as [string, string];
  expect(from).toBe(view.base);
  expect(p.git('diff', '--name-only', from, to).split('\n')).toEqual(['auth-1.txt', 'auth-2.txt']);
  expect(seen!.prompt).toContain(seen!.range);
  expect(seen!.prompt).not.toMatch(/\{[a-z][a-z_]*\}/);
});

test('B: a blocked subtask makes a blocked task with the question, never a completed one', async () => {
  const p = project({
    script: { '*': [WORKS], 'auth-1': [[{ claim: { status: 'blocked', summary: 'which mail server?' } }]] },
  });
  await p.init([{ id: 'auth-1' }, { id: 'auth-2', needs: ['auth-1'] }, { id: 'docs' }]);
  const ran = await p.rasen('run');
  expect(ran).toMatchObject({ status: 3, stderr: expect.stringContaining('which mail server?') });
  const view = await p.view();
  expect(view).toMatchObject({ status: 'blocked', why: 'question', exit_code: 3 });
  const status = Object.fromEntries(view.subtasks.map(s => [s.id, s.status]));
  expect(status).toMatchObject({ 'auth-2': 'pending', docs: 'completed' });
  // The answer given, it goes on.
  p.script({ '*': [WORKS] });
  expect((await p.rasen('resume')).status).toBe(0);
});

test('C: a subtask is not begun before what it needs', async () => {
  const p = project();
  await p.init([{ id: 'auth-1', needs: ['auth-2'] }, { id: 'auth-2' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['auth-2', 'auth-1']);
});

test('D: when every session times out the failures are counted and the task stops asking', async () => {
  const p = project({
    config: {
      orchestrator: { session_delay_seconds: 0, session_timeout_seconds: 1, max_iterations: 20 },
      stall_detection: { max_consecutive_failures: 3, max_no_commit_sessions: 10 },
    },
    script: { '*': [[{ hang: {} }]] },
  });
  await p.init([{ id: 'auth-1' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const view = await p.view();
  expect(view).toMatchObject({ status: 'blocked', why: 'attempts', iteration: 3 });
  expect(view.subtasks.find(s => s.id === 'auth-1')!.history.map(h => h.outcome)).toEqual([
    'timeout',
    'timeout',
    'timeout',
  ]);
  expect(await p.viewed({ task_status: 'blocked' })).toMatchObject({
    exit_code: 3,
    reason: expect.stringContaining('3 attempts failed in a row'),
  });
  expect(p.sessions().filter(s => isAlive(s.pid))).toEqual([]);
});

test('E: fail, ok, fail, ok: success in between is progress, and the task completes', async () => {
  const p = project({ script: { '*': [[{ exit: 1 }], WORKS] } });
  await p.init(['a', 'b', 'c', 'd', 'e', 'f'].map(id => ({ id })));
  expect((await p.rasen('run')).status).toBe(0);
  expect(await p.view()).toMatchObject({ status: 'completed', iteration: 12, completed_subtasks: 6 });
});

test('F: every key of the generated .rasen/config.yaml is known, and those that RASEN ignored have effect', async () => {
  const p = project({ script: { '*': [[{ say: 'nothing' }]], initializer: [[{ exit: 1 }]] } });
  await p.init([{ id: 'auth-1' }, { id: 'auth-2' }]);
  // "##" explains; "# " is a key, switched off.
  const all = p
    .read('.rasen/config.yaml')
    .split('\n')
    .map(line => (line.startsWith('# ') ? line.slice(2) : line))
    .join('\n');
  p.write({ '.rasen/config.yaml': all });
  expect(await p.rasen('config', 'check')).toMatchObject({ status: 0 });

  p.write({
    'mine.md': 'MY PROMPT for {subtask_id}; leave the result in {result_file}',
    '.rasen/config.yaml': `
agents:
  coder: { model: sonnet-9, prompt: mine.md, read_only: false }
  reviewer: { per_subtask: true, max_iterations: 1, enabled: true, read_only: true, model: opus-9 }
session: { timeout_seconds: 1, max_iterations: 4 }
stall: { max_no_commit_sessions: 2, max_consecutive_failures: 9 }
`,
  });
  p.script({
    'auth-1': [WORKS],
    'auth-2': [[{ hang: {} }], [{ say: 'nothing' }]],
    reviewer: [APPROVES],
  });
  expect((await p.rasen('run')).status).toBe(3);
  const view = await p.view();
  expect(view).toMatchObject({
    max_iterations: 4,
    session_timeout: 1,
    model: 'sonnet-9',
    reason: expect.stringMatching(/auth-2 failed: stalled: 2 attempts/),
  });
  expect(p.sessions().map(s => `${s.key} ${s.model}`)).toEqual([
    'auth-1 sonnet-9',
    'reviewer opus-9',
    'auth-2 sonnet-9',
    'auth-2 sonnet-9',
  ]);
  expect(p.sessions('auth-1')[0]!.prompt).toMatch(/^MY PROMPT for auth-1; leave the result in \//);
  expect(view.subtasks.find(s => s.id === 'auth-2')!.history.map(h => h.outcome)).toEqual([
    'timeout',
    'gate_failed',
  ]);
});

const GUIDE = `
orchestrator:
  max_iterations: 100                 # More iterations for large tasks
  max_runtime_seconds: 28800          # 8 hours (overnight run)
  session_timeout_seconds: 3600       # 1 hour per session
  idle_timeout_seconds: 600           # 10 min idle timeout

background:
  pid_file: ".rasen/rasen.pid"
  log_file: ".rasen/rasen.log"
  status_file: ".rasen/status.json"

stall_detection:
  max_no_commit_sessions: 5           # Be lenient for complex tasks
  max_consecutive_failures: 7
`;

test('F: the rasen.yml of the guide, as it is', async () => {
  const p = project();
  p.write({ 'rasen.yml': `${GUIDE}agent: [true]\n` });
  await p.init([{ id: 'auth-1' }]);
  expect(await p.rasen('config', 'check')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^ok\n/),
  });
});

test('F: a key that is not known is an error with a suggestion; reviewers that write cannot be asked for', async () => {
  const p = project();
  await p.init([{ id: 'auth-1' }]);
  p.write({ '.rasen/config.yaml': 'stall: { max_no_comit_sessions: 2 }\n' });
  expect(await p.rasen('run')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/config\.yaml:1:\d+: .*max_no_comit_sessions.*max_no_commit_sessions/),
  });
  p.write({ '.rasen/config.yaml': 'agents: { reviewer: { read_only: false } }\n' });
  expect(await p.rasen('run')).toMatchObject({ status: 2, stderr: expect.stringContaining('read_only') });
});

test('G: an agent that marks all subtasks completed in the state files has changed nothing', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const forged = JSON.stringify({
    task_name: 'p',
    subtasks: ids.map(id => ({ id, description: id, status: 'completed' })),
  });
  const forge = ['state.json', 'implementation_plan.json'].flatMap(name => [
    { write: { [`{project}/.rasen/${name}`]: forged } },
    { write: { [`.rasen/${name}`]: forged } },
  ]);
  const p = project({
    script: {
      '*': [WORKS],
      a: [[...forge, ...WORKS, { claim: { status: 'done', summary: 'all 5 are completed' } }]],
    },
  });
  await p.init(ids.map(id => ({ id })));
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(ids);
  // Written last, so the others are complete.
  await p.viewed({ status: 'completed' });
  const plan = p.json('.rasen/implementation_plan.json');
  expect(plan.subtasks.map((s: any) => [s.id, s.status, s.attempts])).toEqual(
    ids.map(id => [id, 'completed', 1]),
  );
  const { base, commit } = await p.view();
  expect(p.git('diff', '--name-only', base!, commit!).split('\n')).toEqual(ids.map(id => `${id}.txt`));
});

test('G: … and when it is stopped in between, the plan still says what is true', async () => {
  const forged = JSON.stringify({
    subtasks: [
      { id: 'a', status: 'completed' },
      { id: 'b', status: 'completed' },
    ],
  });
  const p = project();
  p.script({
    '*': [WORKS],
    a: [
      [
        { write: { '{project}/.rasen/implementation_plan.json': forged } },
        { write: { [p.beside('forged')]: '' } },
        { hang: {} },
      ],
      WORKS,
    ],
  });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  await p.ok('run', '--background');
  await until('the forgery', () => statSync(p.beside('forged'), { throwIfNoEntry: false }));
  expect(await p.view()).toMatchObject({ status: 'running', completed_subtasks: 0 });
  await p.ok('stop');
  await p.viewed({ status: 'interrupted' });
  expect(p.json('.rasen/implementation_plan.json').subtasks.map((s: any) => s.status)).toEqual([
    'pending',
    'pending',
  ]);
  expect((await p.rasen('resume')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['a', 'a', 'b']);
});

test('H: three sessions without a commit: stalled, and it says so', async () => {
  const p = project({ script: { '*': [[{ say: 'thinking' }]] } });
  await p.init([{ id: 'auth-1' }, { id: 'auth-2' }]);
  const ran = await p.rasen('run');
  expect(ran.status).toBe(3);
  expect(p.sessions()).toHaveLength(3);
  expect(await p.view()).toMatchObject({
    status: 'blocked',
    reason: 'auth-1 failed: stalled: 3 attempts in a row changed nothing',
  });
  await p.logged(/ - ERROR - Subtask auth-1 failed: stalled: 3 attempts in a row changed nothing; /);
});

test('I: `stop --force` while an agent runs leaves no orphan, a true status.json and no pid file', async () => {
  const p = project();
  const beat = p.beside('beat');
  p.script({ '*': [[{ child: p.beside('child') }, { hang: { deaf: true, beat } }]] });
  await p.init([{ id: 'auth-1' }]);
  await p.ok('run', '--background');
  const { pid } = await p.session('auth-1');
  await until('the agent writes', () => statSync(beat, { throwIfNoEntry: false })?.size);
  const child = Number(readFileSync(p.beside('child'), 'utf8'));
  expect([isAlive(pid), isAlive(child)]).toEqual([true, true]);
  expect(p.has('.rasen/rasen.pid')).toBe(true);

  const began = Date.now();
  expect(await p.ok('stop', '--force')).toMatch(/is interrupted\. Go on with: rasen resume \w{26}\n$/);
  // Not the ladder of 30 s; generous, for a loaded machine.
  expect(Date.now() - began).toBeLessThan(15_000);
  expect([isAlive(pid), isAlive(child)]).toEqual([false, false]);
  writeFileSync(beat, '');
  for (let i = 0; i < 10; i += 1) await tick();
  expect(statSync(beat).size).toBe(0);
  expect(await p.viewed({ status: 'interrupted' })).toMatchObject({ pid: null, task_status: 'interrupted' });
  expect(p.has('.rasen/rasen.pid')).toBe(false);

  p.script({ '*': [WORKS] });
  expect((await p.rasen('resume')).status).toBe(0);
});
