/**
 * How a session over ACP ended: the answers to what the session program asked. A response has no name: the session program
 * says before it what it asks (`rasen/asked`).
 */
import type { AgentOutcome } from '../agent.ts';
import { brokenOff, type Ending, failedAfter, type Seen, type SessionEnding } from '../fold.ts';
import { type Json, object, text } from '../json.ts';
import { outcomeOfError } from '../opencode/error.ts';
import type { SessionEvent } from '../session-event.ts';
import { type AcpFailure, failureOf } from './error.ts';
import { AcpTools } from './tools.ts';
import { AcpUsage } from './usage.ts';

const PROMPT = 'session/prompt';
/** Requests without whose answer there is no session. */
const NEEDED = ['initialize', 'session/new', PROMPT];
const RESUMES = ['session/load', 'session/resume'];
/** Requests that may be open at a time, and more than any session has. */
const MAX_ASKED = 100;

/** Ends of a turn that are not its own, in the protocol's words. */
const BY_STOP: Readonly<Record<string, AcpFailure>> = {
  max_tokens: { outcome: 'context', detail: 'the model had no room left for its answer' },
  max_turn_requests: { outcome: 'budget', detail: 'it reached its limit of requests in one turn' },
  refusal: { outcome: 'failed', detail: 'the model refused to go on' },
  cancelled: { outcome: 'failed', detail: 'its turn was cancelled' },
};

export function acpEnding(seen: Seen): SessionEnding {
  const tools = new AcpTools();
  const usage = new AcpUsage();
  const asked = new Map<unknown, string>();
  let turn: 'none' | 'open' | 'over' = 'none';
  let stop: string | null = null;
  let failure: AcpFailure | null = null;

  const ask = ({ id, method }: Json) => {
    if (asked.size < MAX_ASKED) asked.set(id, text(method) ?? '');
    if (RESUMES.includes(text(method) ?? '')) usage.resumes();
    if (method !== PROMPT) return;
    turn = 'open';
    stop = null;
    failure = null;
    seen.messageOver();
    seen.through = false;
    usage.begins();
  };

  const answer = (event: Json) => {
    const result = object(event.result);
    const error = object(event.error);
    const method = asked.get(event.id) ?? methodOf(result);
    asked.delete(event.id);
    if (method === 'initialize') usage.agent(text(object(result?.agentInfo)?.name));
    if (error !== null) failure = failed(method, failureOf(error)) ?? failure;
    if (method !== PROMPT) return;
    turn = 'over';
    seen.toolsOver();
    if (result === null) return;
    stop = text(result.stopReason) ?? '';
    seen.through = stop === 'end_turn';
    usage.turn(result);
  };

  const own = ({ type, said }: Extract<SessionEvent, { kind: 'own' }>) => {
    if (type === 'rasen/asked') ask(said);
    if (type === 'rasen/refused') seen.deny(said.tool);
    if (type === 'rasen/used') usage.kept(said);
    if (type !== 'rasen/failed') return;
    const kept = keptOf(said);
    // What was said of it is known to mean more.
    if (failure !== null && kept.outcome === 'failed') return;
    failure = kept;
    seen.through = false;
  };

  return {
    counted(event) {
      switch (event.kind) {
        // What is told of a session's past is not said again.
        case 'said':
          return turn === 'none' ? null : event;
        case 'tool':
        case 'tool_over':
          seen.messageOver();
          return turn === 'open' ? tools.whole(event) : null;
        default:
          return event;
      }
    },
    take(event) {
      if (event.kind === 'own') own(event);
      if (event.kind === 'response') answer(event.said);
      if (event.kind === 'usage') usage.cost(event.said);
    },
    usage: () => usage.sum(false),
    end(exit) {
      const whole = failure === null && stop === 'end_turn';
      const spent = usage.sum(!whole);
      const ending = (outcome: AgentOutcome, detail: string | null): Ending => ({
        ...{ outcome, evidence: 'event', detail, retry_at: null, usage: spent },
      });
      if (failure !== null) return ending(failure.outcome, failure.detail);
      if (stop !== null && Object.hasOwn(BY_STOP, stop))
        return ending(BY_STOP[stop]!.outcome, BY_STOP[stop]!.detail);
      if (!whole) return brokenOff(seen, exit, spent);
      if (exit.code !== 0) return failedAfter('turn was over', seen, exit, spent);
      if (seen.denied.length > 0)
        return ending('asked', `nobody was there to allow ${seen.denied.join(', ')}`);
      return ending('ok', null);
    },
  };
}

/** Of a request; null: it goes on without its answer. */
function failed(method: string | null, failure: AcpFailure): AcpFailure | null {
  if (method === null || NEEDED.includes(method)) return failure;
  if (!RESUMES.includes(method)) return null;
  return failure.outcome === 'auth' ? failure : { ...failure, outcome: 'session_lost' };
}

function keptOf(event: Json): AcpFailure {
  const data = object(event.data);
  const name = text(event.name);
  return {
    outcome: outcomeOfError(name, data),
    detail: text(data?.message) ?? name ?? 'an error without words',
  };
}

/** For an answer whose question was not heard. */
function methodOf(result: Json | null): string | null {
  if (result === null) return null;
  if ('stopReason' in result) return PROMPT;
  if ('sessionId' in result) return 'session/new';
  return 'protocolVersion' in result ? 'initialize' : null;
}
