/** What one session has learned of its service holds for all steps of the task that use it. */
import { describe, expect, it } from 'vitest';
import { planOf, type SubtaskDraft, specOf } from '../../support/task-builder.ts';
import { Engine, type Work } from './engine.ts';

const SPEC = {
  agents: { coder: { backend: 'claude', command: ['claude'] } },
  gates: [],
  limits: { wait: true, login_retry_seconds: null, session_delay_seconds: 0 },
};
const ended = (status: string, more: Work = {}): Work => ({
  code: 1,
  claim: { status: status as 'limit', summary: status },
  ...more,
});
const start = (subtasks: (SubtaskDraft | string)[], work: Record<string, Work[]>, over: object = {}) =>
  new Engine(specOf({ ...SPEC, ...over }), planOf(subtasks), { work });
const folder = { workspace: { kind: 'folder' } };

describe.each([
  ['in git', {}],
  ['in a folder', folder],
])('independent subtasks %s', (_where, over) => {
  it.each(['limit', 'overloaded', 'network'])('none starts into a known %s', status => {
    const engine = start(['a', 'b', 'c'], { a: [ended(status, { same: true }), {}] }, over).run();
    expect(engine.started.filter(name => /^[abc]/.test(name))).toEqual(['a/1', 'a/2', 'b/1', 'c/1']);
    expect(engine.state.status.name).toBe('completed');
  });

  it('none starts where its agent is not logged in', () => {
    const engine = start(['a', 'b'], { a: [ended('auth', { same: true }), {}] }, over).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'auth', subtask: 'a' });
    expect(engine.started).toEqual(['a/1']);
    engine.resume().run();
    expect(engine.started).toEqual(['a/1', 'a/2', 'b/1']);
  });

  it('none starts into a limit that is not waited for', () => {
    const limits = { ...SPEC.limits, wait: false };
    const engine = start(['a', 'b'], { a: [ended('limit', { same: true }), {}] }, { ...over, limits }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'budget', subtask: 'a' });
    expect(engine.started).toEqual(['a/1']);
  });
});

it('commands that leave no commits behind go on meanwhile', () => {
  const command = { id: 'x', do: { run: ['x'] } };
  const engine = start(['a', command], { a: [ended('limit'), {}] }, folder);
  engine.run(state => state.status.name === 'waiting');
  expect(engine.started).toEqual(['a/1', 'x/1']);
});

describe('commits of interrupted work', () => {
  const command = { id: 'x', do: { run: ['x'] } };

  it.each(['limit', 'auth'])('are gone on from before another step moves the branch: %s', status => {
    const engine = start([command, 'a', 'b'], { x: [{}], a: [ended(status), {}] }).run();
    if (status === 'auth') engine.resume().run();
    const made = engine.events.flatMap(e => (e.type === 'attempt_created' ? [[e.step, e.n, e.from]] : []));
    expect(made.filter(([step]) => step === 'a').at(1)).toEqual(['a', 2, 'commit a/1']);
    expect(engine.started).toEqual(['x/1', 'a/1', 'a/2', 'b/1']);
  });

  it('hold a command that would move the branch', () => {
    const engine = start(['a', command], { a: [ended('limit'), {}] }).run();
    expect(engine.started).toEqual(['a/1', 'a/2', 'x/1']);
    expect(engine.state.status.name).toBe('completed');
  });

  it('are gone on from first after a stop in the middle', () => {
    const engine = start(['a', 'b'], { a: [{}, {}] });
    engine.frozen = true;
    engine.run(state => state.steps.some(s => s.attempt?.phase === 'running'));
    engine.stop().run();
    engine.frozen = false;
    engine.resume().run();
    expect(engine.started).toEqual(['a/1', 'a/2', 'b/1']);
  });
});

describe('a session that is stopped for its time or its silence', () => {
  const limits = { ...SPEC.limits, attempts: 2, session_timeout_seconds: 600, idle_timeout_seconds: 300 };
  const stopped = (work: Work, more: object = {}) =>
    start(
      ['a'],
      { a: [{ ...work, hangs: true }, { ...work, hangs: true }, {}] },
      { limits: { ...limits, ...more } },
    ).run();
  const outcomes = (engine: Engine) => engine.step('a').history.map(h => h.outcome);
  const says = (status: string, more: Work = {}): Work => ({
    claim: { status: status as 'limit', summary: `${status} for an hour` },
    session: { id: 's', outcome: status },
    same: true,
    ...more,
  });

  it.each(['network', 'overloaded', 'limit'])('in a known %s waits for the service, at no cost', status => {
    for (const quiet of [true, false]) {
      const engine = stopped(says(status, { quiet }));
      expect(outcomes(engine)).toEqual([status, status, 'ok']);
      expect(engine.step('a').counted).toBe(1);
      expect(engine.step('a').history[0]!.reason).toContain(`${status} for an hour (stopped: `);
      expect(engine.state.status.name).toBe('completed');
    }
  });

  it('before the model has answered anything is no agent that stalls', () => {
    const engine = stopped({
      session: { id: 's', outcome: 'failed', heard: false },
      quiet: true,
      same: true,
    });
    expect(outcomes(engine)).toEqual(['network', 'network', 'ok']);
    expect(engine.step('a').history[0]!.reason).toBe(
      'the model has not answered the first request (stopped: idle)',
    );
  });

  it('after answers, or with a limit in the words of the agent alone, is', () => {
    const heard = stopped({ session: { id: 's', outcome: 'failed', heard: true }, quiet: true });
    expect(outcomes(heard)).toEqual(['stalled', 'stalled']);
    const words = stopped({ ...says('limit'), session: { id: 's', outcome: 'failed', heard: true } });
    expect(outcomes(words)).toEqual(['timeout', 'timeout']);
  });
});
