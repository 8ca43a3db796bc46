/** Notes: whom they reach, when, and that they are told no matter what comes between. */
import { describe, expect, it } from 'vitest';
import { MAX_TOLD_NOTES } from '../../../src/engine/fold-notes.ts';
import {
  HURRY_SHARE,
  hasAgent,
  notesInPrompt,
  notesSinceThen,
  openNotes,
  reachOf,
} from '../../../src/engine/notes.ts';
import { settle } from '../../../src/engine/settle.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, type Script } from './engine.ts';

const SPEC = {
  agents: { coder: { backend: 'claude', command: ['claude'] } },
  gates: [],
  workspace: { kind: 'folder' },
  limits: { wait: true, login_retry_seconds: null, session_delay_seconds: 0 },
};

function start(
  script: Script = {},
  over: object = {},
  subtasks: Parameters<typeof planOf>[0] = ['a'],
): Engine {
  const engine = new Engine(specOf({ ...SPEC, ...over }), planOf(subtasks), script);
  engine.frozen = true;
  return engine;
}

const note = (engine: Engine, text = 'words') =>
  engine.add({ type: 'note_added', note: engine.state.notes_made + 1, text, by: 'user', to: null, op: null });
const runs = (engine: Engine, id = 'a') =>
  engine.run(state => state.steps.some(s => s.id === id && s.attempt?.phase === 'running'));
const told = (engine: Engine) =>
  engine.events.flatMap(e => (e.type === 'note_told' ? [`${e.note} ${e.step}/${e.n} ${e.how}`] : []));

describe('a session that can be spoken with', () => {
  it('is told at once, and once', () => {
    const engine = start();
    engine.talks = true;
    note(runs(engine));
    expect(reachOf(engine.state)).toEqual({ how: 'live', step: 'a' });
    expect(engine.look()).toMatchObject([{ type: 'tell', note: 1, job: 'a/1-n' }]);
    engine.run(state => openNotes(state).length === 0);
    expect([engine.said, told(engine)]).toEqual([[1], ['1 a/1 live']]);
    engine.frozen = false;
    engine.run();
    expect(engine.said).toEqual([1]);
  });

  it('is known to have been told when it ends, although nobody saw it', () => {
    const engine = start();
    engine.talks = true;
    note(runs(engine));
    const facts = {
      exit: null,
      ended_by_itself: false,
      last_seen_at: null,
      output_bytes: 0,
      dropped_bytes: 0,
      claim: null,
      claim_problem: null,
      session: null,
      base_tests: [],
      notes_said: [1, 7],
      log_sha256: null,
      log_tail: null,
      forged: [],
    };
    const end = {
      type: 'end',
      key: '',
      job: 'a/1-n',
      step: 'a',
      n: 1,
      gate: null,
      kill: null,
      why: null,
    } as const;
    const events = settle(engine.state, end, { type: 'end', facts }, engine.now)!;
    expect(events.map(e => e.type)).toEqual(['note_told', 'attempt_ended']);
    engine.add(...events);
    expect(openNotes(engine.state)).toEqual([]);
  });

  it('that has not said it yet is asked again; the note stays open', () => {
    const engine = start();
    engine.talks = true;
    note(runs(engine));
    const [effect] = engine.look();
    expect(settle(engine.state, effect!, { type: 'tell', said: false }, engine.now)).toBeNull();
    expect(engine.look()).toEqual([effect]);
  });
});

describe('all others', () => {
  it('find it in the next prompt: told when that attempt has begun, not before', () => {
    const engine = start({ work: { a: [{ code: 1 }, {}] } });
    note(runs(engine));
    expect(reachOf(engine.state)).toEqual({ how: 'prompt', step: null });
    expect(engine.look()).toEqual([]);
    engine.frozen = false;
    engine.run(state =>
      state.steps.some(s => s.id === 'a' && s.attempt?.n === 2 && s.attempt.phase === 'prepared'),
    );
    expect(told(engine)).toEqual([]);
    engine.run();
    expect(told(engine)).toEqual(['1 a/2 prompt']);
  });

  it('a command is told nothing', () => {
    const engine = start({}, {}, [
      { id: 'c', do: { run: ['true'] } },
      { id: 'a', needs: ['c'] },
    ]);
    note(engine);
    runs(engine, 'c');
    expect(told(engine)).toEqual([]);
    engine.frozen = false;
    engine.run();
    expect(told(engine)).toEqual(['1 a/1 prompt']);
  });

  it('the prompt of an attempt has what was said before it was made, and nothing later', () => {
    const engine = start();
    note(engine, 'early');
    runs(engine);
    note(engine, 'late');
    const { attempt } = engine.step('a');
    expect(notesInPrompt(engine.state, attempt!).map(n => n.text)).toEqual(['early']);
  });

  it('a session that is gone on with is told what it has not heard for sure', () => {
    const limit = { code: 1, claim: { status: 'limit' as const }, session: { id: 's1' } };
    const engine = start({ work: { a: [limit, {}] } });
    note(engine, 'in its first prompt');
    engine.talks = true;
    note(runs(engine), 'said to it');
    engine.run(state => openNotes(state).length === 0);
    engine.frozen = false;
    engine.run(state => state.steps.some(s => s.id === 'a' && s.status === 'pending'));
    note(engine, 'new');
    engine.run(state => state.steps.some(s => s.id === 'a' && s.attempt?.n === 2));
    const step = engine.step('a');
    expect(step.attempt!.resume).toBe('s1');
    expect(notesSinceThen(engine.state, step, step.attempt!).map(n => n.text)).toEqual(['said to it', 'new']);
  });
});

