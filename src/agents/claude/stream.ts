/** The stream of Claude Code (`--output-format stream-json`) as events. */
import { type Json, list, number, object, text } from '../json.ts';
import { nameOf, unknownEvent } from '../read-line.ts';
import type { ReadEvent, SessionEvent } from '../session-event.ts';
import { answerText, dollars, joined } from '../words.ts';

export const readClaude: ReadEvent = event => {
  const type = nameOf(event);
  const name = type === 'system' ? `system/${text(event.subtype) ?? ''}` : (type ?? '');
  if (Object.hasOwn(EVENTS, name)) return EVENTS[name]!(event);
  return SILENT.has(name) ? [] : unknownEvent(name);
};

const EVENTS: Readonly<Record<string, ReadEvent>> = {
  assistant,
  user: event =>
    parts(event).flatMap(part => {
      if (part.type !== 'tool_result') return [];
      const failed = part.is_error === true ? `tool failed: ${answerText(part.content)}` : null;
      return [{ kind: 'tool_over', id: part.tool_use_id, answer: part.content, failed }];
    }),
  stream_event: event => [{ kind: 'answers', goes_on: false, said: event }],
  result,
  'system/init': event => [
    { kind: 'turn' },
    { kind: 'session', id: event.session_id, model: text(event.model), opened: true },
  ],
  'system/compact_boundary': () => [{ kind: 'shortened' }],
  'system/background_tasks_changed': event => [{ kind: 'background', running: list(event.tasks).length }],
  'system/permission_denied': event => [
    { kind: 'refused', tool: event.tool_name, words: text(event.message) ?? '' },
  ],
  'system/api_retry': event => {
    const { error_status: status, attempt, max_retries } = event;
    const answer = joined(status == null ? null : String(status), text(event.error));
    const words = `the service answered ${answer}; tried again (${attempt} of ${max_retries})`;
    return [{ kind: 'retries', words, said: event }];
  },
  rate_limit_event: event => {
    const info = object(event.rate_limit_info);
    if (info?.status !== 'rejected') return [{ kind: 'limit', words: null, said: info }];
    const until = timeOf(number(info.resetsAt));
    const words = joined('usage limit reached', text(info.rateLimitType), until && `until ${until}`);
    return [{ kind: 'limit', words, said: info }];
  },
  'system/vcs_state_changed': event => {
    if (event.kind !== 'push') return [];
    return [{ kind: 'warning', words: joined('pushed to a remote', text(event.branch), text(event.cwd)) }];
  },
  'system/model_fallback': event => {
    const model = text(event.fallback_model) ?? 'another model';
    const why = text(event.content) ?? text(event.trigger) ?? '';
    return [{ kind: 'note', words: `goes on with ${model}: ${why}` }];
  },
  'system/informational': event =>
    event.level === 'warning' ? [{ kind: 'note', words: text(event.content) ?? '' }] : [],
};

/** Subtypes of `system` events that are known, and nothing follows from them. */
const SILENT_SYSTEM = [
  ...['model_refusal_fallback', 'model_refusal_no_fallback'],
  ...['model_consent_fallback', 'notification', 'task_progress', 'task_summary'],
  ...['thinking_tokens', 'turn_starting', 'turn_duration', 'post_turn_summary', 'hook_started'],
  ...['hook_progress', 'hook_response', 'stop_hook_summary', 'memory_recall', 'memory_saved'],
  ...['commands_changed', 'files_persisted', 'session_title_changed', 'mcp_status', 'code_change_published'],
  ...['permission_retry', 'per_turn_effort_changed', 'instruction_size_warning', 'file_attachments_missing'],
  ...[
    'status',
    'session_state_changed',
    'worker_shutting_down',
    'ui_invalidate',
    'task_started',
    'task_updated',
  ],
  ...['task_notification'],
];
const SILENT: ReadonlySet<string> = new Set([
  ...['tool_progress', 'control_request', 'control_response', 'command_lifecycle'],
  ...SILENT_SYSTEM.map(subtype => `system/${subtype}`),
]);

const parts = (event: Json): Json[] =>
  list(object(event.message)?.content)
    .map(object)
    .filter(part => part !== null);

function assistant(event: Json): SessionEvent[] {
  const said = parts(event);
  const words = said
    .map(part => (part.type === 'text' ? text(part.text) : null))
    .filter(part => part !== null)
    .join('\n');
  const error = text(event.error);
  if (error !== null) {
    const why = { kind: error, status: event.api_error_status, words };
    return [{ kind: 'failed', words: `${error}: ${answerText(said)}`, said: why }];
  }
  const usage = object(event.message) ?? {};
  return [
    { kind: 'answers', goes_on: true },
    { kind: 'usage', of: 'call', said: usage },
    // A sub-agent's words are told by the one who asked it.
    ...(words !== '' && event.parent_tool_use_id == null ? [{ kind: 'said', text: words } as const] : []),
    ...said.flatMap(({ type, id, name, input }): SessionEvent[] =>
      type === 'tool_use' ? [{ kind: 'tool', id, name, input, shown: { name, on: input } }] : [],
    ),
  ];
}

function result(event: Json): SessionEvent[] {
  const how = text(event.subtype);
  const turns = typeof event.num_turns === 'number' ? `${event.num_turns} turns` : null;
  const facts = joined(how ?? 'over', turns, dollars(event.total_cost_usd));
  const failed = event.is_error === true || how !== 'success';
  const why = text(event.result) ?? answerText(list(event.errors).map(error => ({ text: error })));
  const words = `session over: ${facts}${failed && why !== '' ? `: ${why}` : ''}`;
  return [
    { kind: 'session', id: event.session_id, model: null, opened: false },
    ...list(event.permission_denials).map(
      (denial): SessionEvent => ({ kind: 'refused', tool: object(denial)?.tool_name, words: null }),
    ),
    { kind: 'over', how, failed, words, said: event },
  ];
}

/** RFC 3339 of seconds since 1970; null for none, and for what no clock can show. */
export function timeOf(seconds: number | null): string | null {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
