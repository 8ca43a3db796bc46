/** Which attempt goes on with the session of its predecessor; every crash in between is the simulation's (test/crash). */
import { describe, expect, it } from 'vitest';
import { interruption } from '../../../src/agents/prompt-values.ts';
import type { Outcome } from '../../../src/contract/status.ts';
import { continuedFrom, SESSION_AGE_MAX_MS } from '../../../src/engine/resume.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, type Work } from './engine.ts';

const SPEC = {
  agents: { coder: { backend: 'claude', command: ['claude'] } },
  gates: [],
  limits: { wait: true, login_retry_seconds: null, session_delay_seconds: 0 },
};
const session = (id: string, more: object = {}): Work => ({ session: { id, ...more } });
const ended = (status: string, id: string, more: Work = {}): Work => ({
  code: 1,
  claim: { status: status as 'limit', summary: status },
  ...session(id),
  ...more,
});

/** Sessions that each attempt of `a` was to go on with. */
function resumed(work: Work[], over: object = {}, each?: (engine: Engine) => void): (string | null)[] {
  const engine = new Engine(specOf({ ...SPEC, ...over }), planOf(['a']), { work: { a: work } });
  each?.(engine);
  engine.run();
  return engine.events.flatMap(e =>
    e.type === 'attempt_created' && e.step === 'a' ? [e.resume ?? null] : [],
  );
}

describe('goes on with the session', () => {
  it.each(['limit', 'overloaded', 'network'])('of an attempt that ended with %s', status => {
    expect(resumed([ended(status, 's1'), session('s2')])).toEqual([null, 's1']);
  });

  it('of an attempt that was stopped', () => {
    const engine = new Engine(specOf(SPEC), planOf(['a']), {
      work: { a: [session('s1', {}), session('s2')] },
    });
    engine.frozen = true;
    engine.run(state => state.steps.some(s => s.attempt?.phase === 'running'));
    engine.stop().run();
    engine.frozen = false;
    engine.resume().run();
    const made = engine.events.filter(e => e.type === 'attempt_created' && e.step === 'a');
    expect(made.map(e => e.type === 'attempt_created' && e.resume)).toEqual([null, 's1']);
    expect(engine.state.status.name).toBe('completed');
  });

  it('of an attempt whose agent was not logged in, after a person has seen to it', () => {
    const engine = new Engine(specOf(SPEC), planOf(['a']), { work: { a: [ended('auth', 's1'), {}] } }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'auth' });
    engine.resume().run();
    expect(engine.events.findLast(e => e.type === 'attempt_created' && e.step === 'a')).toMatchObject({
      resume: 's1',
    });
  });

  it('where there is no git too, for the folder is as it was left', () => {
    const folder = { workspace: { kind: 'folder' } };
    expect(resumed([ended('limit', 's1'), session('s2')], folder)).toEqual([null, 's1']);
  });

  it('once: what is interrupted again begins anew, and that can be gone on with', () => {
    const work = [ended('limit', 's1'), ended('limit', 's1'), ended('limit', 's2'), session('s2')];
    expect(resumed(work)).toEqual([null, 's1', null, 's2']);
  });
});

it('goes on once more with a session that was not let begin, as when it looks whether a limit is over', () => {
  const engine = new Engine(specOf(SPEC), planOf(['a']), {
    work: {
      a: [ended('limit', 's1'), ended('limit', 's1', { same: true }), ended('limit', 's1'), session('s2')],
    },
  }).run();
  const made = engine.events.flatMap(e => (e.type === 'attempt_created' && e.step === 'a' ? [e.resume] : []));
  expect(made).toEqual([null, 's1', 's1', null]);
});

describe('begins a new session', () => {
  it.each<[string, Work]>([
    ['after a failure', { code: 1, ...session('s1') }],
    ['after one that was lost: its worktree goes back', { lost: true, ...session('s1') }],
    ['after a question', ended('blocked', 's1')],
    ['where the context was too long', ended('context', 's1')],
    ['where the program said no session', ended('limit', 's1', { session: undefined as never })],
    ['where its agent cannot go on with one', ended('limit', '', session('s1', { resumable: false }))],
    ['where another agent had it', ended('limit', '', session('s1', { backend: 'codex' }))],
  ])('%s', (_, first) => {
    expect(resumed([first, session('s2')])).toEqual([null, null]);
  });

  it('when the old one is a day old', () => {
    const retry_at = new Date(Date.parse('2026-01-27T08:00:00Z') + SESSION_AGE_MAX_MS + 60_000).toISOString();
    const limit = ended('limit', 's1', { claim: { status: 'limit', retry_at } });
    expect(resumed([limit, session('s2')])).toEqual([null, null]);
  });

  it('when a person asked for the subtask to be done again', () => {
    const engine = new Engine(specOf(SPEC), planOf(['a']), { work: { a: [ended('auth', 's1'), {}] } }).run();
    engine.add({ type: 'step_reset', step: 'a', reason: 'retry' }).resume().run();
    expect(engine.events.findLast(e => e.type === 'attempt_created' && e.step === 'a')).toMatchObject({
      resume: null,
    });
  });

  it('for the planner: what it read is no work that would be lost', () => {
    const engine = new Engine(specOf({ ...SPEC, plan: null }), null, {
      work: { _plan: [ended('limit', 's1'), {}] },
    });
    engine.run(state => state.steps[0]!.attempts === 2);
    expect(engine.events.findLast(e => e.type === 'attempt_created')).toMatchObject({
      step: '_plan',
      resume: null,
    });
  });
});

