/**
 * How claude is spoken with: `claude -p --input-format stream-json`, one user message a line, as of 2.1.329.
 *
 *   prompt ─► init … result ─► over, when nothing is owed
 *     ▲         ▲      │
 *     │         │      ├ a command goes on in the background: when it ends, the next turn begins
 *     └ a note ─┘      └ a note came too late for the turn: the next one begins with it
 *
 * A note is heard after the tool that runs (its default priority; `now` would abort that). `command_lifecycle` tells
 * what became of a message that has a uuid: only a version that says so is given notes, since only there it is known
 * whether a turn is still owed to one.
 */
import { randomUUID } from 'node:crypto';
import { type Dialogue, readJson } from '../dialogue.ts';
import { type Json, list, object, text } from '../json.ts';

/** States of a message that is not done with. */
const PENDING: ReadonlySet<string | null> = new Set(['queued', 'started']);

export function claudeDialogue(): Dialogue {
  const prompt = randomUUID();
  /** Notes that a turn may still be owed to. */
  const owed = new Set<string>();
  let tracks = false;
  let background = 0;
  /** The turn that is over, until the next one begins. */
  let result: 'none' | 'well' | 'badly' = 'none';
  let interrupted = false;

  function become(message: Json): void {
    const id = text(message.command_uuid) ?? '';
    const pending = PENDING.has(text(message.state));
    tracks ||= id === prompt;
    if (!pending) owed.delete(id);
  }

  return {
    begin: words => [messageOf(prompt, words)],
    hear(line) {
      const message = readJson(line);
      let session: string | undefined;
      let say: string[] = [];
      switch (message === null ? null : nameOf(message)) {
        case 'system/init':
          session = text(message!.session_id) ?? undefined;
          result = 'none';
          break;
        case 'system/background_tasks_changed':
          background = list(message!.tasks).length;
          break;
        case 'command_lifecycle':
          become(message!);
          break;
        case 'control_request':
          say = [refusal(message!)];
          break;
        case 'result':
          result = message!.is_error === true ? 'badly' : 'well';
          break;
      }
      // What failed, or was interrupted, is not mended by a turn more; it is gone on with later.
      const done = result === 'badly' || interrupted || (owed.size === 0 && background === 0);
      return { say, over: result !== 'none' && done, ...(session === undefined ? {} : { session }) };
    },
    note(words) {
      // As above: a turn that failed is not followed by one more.
      if (!tracks || interrupted || result === 'badly') return null;
      const id = randomUUID();
      owed.add(id);
      return [messageOf(id, words)];
    },
    interrupt() {
      interrupted = true;
      const request = {
        type: 'control_request',
        request_id: randomUUID(),
        request: { subtype: 'interrupt' },
      };
      return [JSON.stringify(request)];
    },
  };
}

const nameOf = (message: Json) =>
  message.type === 'system' ? `system/${text(message.subtype) ?? ''}` : text(message.type);

function messageOf(uuid: string, words: string): string {
  const message = { role: 'user', content: [{ type: 'text', text: words }] };
  return JSON.stringify({ type: 'user', uuid, message });
}

/** There is nobody to ask. */
function refusal(message: Json): string {
  const error = 'Nobody is there to ask. Decide by yourself what can be decided, and go on.';
  const response = { subtype: 'error', request_id: text(object(message)?.request_id) ?? '', error };
  return JSON.stringify({ type: 'control_response', response });
}
