/**
 * The streams of codex as entries: the events of `codex exec --json`, and the notifications of `codex app-server`, which
 * are the same items in another spelling. Pure.
 */
import { type Json, list, object, text } from '../../util/json.ts';
import {
  type Entry,
  failed,
  joined,
  note,
  type ReadEvent,
  said,
  tool,
  usageText,
} from '../../views/session/words.ts';

export const readCodex: ReadEvent = event => {
  const method = text(event.method);
  if (method !== null) return notification(event, method, object(event.params) ?? {});
  if (event.id !== undefined) return answer(event);
  switch (event.type) {
    case 'thread.started':
      return note(event, `session ${text(event.thread_id) ?? ''}`);
    case 'turn.started':
    case 'item.updated':
      return [];
    case 'item.started':
      return begun(event, object(event.item));
    case 'item.completed':
      return ended(event, object(event.item));
    case 'turn.completed': {
      const usage = object(event.usage);
      return note(event, joined('turn over', usageText(usage?.input_tokens, usage?.output_tokens)));
    }
    case 'turn.failed':
      return failed(event, `turn failed: ${text(object(event.error)?.message) ?? ''}`);
    case 'error':
      return failed(event, event.message);
    default:
      return null;
  }
};

/** Of the server to what was asked; only a refusal says something. */
function answer(event: Json): Entry[] {
  const error = object(event.error);
  return error === null ? [] : failed(event, text(error.message) ?? JSON.stringify(error));
}

function notification(event: Json, method: string, params: Json): Entry[] | null {
  switch (method) {
    case 'thread/started':
      return note(event, `session ${text(object(params.thread)?.id) ?? ''}`);
    case 'item/started':
      return begun(event, object(params.item));
    case 'item/completed':
      return ended(event, object(params.item));
    case 'turn/completed': {
      const turn = object(params.turn);
      const error = text(object(turn?.error)?.message);
      if (error !== null) return failed(event, `turn failed: ${error}`);
      return note(event, joined('turn over', turn?.status === 'completed' ? null : text(turn?.status)));
    }
    case 'error':
      return failed(event, text(object(params.error)?.message) ?? params.message);
    case 'configWarning':
    case 'deprecationNotice':
      return [];
    default:
      // Deltas, counters and states: the whole comes when it is complete.
      return /^(?:item|turn|thread|account|remoteControl|mcpServer|windowsSandbox|model|app|skills|fs)\//.test(
        method,
      )
        ? []
        : null;
  }
}

/** `command_execution` and `commandExecution` are one. */
const kindOf = (item: Json) =>
  (text(item.type) ?? '').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

function begun(event: Json, item: Json | null): Entry[] {
  if (item === null) return [];
  switch (kindOf(item)) {
    case 'command_execution':
      return tool(event, 'shell', inner(item.command));
    case 'mcp_tool_call':
      return tool(event, joined(text(item.server), text(item.tool)), item.arguments);
    case 'web_search':
      return tool(event, 'web search', item.query);
    default:
      return [];
  }
}

function ended(event: Json, item: Json | null): Entry[] {
  if (item === null) return [];
  switch (kindOf(item)) {
    case 'agent_message':
      return said(event, item.text);
    case 'file_change': {
      const changes = list(item.changes).map(change => {
        const { path, kind } = object(change) ?? {};
        return `${text(object(kind)?.type ?? kind) ?? 'change'} ${text(path) ?? ''}`;
      });
      const done = tool(event, 'files', changes.join(', '));
      return item.status === 'failed' ? failed(event, `not changed: ${changes.join(', ')}`) : done;
    }
    case 'command_execution': {
      const code = item.exit_code ?? item.exitCode;
      const output = text(item.aggregated_output ?? item.aggregatedOutput);
      if (typeof code !== 'number' || code === 0) return [];
      return failed(event, `exit code ${code}${output === null ? '' : `: ${output}`}`);
    }
    case 'mcp_tool_call':
      return item.status === 'failed'
        ? failed(event, `tool failed: ${text(object(item.error)?.message) ?? ''}`)
        : [];
    case 'error':
      return failed(event, item.message);
    default:
      return [];
  }
}

/** Without the shell that it is run in. */
function inner(command: unknown): unknown {
  const words =
    typeof command === 'string' ? /^\S*\/(?:ba|z)?sh -l?c (['"])([\s\S]*)\1$/.exec(command) : null;
  return words ? words[2] : command;
}
