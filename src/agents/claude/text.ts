/** The stream of Claude Code (`--output-format stream-json`) as entries. Pure. */
import { type Json, list, object, text } from '../../util/json.ts';
import {
  answerText,
  dollars,
  type Entry,
  failed,
  joined,
  note,
  type ReadEvent,
  said,
  tool,
} from '../../views/session/words.ts';

const nothing = (): Entry[] => [];

export const readClaude: ReadEvent = event => {
  const type = text(event.type);
  const kind = type === 'system' ? `system/${text(event.subtype) ?? ''}` : (type ?? '');
  const read = Object.hasOwn(EVENTS, kind) ? EVENTS[kind] : undefined;
  return read ? read(event) : null;
};

const EVENTS: Record<string, (event: Json) => Entry[]> = {
  assistant,
  user: event =>
    list(object(event.message)?.content).flatMap(part => {
      const result = object(part);
      if (result?.type !== 'tool_result' || result.is_error !== true) return [];
      return failed(event, `tool failed: ${answerText(result.content)}`);
    }),
  result: event => {
    const how = text(event.subtype) ?? 'over';
    const facts = joined(
      how,
      typeof event.num_turns === 'number' ? `${event.num_turns} turns` : null,
      dollars(event.total_cost_usd),
    );
    if (event.is_error !== true && how === 'success') return note(event, `session over: ${facts}`);
    const why = text(event.result) ?? answerText(list(event.errors).map(error => ({ text: error })));
    return failed(event, `session over: ${facts}${why === '' ? '' : `: ${why}`}`);
  },
  'system/init': event => note(event, `session ${joined(text(event.session_id), text(event.model))}`),
  'system/api_retry': event =>
    note(
      event,
      `the service answered ${joined(event.error_status == null ? null : String(event.error_status), text(event.error))}; tried again (${event.attempt} of ${event.max_retries})`,
    ),
  'system/permission_denied': event =>
    failed(event, `${text(event.tool_name) ?? 'a tool'} was refused: ${text(event.message) ?? ''}`),
  rate_limit_event: event => {
    const limit = object(event.rate_limit_info);
    if (limit?.status !== 'rejected') return [];
    const { resetsAt } = limit;
    const until =
      typeof resetsAt === 'number' && resetsAt < 8.64e12 ? new Date(resetsAt * 1000).toISOString() : null;
    return failed(event, joined('usage limit reached', text(limit.rateLimitType), until && `until ${until}`));
  },
  'system/vcs_state_changed': event => {
    if (event.kind !== 'push') return [];
    return failed(event, joined('pushed to a remote', text(event.branch), text(event.cwd)));
  },
  'system/model_fallback': event =>
    note(
      event,
      `goes on with ${text(event.fallback_model) ?? 'another model'}: ${text(event.content) ?? text(event.trigger) ?? ''}`,
    ),
  'system/informational': event => (event.level === 'warning' ? note(event, text(event.content) ?? '') : []),
  'system/task_progress': nothing,
  'system/task_summary': nothing,
  'system/thinking_tokens': nothing,
  'system/turn_starting': nothing,
  'system/turn_duration': nothing,
  'system/post_turn_summary': nothing,
  // Pieces of what comes as a whole, signs of life, and what only the program itself has to know.
  stream_event: nothing,
  tool_progress: nothing,
  control_request: nothing,
  control_response: nothing,
  command_lifecycle: nothing,
  'system/status': nothing,
  'system/session_state_changed': nothing,
  'system/compact_boundary': event => note(event, 'the conversation was shortened'),
  'system/worker_shutting_down': nothing,
  'system/ui_invalidate': nothing,
  'system/background_tasks_changed': nothing,
  'system/task_started': nothing,
  'system/task_updated': nothing,
  'system/task_notification': nothing,
};

function assistant(event: Json): Entry[] {
  const parts = list(object(event.message)?.content).map(part => object(part));
  const error = text(event.error);
  if (error !== null) return failed(event, `${error}: ${answerText(parts)}`);
  return parts.flatMap(part => {
    // A sub-agent's words are told by the one who asked it.
    if (part?.type === 'text') return event.parent_tool_use_id == null ? said(event, part.text) : [];
    return part?.type === 'tool_use' ? tool(event, part.name, part.input) : [];
  });
}