describe('the time of a session', () => {
  const limits = {
    limits: {
      wait: true,
      login_retry_seconds: null,
      session_delay_seconds: 0,
      session_timeout_seconds: 1000,
    },
  };
  const added = (engine: Engine) => engine.events.filter(e => e.type === 'note_added');

  it(`is said to run out at ${HURRY_SHARE * 100} % of it, once, to that attempt alone`, () => {
    const engine = start({ work: { a: [{ hangs: true }, {}] } }, limits);
    engine.talks = true;
    runs(engine);
    const began = engine.now;
    engine.run(state => state.steps.some(s => s.id === 'a' && s.attempts === 2));
    expect(added(engine)).toMatchObject([{ by: 'rasen', to: { step: 'a', n: 1 }, note: 1 }]);
    expect(Date.parse(added(engine)[0]!.t) - began).toBe(1000 * 1000 * HURRY_SHARE);
    expect(engine.said).toEqual([1]);
    expect([engine.state.notes, engine.step('a').history.map(h => h.outcome)]).toEqual([[], ['timeout']]);
  });

  it('is no matter of an agent that cannot be spoken with, or of one without a limit', () => {
    const silent = start({ work: { a: [{ hangs: true }, {}] } }, limits);
    runs(silent).run(state => state.steps.some(s => s.id === 'a' && s.attempts === 2));
    const free = start(
      {},
      {
        limits: {
          wait: true,
          login_retry_seconds: null,
          session_delay_seconds: 0,
          session_timeout_seconds: null,
        },
      },
    );
    free.talks = true;
    runs(free).run();
    expect([added(silent), added(free)]).toEqual([[], []]);
  });

  it('said too late, it goes with the attempt that it was for', () => {
    const engine = start({}, limits);
    engine.talks = true;
    runs(engine);
    engine.now += 900 * 1000;
    engine.look();
    expect(engine.state.notes).toHaveLength(1);
    engine.stop('cancel').run();
    expect([engine.state.status.name, engine.state.notes]).toEqual(['cancelled', []]);
  });
});

it('what was told is kept for later sessions, but not all of it for ever', () => {
  const engine = start();
  engine.talks = true;
  runs(engine);
  for (let n = 1; n <= MAX_TOLD_NOTES + 5; n++) {
    note(engine, `note ${n}`);
    engine.run(state => openNotes(state).length === 0);
  }
  expect(engine.state.notes.map(n => n.note)).toEqual(
    Array.from({ length: MAX_TOLD_NOTES }, (_, i) => i + 6),
  );
  expect(engine.state.notes_made).toBe(MAX_TOLD_NOTES + 5);
});

it.each([
  [{ type: 'note_added', note: 2, text: 'x', by: 'user', to: null, op: null }, /note 2 after 0/],
  [{ type: 'note_told', note: 1, step: 'a', n: 1, how: 'live' }, /note 1 is told to a\/1, and is not open/],
] as const)('a journal that skips a note is damaged: %o', (event, message) => {
  expect(() => runs(start()).add(event)).toThrow(message);
});

it('no agent could be told where commands alone do the work', () => {
  const commands: Parameters<typeof planOf>[0] = [{ id: 'a', do: { run: ['true'] } }];
  const planned = (engine: Engine) => hasAgent(engine.run(state => state.steps.length > 0).state);
  expect(planned(start())).toBe(true);
  expect(planned(start({}, {}, commands))).toBe(false);
  expect(planned(start({}, { agents: {} }, commands))).toBe(false);
});
