/**
 * Claude Code without a person: `claude -p --output-format stream-json`, spoken with by dialogue.ts; an older
 * version has the prompt on its standard input. Seen with 2.1.329. What its stream is to be taken for:
 *
 * - A process may say `result` more than once (a long command goes on in the background, and wakes it again): the last
 *   one counts, and only when the process has ended.
 * - `subtype: success` may carry `is_error: true`, and exit code 0 may come without any result (SIGINT).
 * - `assistant.usage` has not the output tokens; `total_cost_usd` and `modelUsage` grow over a whole session. What is
 *   summed is `model_usage_since_last_result`.
 * - Nobody is asked: a tool that is not allowed is refused at once, and the session goes on to "success".
 */
import type { Agent, AgentOutcome, AgentRequest, Conversation } from '../agent.ts';
import { sessionEnv } from '../agent.ts';
import type { AgentFolder } from '../folders.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { count, type Json, list, number, object, text } from '../json.ts';
import { sessionId } from '../session-id.ts';
import { brokenOff, type Ending, Seen, streamOf } from '../stream.ts';
import { Meter } from './meter.ts';

/** Enough to write code and run commands; everything else is refused, since there is nobody to ask. */
const ALLOWED_TOOLS = ['Bash', 'Edit', 'MultiEdit', 'NotebookEdit', 'Write', 'WebFetch', 'WebSearch'];

/** Retries of one request before it gives up and rasen waits: about 40 s, where the program's own ten are minutes. */
const MAX_RETRIES = 6;

/** Its settings name programs that it runs (hooks, servers of tools), in every session of the user's. */
export const CLAUDE_FOLDERS: readonly AgentFolder[] = [
  {
    path: '.claude',
    variable: 'CLAUDE_CONFIG_DIR',
    written: true,
    kept: {
      'settings.json': '{}\n',
      ...{ 'settings.local.json': null, 'CLAUDE.md': null, commands: null, agents: null, skills: null },
      ...{ hooks: null, plugins: null, 'output-styles': null, rules: null },
    },
  },
  { path: '.claude.json', written: false },
];

export function claudeAgent(command: readonly string[]): Agent {
  return {
    id: 'claude',
    says_cost: 'yes',
    resumes: true,
    plan: request => {
      const options = optionsOf(request);
      const alone = [...command, '-p', ...options];
      return {
        argv: alone,
        prompt: request.prompt,
        talk: {
          kind: 'claude',
          argv: [
            ...command,
            '-p',
            '--input-format',
            'stream-json',
            '--permission-prompts',
            'none',
            ...options,
          ],
          // A version that does not know these two; it takes the prompt as it is.
          fallback: alone,
          cwd: request.cwd,
          resume: request.resume,
          model: request.model,
          writable: [...request.writable],
        },
        env: sessionEnv(request),
        env_defaults: {
          CLAUDE_CODE_MAX_RETRIES: String(MAX_RETRIES),
          // Nothing may change the program, or talk to anybody but the model, while nobody is there.
          DISABLE_AUTOUPDATER: '1',
          DISABLE_TELEMETRY: '1',
          DISABLE_ERROR_REPORTING: '1',
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        },
      };
    },
    open: resumed => readClaude(resumed),
  };
}

/** In both forms, spoken with or not. */
function optionsOf(request: AgentRequest): string[] {
  return [
    // Partial messages are the sign of life of a long answer, and count its tokens where it is cut off.
    ...['--output-format', 'stream-json', '--verbose', '--include-partial-messages'],
    ...(request.resume === null ? ['--session-id', sessionId(request)] : ['--resume', request.resume]),
    ...(request.model === null ? [] : ['--model', request.model]),
    ...['--permission-mode', 'acceptEdits', '--allowedTools', ALLOWED_TOOLS.join(',')],
    ...request.writable.flatMap(folder => ['--add-dir', folder]),
    // It knows its prices while it works; what it says of them comes with its results alone.
    ...(request.budget_usd === null ? [] : ['--max-budget-usd', dollars(request.budget_usd)]),
  ];
}
/** It takes no 0. */
const dollars = (usd: number) => Math.max(usd, 0.0001).toFixed(4);

/** `error` of an assistant message, in the program's words. */
const BY_ERROR: Readonly<Record<string, AgentOutcome>> = {
  rate_limit: 'limit',
  overloaded: 'overloaded',
  server_error: 'overloaded',
  authentication_failed: 'auth',
  oauth_org_not_allowed: 'auth',
  account_on_hold: 'auth',
  verification_required: 'auth',
  billing_error: 'auth',
  cloud_credential_error: 'auth',
  model_not_found: 'startup',
};

