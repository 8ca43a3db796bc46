/** RASEN's own 14 acceptance criteria (seed-parity 1.1.6), each by number and name. */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { fingerprint } from '../support/git-repo.ts';
import { RASEN, until } from '../support/instance.ts';
import {
  type Act,
  APPROVES,
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

/** Everything of the user's checkout and repository but the views. */
const checkout = (p: SeedProject) => [...fingerprint(p.root)].filter(([name]) => !name.startsWith('.rasen/'));
const subtask = async (p: SeedProject, id: string) => (await p.view()).subtasks.find(s => s.id === id)!;
const refuses = (issue: string): Act[] => [
  { claim: { verdict: 'changes_requested', summary: issue, issues: [issue] } },
];

test('1: a task of several sessions runs to completion', async () => {
  const p = project();
  await p.init([
    { id: 'auth-1' },
    { id: 'auth-2', needs: ['auth-1'] },
    { id: 'smoke', run: ['test', '-f', 'auth-2.txt'], needs: ['auth-2'] },
  ]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await p.view()).toMatchObject({
    status: 'completed',
    verified: true,
    completed_subtasks: 3,
    total_subtasks: 3,
    total_commits: 2,
  });
  expect(new Set(p.sessions().map(s => s.pid)).size).toBe(2);
});

test('2: main is never touched until an explicit merge', async () => {
  const p = project();
  p.write({
    'notes.md': 'not committed',
    'app.txt': 'one\ntwo\nthree\nmine, not committed\n',
    'staged.md': 'staged',
  });
  p.git('add', 'staged.md');
  await p.init([{ id: 'auth-1' }, { id: 'auth-2' }]);
  const before = checkout(p);
  const head = p.git('rev-parse', 'HEAD');
  expect((await p.rasen('run')).status).toBe(0);
  expect(checkout(p)).toEqual(before);
  expect(
    p
      .git('for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads')
      .split('\n')
      .filter(line => !line.startsWith('refs/heads/rasen/')),
  ).toEqual([`refs/heads/main ${head}`]);
  await p.ok('merge');
  expect(p.git('log', '--format=%s', 'main').split('\n')).toEqual(['feat: auth-2', 'feat: auth-1', 'base']);
  expect(p.read('app.txt')).toContain('mine, not committed');
});

test('2: worktree.base_path: worktrees are made there, and the folder of before is not', async () => {
  const p = project({ config: { worktree: { base_path: '../elsewhere/trees' } } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { worktree } = await p.view();
  expect(dirname(worktree!)).toBe(realpathSync(p.beside('elsewhere/trees')));
  expect(realpathSync(p.sessions('a')[0]!.cwd)).toBe(worktree);
  expect(existsSync(join(worktree!, 'a.txt'))).toBe(true);
  expect(p.has('.worktrees')).toBe(false);
  expect(p.git('status', '--porcelain')).toBe('');
});

test('3: a kill in the middle of a session leaves a state that can be gone on from', async () => {
  const p = project();
  p.script({ '*': [WORKS], 'auth-2': [[{ await: p.beside('go') }, ...WORKS]] });
  await p.init([{ id: 'auth-1' }, { id: 'auth-2' }]);
  await p.ok('run', '--background');
  const { pid } = await p.session('auth-2');
  // The file follows the journal a moment later, and is all that tells without a supervisor.
  await p.viewed({ iteration: 2, completed_subtasks: 1 });
  const killed = p.instance.pid()!;
  process.kill(killed, 'SIGKILL');
  await until('the supervisor is gone', () => !isAlive(killed));
  // Whoever asks next adopts what was left.
  const said = await p.ok('status');
  expect(said).toMatch(/^Status: running\nPID: \d+\nIteration: 2\/50\nProgress: 1\/2 subtasks completed\n/);
  expect(p.instance.pid()).not.toBe(killed);
  expect(isAlive(pid)).toBe(true);
  p.write({ '../go': '' });
  await p.ok('wait');
  expect(p.sessions().map(s => s.key)).toEqual(['auth-1', 'auth-2']);
});

test('3: … also when the agent is killed with it', async () => {
  const p = project();
  p.script({ '*': [WORKS], 'auth-2': [[{ append: { 'half.txt': 'half\n' } }, { hang: {} }], WORKS] });
  await p.init([{ id: 'auth-1' }, { id: 'auth-2' }]);
  await p.ok('run', '--background');
  const { pid } = await p.session('auth-2');
  const running = await p.seen(
    'the attempt runs',
    v => v.subtasks.find(s => s.id === 'auth-2')?.attempt?.pid,
  );
  process.kill(p.instance.pid()!, 'SIGKILL');
  process.kill(running.subtasks.find(s => s.id === 'auth-2')!.attempt!.pid!, 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  expect((await p.rasen('resume')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['auth-1', 'auth-2', 'auth-2']);
  expect((await subtask(p, 'auth-2')).history.map(h => h.outcome)).toEqual(['lost', 'ok']);
});

test('4: "done" without green tests is refused', async () => {
  const wrong: Act[] = [
    { write: { 'a.txt': 'fine\nBROKEN\n' } },
    { commit: 'done' },
    { claim: { status: 'done', summary: 'tests: pass' } },
  ];
  const p = project({ script: { a: [wrong, WORKS] } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect((await subtask(p, 'a')).history.map(h => [h.outcome, h.reason])).toEqual([
    ['gate_failed', 'sh check.sh: exit code 1'],
    ['ok', null],
  ]);
  await p.logged(
    / - WARNING - Gate sh check\.sh failed: exit code 1; attempt 1 of subtask a does not count as done\n/,
  );
});

test('5: after two failures the third attempt succeeds, told what really happened', async () => {
  const wrong = (n: number): Act[] => [
    { write: { 'a.txt': `BROKEN ${n}\n` } },
    { claim: { status: 'done', summary: `way ${n}` } },
  ];
  const p = project({ script: { a: [wrong(1), wrong(2), WORKS] } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const [first, second, third] = p.sessions('a');
  expect(first!.prompt).toContain('(this is the first attempt)');
  expect(second!.prompt).toContain('- attempt 1: gate_failed: sh check.sh: exit code 1 (it said: way 1)');
  expect(second!.prompt).toContain('a.txt:1:BROKEN 1\na test fails in a.txt');
  expect(second!.prompt).not.toContain('DIFFERENT');
  expect(third!.prompt).toMatch(/way 1[\s\S]*way 2[\s\S]*Take a DIFFERENT approach/);
  expect(third!.prompt).toContain('a.txt:1:BROKEN 2');
  await p.viewed({ status: 'completed' });
  expect(
    p.json('.rasen/attempt_history.json').records.map((r: any) => [r.session, r.success, r.approach]),
  ).toEqual([
    [1, false, 'way 1'],
    [2, false, 'way 2'],
    [3, true, 'did a'],
  ]);
});

test('6: memory goes from session to session', async () => {
  const learns: Act[] = [
    ...WORKS,
    {
      claim: {
        status: 'done',
        memory: {
          decisions: ['tokens are opaque', 'tokens are JWT'],
          learnings: ['the mailer is down', 'the clock is off', 'the mailer is slow'],
        },
      },
    },
  ];
  // The oldest go first.
  const memory = { max_decisions: 1, max_learnings: 2 };
  const p = project({ config: { memory }, script: { '*': [WORKS], a: [learns] } });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions('a')[0]!.prompt).not.toContain('tokens are JWT');
  expect(p.sessions('b')[0]!.prompt).toContain(
    '- decision (a): tokens are JWT\n- learning (a): the clock is off\n- learning (a): the mailer is slow',
  );
  expect(p.sessions('b')[0]!.prompt).not.toMatch(/opaque|mailer is down/);
  await p.viewed({ status: 'completed' });
  expect(p.read('.rasen/memories.md')).toBe(
    '# Memories\n\n## Decisions\n\n- (a) tokens are JWT\n\n## Learnings\n\n- (a) the clock is off\n- (a) the mailer is slow\n',
  );
});

test('7: in the background it goes on when the terminal that started it is gone', async () => {
  const p = project();
  p.script({ '*': [[{ await: p.beside('go') }, ...WORKS]] });
  await p.init([{ id: 'a' }]);
  // A shell with its own process group, as a terminal has; hung up when the command is back.
  const shell = spawn('sh', ['-c', `${RASEN} run --background && exec sleep 300`], {
    cwd: p.root,
    env: p.instance.env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  let said = '';
  shell.stdout.setEncoding('utf8').on('data', text => {
    said += text;
  });
  const ended = new Promise(resolve => shell.once('exit', resolve));
  await until('it is started', () => said.includes('Daemon started'));
  const { pid } = await p.session('a');
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGKILL'] as const) process.kill(-shell.pid!, signal);
  await ended;
  expect(isAlive(pid)).toBe(true);
  p.write({ '../go': '' });
  await p.ok('wait');
  expect(await p.view()).toMatchObject({ status: 'completed' });
});

test('7: with background.enabled it needs no --background, and --foreground is stronger', async () => {
  const p = project({ config: { background: { enabled: true } } });
  p.script({ '*': [[{ await: p.beside('go') }, ...WORKS]] });
  await p.init([{ id: 'a' }]);
  // It is back while the session still waits.
  expect(await p.ok('run')).toContain('Daemon started');
  expect((await p.view()).status).toBe('running');
  p.write({ '../go': '' });
  await p.ok('wait');
  await p.ok('reinit');
  expect(await p.ok('run', '--foreground')).not.toContain('Daemon started');
  expect(await p.view()).toMatchObject({ status: 'completed' });
});

test('8: a session that takes too long is ended and the loop goes on', async () => {
  const p = project({ config: { orchestrator: { session_delay_seconds: 0, session_timeout_seconds: 1 } } });
  p.script({
    '*': [WORKS],
    a: [[{ append: { 'half.txt': 'half\n' } }, { child: p.beside('child') }, { hang: {} }], WORKS],
  });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect((await subtask(p, 'a')).history.map(h => h.outcome)).toEqual(['timeout', 'ok']);
  expect(isAlive(p.sessions('a')[0]!.pid)).toBe(false);
  await p.viewed({ status: 'completed' });
  expect(p.json('.rasen/metrics.json').sessions.map((s: any) => s.status)).toEqual([
    'timeout',
    'complete',
    'complete',
  ]);
});

test('9: status.json is up to date in every iteration, with timestamps', async () => {
  const p = project();
  p.script({ a: [[{ await: p.beside('go-a') }, ...WORKS]], b: [[{ await: p.beside('go-b') }, ...WORKS]] });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect(p.status()).toMatchObject({ status: 'initialized', pid: null });
  await p.ok('run', '--background');
  const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  let last = '';
  for (const [i, id] of ['a', 'b'].entries()) {
    await p.session(id);
    const now = await until(`status.json tells of ${id}`, () =>
      p.status().subtask_id === id && p.status().current_phase === 'Coding' ? p.status() : null,
    );
    expect(now).toMatchObject({
      pid: p.instance.pid(),
      status: 'running',
      iteration: i + 1,
      max_iterations: 50,
      subtask_description: `Do ${id}`,
      completed_subtasks: i,
      total_subtasks: 2,
      total_commits: i,
      last_activity: expect.stringMatching(TIME),
      started_at: expect.stringMatching(TIME),
    });
    expect(now.last_activity >= last).toBe(true);
    last = now.last_activity;
    p.write({ [`../go-${id}`]: '' });
  }
  await p.ok('wait');
  expect(await p.viewed({ status: 'completed' })).toMatchObject({
    pid: null,
    completed_subtasks: 2,
    total_commits: 2,
    verified: true,
  });
});

test('10: three sessions in a row without a change on one subtask give it up; a change in between counts', async () => {
  const idle: Act[] = [{ say: 'thinking' }];
  const broken: Act[] = [{ write: { 'a.txt': 'BROKEN\n' } }, { commit: 'try' }];
  const p = project({
    config: { limits: { attempts: 9 } },
    script: { '*': [WORKS], a: [idle, broken, idle, idle, idle] },
  });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(p.sessions('a')).toHaveLength(5);
  expect((await subtask(p, 'a')).reason).toBe('stalled: 3 attempts in a row changed nothing');
});

/** Two subtasks, each reviewed; the second one's reviewer is never content. */
async function reviewed(max_loops: number): Promise<SeedProject> {
  const p = project({
    config: { review: { per_subtask: true, enabled: true, max_loops } },
    script: {
      '*': [WORKS],
      b: [WORKS, [{ write: { 'b.txt': 'again {nth}\n' } }]],
      reviewer: [APPROVES, refuses('name the token'), refuses('and its age'), refuses('and its use')],
    },
  });
  await p.init([{ id: 'a' }, { id: 'b', attempts: 3 }]);
  expect((await p.rasen('run')).status).toBe(3);
  return p;
}

test('11: a reviewer per subtask, at most three rounds', async () => {
  const p = await reviewed(3);
  expect(p.sessions().map(s => s.key)).toEqual([
    'a',
    'reviewer',
    'b',
    'reviewer',
    'b',
    'reviewer',
    'b',
    'reviewer',
  ]);
  expect(p.sessions('b')[1]!.prompt).toContain('changes requested: name the token');
  const good = (await subtask(p, 'a')).commit!;
  for (const seen of p.sessions('reviewer').slice(1)) expect(seen.range!.startsWith(`${good}..`)).toBe(true);
  expect(await p.view()).toMatchObject({
    status: 'blocked',
    completed_subtasks: 1,
    reason: expect.stringContaining('and its use'),
  });
  await p.viewed({ task_status: 'blocked' });
  expect(
    p.json('.rasen/implementation_plan.json').subtasks.map((s: any) => [s.review.status, s.review.iteration]),
  ).toEqual([
    ['approved', 1],
    ['changes_requested', 3],
  ]);
});

// Not yet: the rounds of a subtask are bounded by its attempts alone (engine/retry.ts, allowanceOf).
test('11: review.max_loops bounds the rounds of a subtask, too', async () => {
  const p = await reviewed(2);
  expect(p.sessions().map(s => s.key)).toEqual(['a', 'reviewer', 'b', 'reviewer', 'b', 'reviewer']);
});

test('11: the reviewer of the whole: its words reach the one who repairs', async () => {
  const p = project();
  // A judge of its own needs no `enabled`.
  const config = p.json('rasen.yml');
  p.write({ 'rasen.yml': JSON.stringify({ ...config, agents: { reviewer: { command: config.agent } } }) });
  p.script({
    '*': [WORKS],
    _fix: [[{ write: { 'a.txt': 'with words\n' } }]],
    reviewer: [
      [
        { say: 'reading' },
        {
          claim: {
            verdict: 'changes_requested',
            summary: 'two things',
            issues: ['a.txt has no words', 'nor a title'],
          },
        },
      ],
      APPROVES,
    ],
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['a', 'reviewer', '_fix', 'reviewer']);
  expect(p.sessions('_fix')[0]!.prompt).toMatch(
    /changes requested: two things[\s\S]*- a\.txt has no words\n- nor a title/,
  );
  await p.viewed({ status: 'completed' });
  const log = p.read('.rasen/rasen.log');
  expect(log).toMatch(
    / - INFO - Running review loop\.\.\.\n[\s\S]* - WARNING - Review refused: changes requested: two things; .*\n.* - WARNING - Review: a\.txt has no words\n.* - WARNING - Review: nor a title\n[\s\S]* - INFO - Review approved\n/,
  );
  expect(p.json('.rasen/implementation_plan.json').review).toMatchObject({
    status: 'approved',
    iteration: 2,
  });
});

test('12: QA over the whole, at most qa.max_iterations rounds', async () => {
  const p = project({
    config: { qa: { enabled: true, max_iterations: 2 } },
    script: {
      '*': [WORKS],
      _fix: [[{ write: { 'fix.txt': 'fix {nth}\n' } }]],
      qa: [refuses('login is slow'), refuses('logout is missing'), refuses('too late')],
    },
  });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(p.sessions().map(s => s.key)).toEqual(['a', 'b', 'qa', '_fix', 'qa']);
  const view = await p.view();
  expect(view).toMatchObject({
    status: 'blocked',
    qa_enabled: true,
    reason: expect.stringContaining('logout is missing'),
  });
  for (const { range } of p.sessions('qa')) expect(range!.startsWith(`${view.base}..`)).toBe(true);
  await p.viewed({ task_status: 'blocked' });
  expect(p.json('.rasen/implementation_plan.json').qa).toMatchObject({ status: 'rejected', iteration: 2 });
});

test('12: … which may be more than the attempts of a subtask', async () => {
  const p = project({
    config: { qa: { enabled: true }, limits: { attempts: 1 } },
    script: {
      '*': [WORKS],
      _fix: [[{ write: { 'fix.txt': 'fix {nth}\n' } }]],
      qa: [refuses('login is slow'), refuses('logout is missing'), APPROVES],
    },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions('qa')).toHaveLength(3);
});

test('12: `run --skip-review --skip-qa` asks neither', async () => {
  const p = project({
    config: { qa: { enabled: true }, review: { enabled: true } },
    script: { '*': [WORKS], qa: [refuses('x')], reviewer: [refuses('x')] },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run', '--skip-review', '--skip-qa')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['a']);
  expect(await p.viewed({ status: 'completed' })).toMatchObject({ review_enabled: false, qa_enabled: false });
});

test('13: reviewer and QA are read-only: what they change in their checkout is thrown away', async () => {
  const meddles: Act[] = [
    { meddle: { 'app.txt': 'the judge was here\n', 'judge.txt': 'x' } },
    { git: ['commit', '--allow-empty', '-qam', 'the judge repairs it itself'] },
    { meddle: { 'left.txt': 'x' } },
    ...APPROVES,
  ];
  const p = project({
    config: { qa: { enabled: true }, review: { enabled: true } },
    script: { '*': [WORKS], reviewer: [meddles], qa: [meddles] },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const view = await p.view();
  const worktree = view.worktree!;
  for (const role of ['reviewer', 'qa']) {
    const { cwd } = p.sessions(role)[0]!;
    expect(cwd).not.toBe(worktree);
    expect(cwd).not.toBe(p.root);
  }
  expect(p.git('-C', worktree, 'status', '--porcelain')).toBe('');
  expect(p.git('rev-parse', view.branch!)).toBe(view.commit);
  await p.ok('merge');
  expect(p.git('log', '--format=%s').split('\n')).toEqual(['feat: a', 'base']);
  expect([p.read('app.txt'), p.has('judge.txt')]).toEqual(['one\ntwo\nthree\n', false]);
});

test('14: the same QA issue three times: QA_ESCALATION.md, and a person is asked', async () => {
  const p = project({
    config: { qa: { enabled: true } },
    script: {
      '*': [WORKS],
      _fix: [[{ write: { 'fix.txt': 'fix {nth}\n' } }]],
      qa: [refuses('Logout is missing'), refuses('logout is  missing'), refuses('LOGOUT is missing')],
    },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(p.sessions('qa')).toHaveLength(3);
  expect(await p.view()).toMatchObject({
    status: 'blocked',
    why: 'review',
    reason: expect.stringMatching(/QA named the same issue 3 times: .*QA_ESCALATION\.md/),
  });
  await p.viewed({ task_status: 'blocked' });
  expect(p.read('.rasen/QA_ESCALATION.md')).toMatch(
    /^# QA escalation\n[\s\S]*- logout is missing \(3 times\)\n/i,
  );
  expect(p.json('.rasen/implementation_plan.json').qa.recurring_issues).toHaveLength(1);
  p.script({ '*': [WORKS], _fix: [[{ write: { 'fix.txt': 'by hand\n' } }]], qa: [APPROVES] });
  expect((await p.rasen('resume')).status).toBe(0);
  await p.viewed({ status: 'completed' });
  expect(p.has('.rasen/QA_ESCALATION.md')).toBe(false);
});
