/** How claude is spoken with: what is said, and when its session is over. Lines as 2.1.329 says them. */
import { expect, test } from 'vitest';
import { claudeDialogue } from '../../../src/agents/claude/dialogue.ts';
import type { Dialogue } from '../../../src/agents/dialogue.ts';

const SESSION = '11111111-2222-4333-8444-555555555555';
const init = { type: 'system', subtype: 'init', session_id: SESSION };
const result = (more: object = {}) => ({ type: 'result', subtype: 'success', is_error: false, ...more });
const become = (command_uuid: string, state: string) => ({ type: 'command_lifecycle', command_uuid, state });
const tasks = (...ids: string[]) => ({
  type: 'system',
  subtype: 'background_tasks_changed',
  tasks: ids.map(task_id => ({ task_id })),
});

const hear = (dialogue: Dialogue, ...messages: object[]) =>
  messages.map(message => dialogue.hear(JSON.stringify(message)).over);
const said = (lines: string[] | null) => lines!.map(line => JSON.parse(line));

/** A session whose prompt was taken. */
function begun(): { dialogue: Dialogue; prompt: string } {
  const dialogue = claudeDialogue();
  const [{ uuid }] = said(dialogue.begin('Do it.'));
  expect(hear(dialogue, become(uuid, 'queued'), become(uuid, 'started'), init)).toEqual([
    false,
    false,
    false,
  ]);
  return { dialogue, prompt: uuid };
}

test('the prompt is the first message; the session is over with the result of its turn', () => {
  const dialogue = claudeDialogue();
  const [message, ...more] = said(dialogue.begin('Do it.\nAll of it.'));
  expect(more).toEqual([]);
  expect(message).toEqual({
    type: 'user',
    uuid: expect.stringMatching(/^[0-9a-f]{8}-/),
    message: { role: 'user', content: [{ type: 'text', text: 'Do it.\nAll of it.' }] },
  });
  expect(dialogue.hear(JSON.stringify(init))).toEqual({ say: [], over: false, session: SESSION });
  expect(dialogue.hear('no JSON')).toEqual({ say: [], over: false });
  expect(hear(dialogue, { type: 'assistant' }, result())).toEqual([false, true]);
});

test('a note that the turn heard owes nothing', () => {
  const { dialogue } = begun();
  const [{ uuid, message }] = said(dialogue.note('Use tabs.', '1'));
  expect(message.content[0].text).toBe('Use tabs.');
  const states = ['queued', 'started', 'completed'].map(state => become(uuid, state));
  expect(hear(dialogue, ...states, result())).toEqual([false, false, false, true]);
});

test('a note that comes too late for the turn has one of its own', () => {
  const { dialogue, prompt } = begun();
  const [{ uuid }] = said(dialogue.note('Use tabs.', '1'));
  const late = [become(uuid, 'queued'), result(), become(prompt, 'completed'), become(uuid, 'started'), init];
  expect(hear(dialogue, ...late)).toEqual([false, false, false, false, false]);
  expect(hear(dialogue, result(), become(uuid, 'completed'))).toEqual([false, true]);
});

test('each message has a uuid of its own, or a session that is gone on with would take it for known', () => {
  const { dialogue, prompt } = begun();
  const ids = [prompt, said(dialogue.note('a', '1'))[0].uuid, said(dialogue.note('a', '1'))[0].uuid];
  expect(new Set([...ids, said(claudeDialogue().begin('Do it.'))[0].uuid]).size).toBe(4);
});

test('what goes on in the background is waited for: its end begins the next turn', () => {
  const { dialogue } = begun();
  expect(hear(dialogue, tasks('b1', 'b2'), result(), tasks('b2'))).toEqual([false, false, false]);
  expect(hear(dialogue, init, tasks(), result())).toEqual([false, false, true]);
});

test('a turn that failed is the end, whatever is owed', () => {
  const { dialogue } = begun();
  said(dialogue.note('Use tabs.', '1'));
  expect(hear(dialogue, tasks('b1'), result({ is_error: true, terminal_reason: 'api_error' }))).toEqual([
    false,
    true,
  ]);
});

test('a note that comes after a turn that failed begins no other one', () => {
  const { dialogue } = begun();
  expect(hear(dialogue, result({ is_error: true, terminal_reason: 'api_error' }))).toEqual([true]);
  expect(dialogue.note('Use tabs.', '1')).toBeNull();
});

test('interrupted, it ends with its turn, and takes no notes', () => {
  const { dialogue } = begun();
  said(dialogue.note('Use tabs.', '1'));
  expect(said(dialogue.interrupt())).toEqual([
    { type: 'control_request', request_id: expect.any(String), request: { subtype: 'interrupt' } },
  ]);
  expect(dialogue.note('More.', '1')).toBeNull();
  const response = { type: 'control_response', response: { subtype: 'success' } };
  expect(hear(dialogue, response, result({ terminal_reason: 'aborted_streaming' }))).toEqual([false, true]);
});

test('a version that does not say what becomes of a message is given no notes', () => {
  const dialogue = claudeDialogue();
  said(dialogue.begin('Do it.'));
  expect(hear(dialogue, init, { type: 'assistant' })).toEqual([false, false]);
  expect(dialogue.note('Use tabs.', '1')).toBeNull();
  expect(hear(dialogue, result())).toEqual([true]);
});

test('what it asks is refused at once', () => {
  const { dialogue } = begun();
  const asks = { type: 'control_request', request_id: 'r7', request: { subtype: 'can_use_tool' } };
  const { say, over } = dialogue.hear(JSON.stringify(asks));
  expect([over, said(say)]).toEqual([
    false,
    [
      {
        type: 'control_response',
        response: { subtype: 'error', request_id: 'r7', error: expect.stringContaining('Nobody is there') },
      },
    ],
  ]);
});