/** `terminal_reason` of a result, where it says more than the error. */
const BY_REASON: Readonly<Record<string, AgentOutcome>> = {
  max_turns: 'budget',
  budget_exhausted: 'budget',
  prompt_too_long: 'context',
  blocking_limit: 'context',
  rapid_refill_breaker: 'context',
};

/** Messages that the program itself made up, `model: <synthetic>`: they stand in for an answer that did not come. */
const CONNECTION =
  /^API Error: .*(?:Connection error|fetch failed|Unable to connect|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)/;
const TOO_LONG = /^(?:API Error: \d+ .*)?prompt is too long/i;

/** Subtypes of `system` events that say nothing about how a session ends; text.ts shows some of them. */
const TOLD = [
  ...['vcs_state_changed', 'model_fallback', 'model_refusal_fallback', 'model_refusal_no_fallback'],
  ...['model_consent_fallback', 'informational', 'notification', 'task_progress', 'task_summary'],
  ...['thinking_tokens', 'turn_starting', 'turn_duration', 'post_turn_summary', 'hook_started'],
  ...['hook_progress', 'hook_response', 'stop_hook_summary', 'memory_recall', 'memory_saved'],
  ...['commands_changed', 'files_persisted', 'session_title_changed', 'mcp_status', 'code_change_published'],
  ...['permission_retry', 'per_turn_effort_changed', 'instruction_size_warning', 'file_attachments_missing'],
];

/** In the errors of a result: there is no transcript of the session that it should go on with. */
const NO_SESSION = /^No conversation found with session ID\b/;