describe('a session that is lost', () => {
  const lost = ended('session_lost', 's1');

  it('costs nothing, and a new one begins at once on the same commit', () => {
    const engine = new Engine(
      specOf({ ...SPEC, limits: { wait: true, attempts: 1, session_delay_seconds: 0 } }),
      planOf(['a']),
      {
        work: { a: [ended('limit', 's1'), lost, session('s2')] },
      },
    ).run();
    expect(engine.state.status.name).toBe('completed');
    const step = engine.step('a');
    expect(step.history.map(h => h.outcome)).toEqual(['limit', 'session_lost', 'ok']);
    const { iterations, iterations_before } = engine.state;
    expect(iterations - iterations_before, 'that use up iterations').toBe(1);
    const made = engine.events.flatMap(e => (e.type === 'attempt_created' && e.step === 'a' ? [e] : []));
    expect(made.map(e => e.resume)).toEqual([null, 's1', null]);
    expect(made[2]!.from).toBe('commit a/2');
    const closed = engine.events.find(e => e.type === 'attempt_closed' && e.outcome === 'session_lost');
    expect(closed).toMatchObject({ retry_at: null, wait: null, block: null });
  });

  it('does not hide a limit: the waits after it go on to grow', () => {
    const engine = new Engine(specOf(SPEC), planOf(['a']), {
      work: { a: [ended('limit', 's1'), { ...lost, idle: true }, ended('limit', 's2', { idle: true })] },
    });
    engine.run(state => state.steps.find(s => s.id === 'a')!.history.length === 3);
    const [first, second] = engine.events.flatMap(e =>
      e.type === 'attempt_closed' && e.outcome === 'limit' ? [Date.parse(e.retry_at!) - Date.parse(e.t)] : [],
    );
    expect([first, second]).toEqual([15 * 60_000, 30 * 60_000]);
  });

  it('is a failure where there was none to go on with: it would be lost for ever', () => {
    const engine = new Engine(
      specOf({ ...SPEC, limits: { wait: true, attempts: 2, session_delay_seconds: 0 } }),
      planOf(['a']),
      {
        work: { a: [lost] },
      },
    ).run();
    expect(engine.state.status.name).toBe('blocked');
    expect(engine.step('a').history.map(h => h.outcome)).toEqual(['failed', 'failed']);
  });
});

describe('what a new session is told', () => {
  const of = (work: Work[]) => {
    const engine = new Engine(specOf(SPEC), planOf(['a']), { work: { a: work } });
    engine.run(state => state.steps.find(s => s.id === 'a')!.attempts === work.length);
    const step = engine.step('a');
    return continuedFrom(engine.state, step, step.attempt!.from);
  };

  it('which attempt it goes on from, past sessions that were lost', () => {
    const lost = ended('session_lost', 's1');
    expect(of([ended('limit', 's1'), lost, session('s2')])).toMatchObject({ n: 1, outcome: 'limit' });
    expect(of([ended('blocked', 's1'), {}])).toMatchObject({ n: 1, outcome: 'asked' });
  });

  it('nothing where nothing was left, or where it was a failure', () => {
    expect(of([ended('limit', 's1', { idle: true }), {}])).toBeNull();
    expect(of([{ code: 1 }, {}])).toBeNull();
  });

  it.each<[Outcome, string | null, string]>([
    ['limit', 'resets at 9', 'Attempt 3 was interrupted: a usage limit was reached (resets at 9).'],
    ['killed', 'stopped: user', 'Attempt 3 was interrupted: it was stopped from outside.'],
    ['auth', null, 'Attempt 3 was interrupted: the agent was not logged in any more.'],
  ])('in words: %s', (outcome, reason, words) => {
    const record = { n: 3, outcome, reason } as Parameters<typeof interruption>[0];
    expect(interruption(record)).toBe(words);
  });
});
