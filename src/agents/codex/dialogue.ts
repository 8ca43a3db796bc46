/**
 * How codex is spoken with: `codex app-server`, JSON-RPC in lines, as of 0.169.0. One thread, and in it one turn:
 *
 *   initialize ─► thread/start | thread/resume ─► turn/start ─► … ─► turn/completed: over
 *                                                   ▲   └ turn/steer: a note, while the turn is open
 *                                                   └──── a note that the turn did not take any more
 *
 * What the app-server asks is answered at once, and refused with the reason: there is nobody to ask.
 */

import { VERSION } from '../../version.ts';
import type { Talk } from '../agent.ts';
import { type Dialogue, type Heard, readJson } from '../dialogue.ts';
import { type Json, list, object, text } from '../json.ts';

/** Our requests have these ids; notes have those after them. */
const INITIALIZE = 1;
const THREAD = 2;
const TURN = 3;
/** JSON-RPC: what is asked for is not there. */
const NO_METHOD = -32601;
const NOBODY = 'Nobody is there to ask. Decide by yourself what can be decided, and go on.';

interface Note {
  name: string;
  words: string;
}

export function codexDialogue(talk: Talk): Dialogue {
  let prompt = '';
  let thread: string | null = null;
  /** The turn that is open. */
  let turn: string | null = null;
  let over = false;
  let next = TURN + 1;
  /** Notes that were said and not answered yet, by the id of the request. */
  const asked = new Map<number, Note>();
  /** Notes that the turn refused. */
  let owed: Note[] = [];

  const request = (id: number, method: string, params: object) => JSON.stringify({ id, method, params });
  const startTurn = (id: number, words: readonly string[]) =>
    request(id, 'turn/start', { threadId: thread, input: words.map(inputOf) });

  function openThread(): string {
    const how = { cwd: talk.cwd, approvalPolicy: 'never' };
    const params = talk.model === null ? how : { ...how, model: talk.model };
    return talk.resume === null
      ? request(THREAD, 'thread/start', params)
      : // Without what was said in it: that would be one long line.
        request(THREAD, 'thread/resume', { ...params, threadId: talk.resume, excludeTurns: true });
  }

  function answered(message: Json): Pick<Heard, 'say' | 'session' | 'took'> {
    const id = Number(message.id);
    const note = asked.get(id);
    asked.delete(id);
    if (message.error !== undefined) {
      if (note !== undefined) owed.push(note);
      // Without a thread or a turn there is nothing to wait for; the reader of the output says what it was.
      else if (turn === null) over = true;
      return { say: [] };
    }
    if (note !== undefined) return { say: [], took: [note.name] };
    const result = object(message.result);
    if (id === INITIALIZE) return { say: [JSON.stringify({ method: 'initialized' }), openThread()] };
    if (id === THREAD) {
      thread = text(object(result?.thread)?.id);
      over ||= thread === null;
      return over ? { say: [] } : { say: [startTurn(TURN, [prompt])], session: thread! };
    }
    turn = text(object(result?.turn)?.id) ?? turn;
    return { say: [] };
  }

  function completed(message: Json): Pick<Heard, 'say' | 'took'> {
    const params = object(message.params);
    const ended = object(params?.turn);
    // Sessions that it has started for parts of the work have turns of their own.
    if (params?.threadId !== thread) return { say: [] };
    turn = null;
    // Where the turn failed, they are for the next session.
    const notes = ended?.status === 'completed' ? [...owed, ...asked.values()] : [];
    owed = [];
    asked.clear();
    over = notes.length === 0;
    if (over) return { say: [] };
    const words = notes.map(note => note.words);
    return { say: [startTurn(next++, words)], took: notes.map(note => note.name) };
  }

  return {
    begin(words) {
      prompt = words;
      const clientInfo = { name: 'rasen', title: 'rasen', version: VERSION };
      // `excludeTurns` is none of what every client may ask for.
      return [request(INITIALIZE, 'initialize', { clientInfo, capabilities: { experimentalApi: true } })];
    },
    hear(line) {
      const message = readJson(line);
      const method = text(message?.method);
      if (message === null) return { say: [], over };
      if (method === null) return { ...answered(message), over };
      if (message.id !== undefined)
        return {
          say: [JSON.stringify({ id: message.id, ...refusal(method, object(message.params)) })],
          over,
        };
      const answer = method === 'turn/completed' ? completed(message) : { say: [] };
      return { ...answer, over };
    },
    answers_for_notes: true,
    note(words, name) {
      if (turn === null || over) return null;
      asked.set(next, { name, words });
      const params = { threadId: thread, expectedTurnId: turn, input: [inputOf(words)] };
      return [request(next++, 'turn/steer', params)];
    },
    interrupt() {
      if (turn === null || over) return [];
      // Nothing is owed to a turn that ends like this.
      owed = [];
      return [request(next++, 'turn/interrupt', { threadId: thread, turnId: turn })];
    },
  };
}

const inputOf = (words: string) => ({ type: 'text', text: words });

/** In the words of each question; what has no refusal is an error. */
function refusal(method: string, params: Readonly<Record<string, unknown>> | null): object {
  switch (method) {
    case 'item/commandExecution/requestApproval':
    case 'item/fileChange/requestApproval':
      return { result: { decision: 'decline' } };
    case 'item/permissions/requestApproval':
      return { result: { permissions: {}, scope: 'turn' } };
    case 'mcpServer/elicitation/request':
      return { result: { action: 'decline', content: null, _meta: null } };
    case 'item/tool/call':
      return { result: { contentItems: [{ type: 'inputText', text: NOBODY }], success: false } };
    case 'item/tool/requestUserInput': {
      const ids = list(params?.questions).map(question => text(object(question)?.id) ?? '');
      return { result: { answers: Object.fromEntries(ids.map(id => [id, { answers: [NOBODY] }])) } };
    }
    default:
      return { error: { code: NO_METHOD, message: NOBODY } };
  }
}
