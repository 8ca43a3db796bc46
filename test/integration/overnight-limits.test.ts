/** What ends nights (the table in test/OVERNIGHT.md), part 1: limits, models that do not answer, logins, full contexts. */
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, type Claim, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const claims = (claim: Claim): Act[] => [{ claim }];
const history = async (p: SeedProject, id = 'a') =>
  (await p.view()).subtasks.find(s => s.id === id)!.history.map(h => h.outcome);
const ended = (p: SeedProject, fits: (view: TaskView) => boolean) =>
  until('the task is there', async () => {
    const [view] = await p.instance.call<TaskView[]>('task.list', {});
    return view && fits(view) ? view : null;
  });

test('1: a usage limit is waited out, by the next supervisor if need be, and the work goes on where it stood', async () => {
  const p = project({ config: { limits: { attempts: 1 } } });
  const limit: Claim = { status: 'limit', summary: 'five hours used up', retry_after_seconds: 3 };
  p.script({
    a: [
      [{ write: { 'half.txt': 'seventy of ninety\n' } }, { claim: limit }],
      [{ git: ['cat-file', '-e', 'HEAD:half.txt'] }, { append: { 'half.txt': 'the rest\n' } }, ...WORKS],
    ],
  });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const waiting = await p.seen('it waits', v => v.status === 'waiting');
  expect(waiting).toMatchObject({ why: 'limit', reason: expect.stringContaining('five hours used up') });
  expect((await p.rasen('wait')).status).toBe(75);
  expect(p.read('.rasen/config.yaml')).toMatch(/^limits:\n {2}wait: true$/m);
  const { ino } = statSync(waiting.worktree!);

  await p.crash();
  await p.instance.start();
  expect(await p.view()).toMatchObject({ status: 'waiting', resume_at: waiting.resume_at });
  const done = await ended(p, v => v.status === 'completed');
  expect(
    Date.parse((await p.view()).subtasks.find(s => s.id === 'a')!.history[1]!.started_at),
  ).toBeGreaterThanOrEqual(Date.parse(waiting.resume_at!));
  expect(statSync(done.worktree!).ino).toBe(ino);
  expect(p.git('show', `${done.commit}:half.txt`)).toBe('seventy of ninety\nthe rest');
  expect(await history(p)).toEqual(['limit', 'ok']);
});

