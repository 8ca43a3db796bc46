/** How a session of Codex ended, whichever way it was started: its last turn, and the failure that it did not get over. */
import type { AgentExit, Usage } from '../agent.ts';
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
import { count, type Json, object, text } from '../json.ts';
import type { SessionEvent } from '../session-event.ts';
import { type CodexFailure, failureOf, outcomeOfFailure, refusalOf } from './error.ts';
import { resetOf } from './reset-time.ts';
import { ServerMeter } from './server-meter.ts';

/** Ends before the first event. */
const BEFORE_START: BeforeStart = [
  {
    line: /^error: (?:unexpected argument|invalid value|the following required|unrecognized subcommand)/,
    outcome: 'startup',
  },
  { line: /^Not inside a trusted directory\b/, outcome: 'startup' },
  { line: /^Error loading config/, outcome: 'startup' },
  { line: /^Error: thread\/resume: .*no rollout found\b/, outcome: 'session_lost' },
  { line: /^Not logged in\b/, outcome: 'auth' },
];

export function codexEnding(seen: Seen): SessionEnding {
  const meter = new ServerMeter();
  let turn: 'none' | 'open' | 'completed' | 'failed' | 'interrupted' = 'none';
  /** Until something goes on. */
  let failure: CodexFailure | null = null;
  let usage: Usage | null = null;
  let thread: string | null = null;
  let early: Failure | null = null;

  /** Of the session itself, and not of one that it started for a part of the work. */
  const isOwn = (event: SessionEvent & { thread?: unknown }) =>
    event.thread === undefined || thread === null || event.thread === thread;

  return {
    counted(event) {
      if (isOwn(event)) return event;
      switch (event.kind) {
        case 'said':
          return { kind: 'answers', goes_on: false };
        case 'turn':
        case 'over':
        case 'failed':
          return null;
        default:
          return event;
      }
    },
    take(event) {
      switch (event.kind) {
        case 'turn':
          turn = 'open';
          failure = null;
          seen.through = false;
          break;
        case 'said':
          failure = null;
          break;
        case 'tool':
          if (isOwn(event)) failure = null;
          break;
        case 'answers':
          if (event.goes_on && isOwn(event)) failure = null;
          break;
        case 'usage':
          if (event.of === 'thread') {
            meter.told(text(event.said.threadId) ?? '', object(event.said.tokenUsage), turn !== 'none');
            usage = meter.usage;
          } else usage = usageOf(event.said);
          break;
        case 'limit':
          meter.limits(event.said);
          break;
        case 'failed':
          failure = failureOf(event.said) ?? failure;
          break;
        case 'over':
          turn = event.how === 'completed' || event.how === 'interrupted' ? event.how : 'failed';
          failure = turn === 'failed' ? (failureOf(object(event.said.error)) ?? failure) : null;
          seen.through = true;
          break;
        case 'response': {
          const error = object(event.said.error);
          const id = text(object(object(event.said.result)?.thread)?.id);
          thread ??= id;
          // Later ones are of notes, which have another way to be told.
          if (error !== null && turn === 'none')
            failure = { message: text(error.message) ?? 'it refused to begin', outcome: refusalOf(error) };
          break;
        }
        case 'own':
          if (event.type === 'rasen/fallback') early = null;
          break;
      }
    },
    usage: () => usage,
    errorLine(line) {
      early ??= failedBeforeStart(line, BEFORE_START);
    },
    end(exit) {
      const cut = turn === 'open' || turn === 'interrupted';
      const spent = usage && { ...usage, partial: cut };
      if (turn === 'completed')
        return exit.code === 0
          ? endedWell(seen, spent)
          : failedAfter('turn was completed', seen, exit, spent);
      if (failure !== null) return endOf(failure, exit, spent, meter);
      if (turn === 'none' && early) return { ...early, evidence: 'text', retry_at: null, usage: spent };
      const ending = brokenOff(seen, exit, spent);
      return turn === 'interrupted' ? { ...ending, detail: 'its turn was interrupted' } : ending;
    },
  };
}

function endOf(failure: CodexFailure, exit: AgentExit, usage: Usage | null, meter: ServerMeter): Ending {
  const { outcome, detail } = outcomeOfFailure(failure);
  const end = new Date(meter.limits_end_ms() ?? Number.NaN);
  const stated = Number.isNaN(end.getTime()) ? resetOf(detail, exit) : end.toISOString();
  return { outcome, evidence: 'event', detail, retry_at: outcome === 'limit' ? stated : null, usage };
}

function usageOf(usage: Json): Usage {
  return {
    input_tokens: count(usage.input_tokens),
    cached_input_tokens: count(usage.cached_input_tokens),
    output_tokens: count(usage.output_tokens),
    cost_usd: null,
    partial: false,
  };
}
