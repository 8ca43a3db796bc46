/** How a session of Gemini CLI ended: its result, its exit code, and what it said of retries. */
import type { AgentOutcome, Usage } from '../agent.ts';
import {
  brokenOff,
  type Ending,
  endedWell,
  type Failure,
  failedAfter,
  type Seen,
  type SessionEnding,
} from '../fold.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { count, type Json, number, object, text } from '../json.ts';
import { outcomeOfWords } from './error.ts';

/** Its own exit codes. */
const EXIT = { auth: 41, input: 42, config: 52, turns: 53 } as const;
/** HTTP statuses that it exits with, modulo 256. Deaths by signal with the same numbers do not occur (SIGCHLD, SIGSTOP, beyond). */
const STATUSES = [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529];
const STATUS_BY_EXIT: ReadonlyMap<number, number> = new Map(STATUSES.map(status => [status % 256, status]));

/** `[API Error: …]`, made by the program; inside of it a text of its own, or the server's answer as it came. */
const API_ERROR = /^\[API Error: ([\s\S]*?)\](?:\n|$)/;
/** No answer, or one that was cut: by whom, nobody knows, and it is no answer either way. An older version has no words for it. */
const NETWORK =
  /^(?:exception )?(?:\w*Error: )?(?:An unknown error occurred\b|fetch failed\b|terminated\b|read ECONNRESET|socket hang up|other side closed|Premature close|Incomplete JSON segment|Unexpected (?:token|end of JSON)|Unterminated string in JSON|Expected .* in JSON\b)/i;
/** It found itself in a loop and stopped, which its result calls a success. */
const LOOP = /^Loop detected\b/;

/** Lines of the error channel about a request that is tried again. */
const RETRY = /^Attempt \d+ failed(?: with status (\d{3}))?\. Retrying with backoff\.\.\.(.*)$/;
const RETRY_CAUSE = /^ (?:Error: )?(.*)$/s;

export function geminiEnding(seen: Seen): SessionEnding {
  let result: Json | null = null;
  let retrying: Failure | null = null;
  /** Until a tool is used after it. */
  let loop: string | null = null;

  return {
    take(event) {
      switch (event.kind) {
        case 'said':
          retrying = null;
          break;
        case 'tool':
        case 'tool_over':
          retrying = null;
          loop = null;
          seen.through = false;
          break;
        // A warning: what ends a session is in its result, but for this one.
        case 'failed': {
          const words = text(event.said?.message) ?? '';
          loop = LOOP.test(words) ? words : loop;
          break;
        }
        case 'over':
          result = event.said;
          seen.through = true;
          break;
      }
    },
    usage: () => (result === null ? null : usageOf(object(result.stats))),
    errorLine(line) {
      const retry = RETRY.exec(line);
      if (!retry) return;
      const status = Number(retry[1] ?? Number.NaN);
      const network = NETWORK.test(RETRY_CAUSE.exec(retry[2]!)?.[1] ?? '');
      const outcome = !Number.isNaN(status) ? outcomeOfStatus(status) : network ? 'network' : 'failed';
      retrying = { outcome, detail: line };
    },
    end(exit) {
      if (result === null) return endWithoutResult(seen, exit.code, retrying);
      const usage = usageOf(object(result.stats));
      const error = object(result.error);
      if (result.status === 'success' && error === null) {
        if (loop !== null)
          return { outcome: 'failed', evidence: 'event', detail: loop, retry_at: null, usage };
        return exit.code === 0 ? endedWell(seen, usage) : failedAfter('result', seen, exit, usage);
      }
      const detail = text(error?.message) ?? 'an error without words';
      const outcome =
        text(error?.type) === 'FatalTurnLimitedError' ? 'budget' : outcomeOfError(detail, exit.code);
      return { outcome, evidence: 'event', detail: wordsOf(detail), retry_at: null, usage };
    },
  };
}

/** The program's own words first, then the status in the server's answer, then the exit code. */
function outcomeOfError(message: string, code: number | null): AgentOutcome {
  const inner = API_ERROR.exec(message)?.[1]?.trim() ?? '';
  const answer = answerOf(inner);
  const words = answer?.message ?? inner;
  if (NETWORK.test(words)) return 'network';
  const known = outcomeOfWords(words);
  if (known !== null) return known;
  if (answer?.code != null) return outcomeOfStatus(answer.code);
  return outcomeOfExit(code) ?? 'failed';
}

function outcomeOfExit(code: number | null): AgentOutcome | null {
  if (code === null) return null;
  if (code === EXIT.auth) return 'auth';
  if (code === EXIT.config) return 'startup';
  if (code === EXIT.turns) return 'budget';
  const status = STATUS_BY_EXIT.get(code);
  return status === undefined ? null : outcomeOfStatus(status);
}

function endWithoutResult(seen: Seen, code: number | null, retrying: Failure | null): Ending {
  const broken = brokenOff(seen, { code }, null);
  const own = outcomeOfExit(code);
  // Input that it refuses before it begins: flags, or a session that is not there.
  if (code === EXIT.input) return { ...broken, outcome: 'startup' };
  if (own) return { ...broken, outcome: own };
  return retrying ? { ...broken, ...retrying, evidence: 'text' } : broken;
}

/** The server's answer inside of an error, if it is one. */
function answerOf(inner: string): { code: number | null; message: string } | null {
  if (!inner.startsWith('{')) return null;
  try {
    const error = object(object(JSON.parse(inner))?.error);
    return error && { code: number(error.code), message: text(error.message) ?? '' };
  } catch {
    return null;
  }
}

function wordsOf(message: string): string {
  const inner = API_ERROR.exec(message)?.[1];
  return inner === undefined ? message : (answerOf(inner.trim())?.message ?? inner);
}

function usageOf(stats: Json | null): Usage | null {
  if (stats === null) return null;
  return {
    input_tokens: count(stats.input_tokens),
    cached_input_tokens: count(stats.cached),
    output_tokens: count(stats.output_tokens),
    cost_usd: null,
    partial: false,
  };
}
