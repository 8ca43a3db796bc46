/** How a session of Claude Code ended: its last result, or the error that it broke off with. */
import type { AgentOutcome } from '../agent.ts';
import {
  type BeforeStart,
  brokenOff,
  type Ending,
  endedWell,
  type Failure,
  failedAfter,
  failedBeforeStart,
  type Seen,
  type SessionEnding,
} from '../fold.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { count, type Json, list, number, object, text } from '../json.ts';
import { Meter } from './meter.ts';
import { timeOf } from './stream.ts';

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

/** In the errors of a result: there is no transcript of the session that it should go on with. */
const NO_SESSION = /^No conversation found with session ID\b/;

/** Ends before the first event: what the program says on its error channel then. */
const BEFORE_START: BeforeStart = [
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

export function claudeEnding(seen: Seen, resumed = false): SessionEnding {
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
  const turn = (is_over: boolean) => {
    answered = is_over;
    seen.through = answered && background === 0;
  };
  // While a limit is reached every request fails, in whatever words; only who is not logged in has no limit yet.
  const limited = (failure: Failure): Failure =>
    limit === null || failure.outcome === 'auth' ? failure : { ...failure, outcome: 'limit' };

  return {
    take(event) {
      switch (event.kind) {
        case 'turn':
          turn(false);
          break;
        case 'usage':
          turn(false);
          meter.answer(event.said);
          break;
        case 'answers':
          turn(false);
          if (event.said) meter.part(event.said);
          if (!event.goes_on) break;
          retrying = null;
          error = null;
          limit = null;
          break;
        case 'failed': {
          turn(false);
          const { kind, status, words } = event.said ?? {};
          const name = text(kind) ?? '';
          const said = text(words) ?? '';
          error = { outcome: failureOf(name, number(status), said), detail: said || name };
          break;
        }
        case 'background':
          background = event.running;
          turn(answered);
          break;
        case 'retries': {
          const status = number(event.said.error_status);
          const kind = text(event.said.error) ?? 'unknown';
          retrying = {
            outcome: status === null && kind === 'unknown' ? 'network' : failureOf(kind, status, ''),
            detail: `${kind}${status === null ? '' : ` (${status})`}, tried ${count(event.said.attempt)} times`,
          };
          break;
        }
        case 'limit':
          limit = limitOf(event.said);
          break;
        case 'over': {
          result = event.said;
          const words = text(result.result);
          if (words !== null && result.is_error !== true) seen.lastMessage(words);
          meter.result(result);
          turn(true);
          break;
        }
        case 'own':
          if (event.type === 'rasen/fallback') early = null;
          break;
      }
    },
    usage: () => meter.usage(false),
    tools: () => background,
    answered: () => answered && result?.is_error !== true,
    errorLine(line) {
      early ??= failedBeforeStart(line, BEFORE_START);
    },
    end(exit) {
      const usage = meter.usage(result !== null);
      const end = (failure: Failure, evidence: Ending['evidence'] = 'event'): Ending => ({
        ...failure,
        evidence,
        usage,
        retry_at: failure.outcome === 'limit' ? timeOf(limit?.resets_at ?? null) : null,
      });
      if (result === null) {
        const last =
          error ?? retrying ?? (limit && { outcome: 'limit', detail: 'its usage limit is reached' });
        if (last) return end(limited(last));
        if (early) return end(early, 'text');
        return brokenOff(seen, exit, usage);
      }
      if (result.is_error !== true && result.subtype === 'success')
        return exit.code === 0 ? endedWell(seen, usage) : failedAfter('result', seen, exit, usage);
      const detail = text(result.result) ?? list(result.errors).map(text).filter(Boolean).join('; ');
      const reason = text(result.terminal_reason) ?? text(result.subtype) ?? 'error';
      if (Object.hasOwn(BY_REASON, reason))
        return end({ outcome: BY_REASON[reason]!, detail: detail || reason });
      if (NO_SESSION.test(detail)) return end({ outcome: 'session_lost', detail });
      const status = number(result.api_error_status);
      const failure = error ?? { outcome: failureOf('unknown', status, detail), detail: detail || reason };
      return end(limited(failure));
    },
  };
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