test('2: a stated end that is wrong is waited for again, and one that never comes is a matter of a person', async () => {
  const p = project();
  const past = (): Claim => ({ status: 'limit', summary: 'over soon', retry_at: '2020-01-01T00:00:00Z' });
  p.script({
    a: [claims(past()), claims({ ...past(), retry_at: undefined!, retry_after_seconds: 1 }), WORKS],
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run', '--wait')).status).toBe(0);
  expect(await history(p)).toEqual(['limit', 'limit', 'ok']);

  const never = project({
    config: { limits: { wait: true, max_waits: 2 } },
    script: { '*': [claims({ status: 'limit', retry_after_seconds: 1 })] },
  });
  await never.init([{ id: 'a' }]);
  expect((await never.rasen('run', '--wait')).status).toBe(3);
  expect(await never.view()).toMatchObject({
    status: 'blocked',
    why: 'budget',
    reason: expect.stringMatching(/still at its usage limit until .* after 2 waits/),
  });
  expect(never.sessions()).toHaveLength(3);
});

test('3: a usage limit is not waited for where nobody allowed it, and the reason says until when it lasts', async () => {
  const retry_after_seconds = 5 * 3600;
  const p = project({
    config: { limits: { wait: false } },
    script: { a: [claims({ status: 'limit', retry_after_seconds }), WORKS] },
  });
  await p.init([{ id: 'a' }]);
  // What rasen.yml says is not decided by the file that was made beside it.
  expect(p.read('.rasen/config.yaml')).not.toMatch(/^limits:/m);
  const ran = await p.rasen('run');
  expect(ran.status).toBe(3);
  const { id, ...view } = await p.view();
  expect(view).toMatchObject({ status: 'blocked', why: 'budget', resume_at: null });
  expect(view.reason).toMatch(/usage limit until (?:\d{4}-\d\d-\d\d )?\d\d:\d\d \(in 5h\)/);
  expect(view.reason).toContain(`rasen resume ${id}`);
  expect(p.sessions()).toHaveLength(1);
  expect((await p.rasen('resume')).status).toBe(0);
});

test('3: a stated end beyond the longest wait is a matter of a person at once', async () => {
  const p = project({
    config: { limits: { wait: true, max_wait: '26h' } },
    script: { '*': [claims({ status: 'limit', retry_after_seconds: 6 * 86_400 })] },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run', '--wait')).status).toBe(3);
  expect((await p.view()).reason).toMatch(
    /until \d{4}-\d\d-\d\d \d\d:\d\d \(in 6d\).*limits\.max_wait is 1d 2h/,
  );
});

test('3: no session begins in quiet hours, by the clock of the user; commands do', async () => {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Asia/Kathmandu',
    timeStyle: 'short',
    hourCycle: 'h23',
  });
  const at = (hours: number) => clock.format(Date.now() + hours * 3_600_000);
  const [from, to] = [at(-1), at(2)];
  const p = project({
    env: { TZ: 'Asia/Kathmandu' },
    config: { limits: { quiet_hours: `${from}-${to}` } },
  });
  await p.init([{ id: 'first', run: ['true'] }, { id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.status).toBe(75);
  const view = await p.view();
  expect(view).toMatchObject({ status: 'waiting', why: 'quiet_hours', completed_subtasks: 1 });
  expect(clock.format(Date.parse(view.resume_at!))).toBe(to);
  expect(Date.parse(view.resume_at!) - Date.now()).toBeLessThanOrEqual(2 * 3_600_000);
  expect(await p.ok('status')).toContain(` ${to}:00 (in `);
  expect(p.sessions()).toEqual([]);
});

test('3: a wait that a person has stopped does not resume by itself', async () => {
  const p = project({ script: { '*': [claims({ status: 'limit', retry_after_seconds: 1 }), WORKS] } });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const { resume_at } = await p.seen('it waits', v => v.status === 'waiting');
  await p.ok('stop');
  await p.crash();
  await until('the stated end', () => Date.now() > Date.parse(resume_at!) + 500);
  // The supervisor has had its turns when something that came later is done.
  expect((await p.rasen('run', '--', 'true')).status).toBe(0);
  expect(await p.view()).toMatchObject({ status: 'interrupted' });
  expect(p.sessions()).toHaveLength(1);
  expect((await p.rasen('resume')).status).toBe(0);
});

test('6: an agent that is not logged in: one session, blocked (auth); after a login it goes on where it stood', async () => {
  const p = project({ config: { limits: { attempts: 1 } } });
  p.script({
    a: [
      [
        { write: { 'half.txt': 'half\n' } },
        { claim: { status: 'auth', summary: 'OAuth token has expired' } },
      ],
      [{ git: ['cat-file', '-e', 'HEAD:half.txt'] }, ...WORKS],
    ],
  });
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran).toMatchObject({ status: 3, stderr: expect.stringContaining('OAuth token has expired') });
  expect(await p.view()).toMatchObject({ status: 'blocked', why: 'auth' });
  expect(p.sessions()).toHaveLength(1);
  expect((await p.rasen('resume')).status).toBe(0);
  expect(await history(p)).toEqual(['auth', 'ok']);
});

test('6: whether the login works again is looked at by itself, also by the next supervisor, and then the task goes on', async () => {
  const p = project({ config: { limits: { attempts: 1, login_retry: '2s' } } });
  const out = claims({ status: 'auth', summary: 'OAuth token has expired' });
  p.script({ a: [out, out, out, WORKS] });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const blocked = await p.seen('it is blocked', v => v.status === 'blocked');
  expect(blocked).toMatchObject({ why: 'auth', exit_code: 3, retry_at: expect.any(String) });
  await p.crash();
  await p.instance.start();
  await ended(p, v => v.status === 'completed');
  expect(await history(p)).toEqual(['auth', 'auth', 'auth', 'ok']);
  const [first, second] = (await p.view()).subtasks.find(s => s.id === 'a')!.history;
  expect(Date.parse(second!.started_at) - Date.parse(first!.ended_at)).toBeGreaterThanOrEqual(2000);
  await p.logged(/Task blocked \(auth\): .*OAuth token has expired.*looked at again at/);
});

test('6: … but not where only a person is to go on', async () => {
  const out = claims({ status: 'auth', summary: 'OAuth token has expired' });
  const p = project({
    config: { auto_resume: false, limits: { login_retry: '1s' } },
    script: { a: [out, WORKS] },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(await p.view()).toMatchObject({ status: 'blocked', why: 'auth', retry_at: null });
  expect((await p.rasen('resume')).status).toBe(0);
});

test('21: a session that outgrew its context is followed by a fresh one; twice, and the subtask is to be split', async () => {
  const full = claims({ status: 'context', summary: 'prompt is too long' });
  const p = project({ script: { a: [full, WORKS] } });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions()[1]!.prompt).toContain('attempt 1: context: prompt is too long');

  const never = project({ script: { '*': [full] } });
  await never.init([{ id: 'a' }]);
  expect((await never.rasen('run')).status).toBe(3);
  expect(await never.view()).toMatchObject({
    why: 'attempts',
    reason: expect.stringContaining('split this subtask'),
  });
  expect(never.sessions()).toHaveLength(2);
});

test('22: an overloaded model and a network that is down are waited for, and cost no attempt', async () => {
  const p = project({ config: { limits: { attempts: 1 } } });
  const busy = (status: string) => claims({ status, summary: '529', retry_after_seconds: 1 });
  p.script({ a: [busy('overloaded'), busy('network'), busy('overloaded'), WORKS] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run', '--wait')).status).toBe(0);
  expect(await history(p)).toEqual(['overloaded', 'network', 'overloaded', 'ok']);
});

test('22: a model that stays overloaded is replaced by the one for that, until a session gets through', async () => {
  const p = project({ config: { models: { coder: 'large', fallback: 'small' } } });
  const busy = claims({ status: 'overloaded', summary: '529', retry_after_seconds: 1 });
  p.script({ a: [busy, busy, busy, WORKS], b: [WORKS] });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  expect((await p.rasen('run', '--wait')).status).toBe(0);
  expect(p.sessions().map(s => s.model)).toEqual(['large', 'large', 'large', 'small', 'large']);
});

test('27: words about limits in the repository or in what an agent says are no limit', async () => {
  const words =
    'Error 429: rate limit exceeded. You have hit your usage limit; resets at 3pm. overloaded_error';
  const p = project({
    files: { 'docs/limits.txt': `${words}\n` },
    script: {
      a: [
        [{ say: words }, { exit: 1 }],
        [{ say: words }, ...WORKS],
      ],
    },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await history(p)).toEqual(['failed', 'ok']);
  expect(await p.ok('logs')).not.toContain('Waiting');
});
