/** What is said to codex, line by line: the parts of the conversation that depend on the order of things. */
import { describe, expect, it } from 'vitest';
import type { Talk } from '../../../src/agents/agent.ts';
import { codexDialogue } from '../../../src/agents/codex/dialogue.ts';
import type { Dialogue } from '../../../src/agents/dialogue.ts';

const talk: Talk = {
  kind: 'codex',
  argv: ['codex'],
  fallback: null,
  cwd: '/work',
  resume: null,
  model: null,
  writable: [],
};
const parse = (lines: string[] | null) => lines?.map(line => JSON.parse(line)) ?? null;
const hear = (dialogue: Dialogue, message: object) => {
  const { say, ...rest } = dialogue.hear(JSON.stringify(message));
  return { ...rest, say: parse(say)! };
};
const completed = (status = 'completed', threadId = 'thread') => ({
  method: 'turn/completed',
  params: { threadId, turn: { id: 'turn', status } },
});

/** A conversation whose turn is open. */
function inTurn(more: Partial<Talk> = {}): Dialogue {
  const dialogue = codexDialogue({ ...talk, ...more });
  dialogue.begin('the prompt');
  hear(dialogue, { id: 1, result: {} });
  hear(dialogue, { id: 2, result: { thread: { id: 'thread' } } });
  hear(dialogue, { id: 3, result: { turn: { id: 'turn' } } });
  return dialogue;
}

it('a thread is begun, or gone on with, before anything is asked of the model', () => {
  const dialogue = codexDialogue({ ...talk, resume: 'thread', model: 'model-x' });
  expect(parse(dialogue.begin('the prompt'))).toMatchObject([{ id: 1, method: 'initialize' }]);
  expect(hear(dialogue, { method: 'configWarning', params: {} }).say).toEqual([]);
  expect(hear(dialogue, { id: 1, result: {} }).say).toEqual([
    { method: 'initialized' },
    {
      id: 2,
      method: 'thread/resume',
      params: {
        cwd: '/work',
        approvalPolicy: 'never',
        model: 'model-x',
        threadId: 'thread',
        excludeTurns: true,
      },
    },
  ]);
  const opened = hear(dialogue, { id: 2, result: { thread: { id: 'thread' } } });
  expect(opened).toMatchObject({ over: false, session: 'thread', say: [{ method: 'turn/start' }] });
});

describe('it is over', () => {
  it.each([
    ['the program is refused', { id: 1, error: { code: -1, message: 'no' } }, 0],
    ['the thread is refused', { id: 2, error: { code: -1, message: 'no rollout found' } }, 1],
    ['there is no thread in the answer', { id: 2, result: {} }, 1],
    ['the turn is refused', { id: 3, error: { code: -1, message: 'no' } }, 2],
  ])('when %s', (_, answer, heard) => {
    const dialogue = codexDialogue(talk);
    dialogue.begin('the prompt');
    const before = [
      { id: 1, result: {} },
      { id: 2, result: { thread: { id: 'thread' } } },
    ];
    for (const message of before.slice(0, heard)) hear(dialogue, message);
    expect(hear(dialogue, answer)).toEqual({ say: [], over: true });
  });

  it('when its own turn is, and not that of a session which it has started', () => {
    const dialogue = inTurn();
    expect(hear(dialogue, completed('completed', 'another')).over).toBe(false);
    expect(hear(dialogue, completed()).over).toBe(true);
    expect(dialogue.note('too late', '1')).toBeNull();
    expect(dialogue.interrupt()).toEqual([]);
  });
});

describe('a note', () => {
  it('waits for a turn', () => {
    const dialogue = codexDialogue(talk);
    dialogue.begin('the prompt');
    hear(dialogue, { id: 1, result: {} });
    expect(dialogue.note('early', '1')).toBeNull();
  });

  it('that the turn took is not said again', () => {
    const dialogue = inTurn();
    const [steer] = parse(dialogue.note('more', '1'))!;
    expect(steer).toMatchObject({ method: 'turn/steer', params: { expectedTurnId: 'turn' } });
    hear(dialogue, { id: steer.id, result: { turnId: 'turn' } });
    expect(hear(dialogue, completed()).over).toBe(true);
  });

  it('that was refused, and one that was never answered, begin a turn, in which more can be said', () => {
    const dialogue = inTurn();
    const [refused] = parse(dialogue.note('one', '1'))!;
    dialogue.note('two', '1');
    expect(hear(dialogue, { id: refused.id, error: { code: -1, message: 'no' } }).over).toBe(false);
    const next = hear(dialogue, completed());
    expect(next.over).toBe(false);
    expect(next.say).toMatchObject([
      { method: 'turn/start', params: { input: [{ text: 'one' }, { text: 'two' }] } },
    ]);
    hear(dialogue, { id: next.say[0].id, result: { turn: { id: 'turn-2' } } });
    expect(parse(dialogue.note('three', '1'))).toMatchObject([{ params: { expectedTurnId: 'turn-2' } }]);
  });

  it('is owed nothing by a turn that failed or was interrupted', () => {
    for (const status of ['failed', 'interrupted']) {
      const dialogue = inTurn();
      dialogue.note('one', '1');
      expect(hear(dialogue, completed(status))).toEqual({ say: [], over: true });
    }
  });
});

describe('a note counts as said', () => {
  const asked = () => {
    const dialogue = inTurn();
    const [steer] = parse(dialogue.note('words', 'n'))!;
    return { dialogue, id: steer.id };
  };
  const no = { error: { code: -1, message: 'no' } };

  it('when the turn took it', () => {
    const { dialogue, id } = asked();
    expect(hear(dialogue, { id, result: { turnId: 'turn' } })).toEqual({ say: [], took: ['n'], over: false });
  });

  it('when it begins the next turn, where this one did not take it', () => {
    const { dialogue, id } = asked();
    expect(hear(dialogue, { id, ...no })).toEqual({ say: [], over: false });
    expect(hear(dialogue, completed())).toMatchObject({ say: [{ method: 'turn/start' }], took: ['n'] });
  });

  it('never, where there is no next turn', () => {
    const { dialogue, id } = asked();
    hear(dialogue, { id, ...no });
    expect(hear(dialogue, completed('failed'))).toEqual({ say: [], over: true });
  });
});

it('an interrupt names the turn that is open', () => {
  expect(parse(inTurn().interrupt())).toMatchObject([
    { method: 'turn/interrupt', params: { threadId: 'thread', turnId: 'turn' } },
  ]);
});

it('what is no message is heard and says nothing', () => {
  const dialogue = inTurn();
  for (const line of ['', 'text', '[1]', 'null', '{', '{}', '{"id":{}}', '{"method":7}'])
    expect(dialogue.hear(line)).toEqual({ say: [], over: false });
});