/** Ends before the first event: what the program says on its error channel then. */
const BEFORE_START: readonly { line: RegExp; outcome: AgentOutcome }[] = [
  {
    line: /^error: (?:unknown option|option '|too many arguments|missing required argument)/,
    outcome: 'startup',
  },
  { line: /^--dangerously-skip-permissions cannot be used with root/, outcome: 'startup' },
  // Another process has taken it, or had it before.
  { line: /^Error: Session ID \S+ is already in use\b/, outcome: 'session_lost' },
  { line: /^Not logged in\b/, outcome: 'auth' },
  { line: /^Invalid API key\b/, outcome: 'auth' },
];

interface Failure {
  outcome: AgentOutcome;
  detail: string;
}

function readClaude(resumed = false): Conversation {
  const seen = new Seen();
  let result: Json | null = null;
  /** Of the last answer that was an error in place of an answer. */
  let error: Failure | null = null;
  /** A request that is being tried again; null as soon as an answer came. */
  let retrying: Failure | null = null;
  let limit: { resets_at: number | null } | null = null;
  let early: Failure | null = null;
  const meter = new Meter(resumed);
  /** The last turn is over; commands that it left in the background may wake it again. */
  let answered = false;
  let background = 0;
  const nothing = () => {};
  const turn = (is_over: boolean) => {
    answered = is_over;
    seen.through = answered && background === 0;
  };

  const assistant = (event: Json) => {
    turn(false);
    const message = object(event.message);
    const parts = list(message?.content).map(part => object(part));
    for (const part of parts) if (part?.type === 'tool_use') seen.toolBegan(part.id, part.name, part.input);
    const words = parts
      .map(part => (part?.type === 'text' ? text(part.text) : null))
      .filter(part => part !== null)
      .join('\n');
    const kind = text(event.error);
    if (kind === null) {
      retrying = null;
      error = null;
      limit = null;
      meter.answer(message);
      // A sub-agent's words are not the session's.
      if (words !== '' && event.parent_tool_use_id == null) seen.message(words);
      return;
    }
    error = { outcome: failureOf(kind, number(event.api_error_status), words), detail: words || kind };
  };

  return streamOf(seen, {
    nameOf: (event, type) => (type === 'system' ? `system/${text(event.subtype) ?? ''}` : type),
    events: {
      assistant,
      user: event => {
        for (const part of list(object(event.message)?.content).map(object))
          if (part?.type === 'tool_result') seen.toolEnded(part.tool_use_id, part.content);
      },
      stream_event: event => {
        seen.heard = true;
        turn(false);
        meter.part(event);
      },
      tool_progress: nothing,
      control_request: nothing,
      control_response: nothing,
      command_lifecycle: nothing,
      'system/init': event => {
        turn(false);
        seen.session(event.session_id);
      },
      'system/status': nothing,
      'system/session_state_changed': nothing,
      'system/compact_boundary': () => seen.again('shortens', 'the conversation'),
      'system/worker_shutting_down': nothing,
      'system/ui_invalidate': nothing,
      'system/background_tasks_changed': event => {
        background = list(event.tasks).length;
        turn(answered);
      },
      'system/task_started': nothing,
      'system/task_updated': nothing,
      'system/task_notification': nothing,
      // What is told for views, and answers nothing that is decided.
      ...Object.fromEntries(TOLD.map(name => [`system/${name}`, nothing])),
      'system/permission_denied': event => seen.deny(event.tool_name),
      'system/api_retry': event => {
        const status = number(event.error_status);
        const kind = text(event.error) ?? 'unknown';
        retrying = {
          outcome: status === null && kind === 'unknown' ? 'network' : failureOf(kind, status, ''),
          detail: `${kind}${status === null ? '' : ` (${status})`}, tried ${count(event.attempt)} times`,
        };
      },
      rate_limit_event: event => {
        limit = limitOf(object(event.rate_limit_info));
      },
      result: event => {
        result = event;
        seen.session(event.session_id);
        const words = text(event.result);
        if (words !== null && event.is_error !== true) seen.lastMessage(words);
        for (const denial of list(event.permission_denials)) seen.deny(object(denial)?.tool_name);
        meter.result(event);
        seen.toolsOver();
        turn(true);
      },
    },
    usage: () => meter.usage(false),
    tools: () => background,
    answered: () => answered && result?.is_error !== true,
    errorLine: line => {
      early ??=
        BEFORE_START.flatMap(known =>
          known.line.test(line) ? [{ outcome: known.outcome, detail: line }] : [],
        )[0] ?? null;
    },
    fallback: () => {
      early = null;
    },
    end: exit => {
      const usage = meter.usage(result !== null);
      const end = (failure: Failure, evidence: Ending['evidence'] = 'event'): Ending => ({
        ...failure,
        evidence,
        usage,
        retry_at: failure.outcome === 'limit' ? timeOf(limit?.resets_at ?? null) : null,
      });
      // While a limit is reached every request fails, in whatever words; only who is not logged in has no limit yet.
      const limited = (failure: Failure): Failure =>
        limit === null || failure.outcome === 'auth' ? failure : { ...failure, outcome: 'limit' };
      if (result === null) {
        const last =
          error ?? retrying ?? (limit && { outcome: 'limit', detail: 'its usage limit is reached' });
        if (last) return end(limited(last));
        if (early) return end(early, 'text');
        return brokenOff(seen, exit, usage);
      }
      const detail = text(result.result) ?? list(result.errors).map(text).filter(Boolean).join('; ');
      if (result.is_error !== true && result.subtype === 'success') {
        if (exit.code !== 0)
          return { ...brokenOff(seen, exit, usage), detail: `exit code ${exit.code} after its result` };
        return end(
          seen.denied.length > 0
            ? { outcome: 'asked', detail: `nobody was there to allow the use of ${seen.denied.join(', ')}` }
            : { outcome: 'ok', detail: '' },
        );
      }
      const reason = text(result.terminal_reason) ?? text(result.subtype) ?? 'error';
      if (Object.hasOwn(BY_REASON, reason))
        return end({ outcome: BY_REASON[reason]!, detail: detail || reason });
      if (NO_SESSION.test(detail)) return end({ outcome: 'session_lost', detail });
      const status = number(result.api_error_status);
      const failure = error ?? { outcome: failureOf('unknown', status, detail), detail: detail || reason };
      return end(limited(failure));
    },
  });
}

/** The class of an error: its words where they are plain, its kind, its status. */
function failureOf(kind: string, status: number | null, words: string): AgentOutcome {
  if (TOO_LONG.test(words)) return 'context';
  if (status === null && CONNECTION.test(words)) return 'network';
  if (Object.hasOwn(BY_ERROR, kind)) return BY_ERROR[kind]!;
  return status === null ? 'failed' : outcomeOfStatus(status);
}

/** A limit that is reached; the latest end of all windows that are, since all of them have to be over. */
function limitOf(info: Json | null): { resets_at: number | null } | null {
  if (info?.status !== 'rejected' || info.isUsingOverage === true) return null;
  const windows = Object.values(object(info.unifiedWindows) ?? {})
    .map(object)
    .filter(window => window?.status === 'rejected');
  const ends = [info, ...windows].map(window => number(window?.resetsAt)).filter(end => end !== null);
  return { resets_at: ends.length === 0 ? null : Math.max(...ends) };
}

/** RFC 3339 of seconds since 1970; null for none, and for what no clock can show. */
function timeOf(seconds: number | null): string | null {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
