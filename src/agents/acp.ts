/**
 * Any program that speaks the Agent Client Protocol (version 1) on its standard input and output, such as
 * `opencode acp` or `gemini --acp`. The session program speaks with it (session/acp.ts); here is read what it said. What
 * the protocol does not have, nobody can tell: when a limit ends, that a request is tried again, what a model's call
 * cost before its turn is over. So the outcomes are coarser than those of the agents that have a reader of their own:
 *
 * - Errors have no class but a missing login: acp-error.ts knows those of known programs. How a turn of OpenCode failed is
 *   in its own record of the session, which the session program looks up (`rasen/failed`).
 * - A response has no name: the session program says before it what it asks (`rasen/asked`).
 * - Tokens are counted where a turn ends; OpenCode counts the last call of it alone, and has all of them in its own record
 *   (`rasen/used`). The cost is that of the session so far: the part of this process is known where the session is new, or
 *   its sum was said before the first prompt.
 * - A session that is loaded is told once more from its beginning, before the prompt; none of that is of this process.
 */

import { type AcpFailure, failureOf } from './acp-error.ts';
import { AcpTools } from './acp-tools.ts';
import { AcpUsage } from './acp-usage.ts';
import type { Agent, AgentOutcome, Conversation, Talk } from './agent.ts';
import { sessionEnv } from './agent.ts';
import { type Json, object, text } from './json.ts';
import { OPENCODE_ENV } from './opencode.ts';
import { outcomeOfError } from './opencode-error.ts';
import { ANSWER, brokenOff, type Ending, Seen, streamOf } from './stream.ts';

export function acpAgent(command: readonly string[]): Agent {
  return {
    id: 'acp',
    says_cost: 'some',
    says_tokens_at_end_only: true,
    // Gemini sends the model every answer of a tool twice when it goes on with a session, and may lose the session.
    resumes: !isGemini(command),
    plan: request => {
      const argv = [...command, ...foldersOf(command, request.writable)];
      const { cwd, resume, model } = request;
      return {
        argv,
        prompt: request.prompt,
        talk: {
          ...{ kind: 'acp', argv, fallback: null, cwd, resume, model, writable: [...request.writable] },
          ...recordOf(command),
        },
        env: { ...sessionEnv(request), GEMINI_CLI_NO_RELAUNCH: 'true' },
        // What the programs need that are known to speak it; the others do not look at it.
        env_defaults: {
          ...OPENCODE_ENV,
          // What it asks a model for a title of a session that nobody opens is in no sum.
          OPENCODE_CONFIG_CONTENT: '{"agent":{"title":{"disable":true}}}',
          GEMINI_TELEMETRY_ENABLED: 'false',
        },
      };
    },
    open: () => readAcp(),
  };
}

const isGemini = (command: readonly string[]) =>
  command.includes('--acp') && command.some(word => /(?:^|\/)gemini(?:\.js)?$/.test(word));

/** Gemini has no way to hear of further folders over the protocol, and writes no file where it was not told of one. */
const foldersOf = (command: readonly string[], folders: readonly string[]) =>
  isGemini(command) ? folders.flatMap(folder => ['--include-directories', folder]) : [];

/** Over the protocol, OpenCode tells no status of the model's server; in what it keeps of a session it does. */
function recordOf(command: readonly string[]): Pick<Talk, 'record'> {
  const program = command.findIndex(word => /(?:^|\/)opencode(?:\.js)?$/.test(word));
  const acp = command.indexOf('acp', program + 1);
  return program < 0 || acp < 0 ? {} : { record: [...command.slice(0, acp), 'export'] };
}

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

function readAcp(): Conversation {
  const seen = new Seen();
  const tools = new AcpTools(seen);
  const usage = new AcpUsage();
  const asked = new Map<unknown, string>();
  let turn: 'none' | 'open' | 'over' = 'none';
  let stop: string | null = null;
  let failure: AcpFailure | null = null;
  let message: unknown = null;
  const nothing = () => {};

  const ask = ({ id, method }: Json) => {
    if (asked.size < MAX_ASKED) asked.set(id, text(method) ?? '');
    if (RESUMES.includes(text(method) ?? '')) usage.resumes();
    if (method !== PROMPT) return;
    turn = 'open';
    stop = null;
    failure = null;
    message = null;
    seen.through = false;
    usage.begins();
  };

  const answer = (event: Json) => {
    const result = object(event.result);
    const error = object(event.error);
    const method = asked.get(event.id) ?? methodOf(result);
    asked.delete(event.id);
    if (method === 'initialize') usage.agent(text(object(result?.agentInfo)?.name));
    seen.session(result?.sessionId);
    if (error !== null) failure = failed(method, failureOf(error)) ?? failure;
    if (method !== PROMPT) return;
    turn = 'over';
    seen.toolsOver();
    if (result === null) return;
    stop = text(result.stopReason) ?? '';
    seen.through = stop === 'end_turn';
    usage.turn(result);
  };

  /** Only while it works: what is told of a session's past is not said again. */
  const chunk = (update: Json) => {
    if (turn === 'none') return;
    const words = object(update.content)?.text;
    if (typeof words !== 'string') return;
    const id = update.messageId ?? 'one without a name';
    if (message === id) seen.messagePart(words);
    else seen.message(words);
    message = id;
  };
  const tool = (update: Json) => {
    message = null;
    if (turn === 'open') tools.told(update);
  };

  const updates: Readonly<Record<string, (update: Json) => void>> = {
    agent_message_chunk: chunk,
    tool_call: tool,
    tool_call_update: tool,
    usage_update: update => usage.cost(update),
    user_message_chunk: nothing,
    agent_thought_chunk: nothing,
    plan: nothing,
    available_commands_update: nothing,
    current_mode_update: nothing,
    config_option_update: nothing,
    session_info_update: nothing,
    notice: nothing,
  };

  return streamOf(seen, {
    nameOf: (event, type) => {
      if (type === 'session/update') return `update/${text(updateOf(event)?.sessionUpdate) ?? ''}`;
      // Additions of a program's own, by the protocol's rule for their names.
      return type.startsWith('_') ? '_' : type;
    },
    events: {
      ...Object.fromEntries(
        Object.entries(updates).map(([kind, take]) => [
          `update/${kind}`,
          (event: Json) => {
            const params = object(event.params);
            seen.session(params?.sessionId);
            take(updateOf(event) ?? {});
          },
        ]),
      ),
      [ANSWER]: answer,
      'rasen/asked': ask,
      'rasen/refused': event => seen.deny(event.tool),
      'rasen/failed': event => {
        const kept = keptOf(event);
        // What was said of it is known to mean more.
        if (failure !== null && kept.outcome === 'failed') return;
        failure = kept;
        seen.through = false;
      },
      'rasen/used': event => usage.kept(event),
      'session/request_permission': event => {
        const call = object(object(event.params)?.toolCall);
        if (call && turn === 'open') tools.told(call);
      },
      'fs/read_text_file': nothing,
      'fs/write_text_file': nothing,
      'elicitation/create': nothing,
      'elicitation/complete': nothing,
      '$/cancel_request': nothing,
      _: nothing,
    },
    errorLine: nothing,
    usage: () => usage.sum(false),
    end: exit => {
      const whole = failure === null && stop === 'end_turn';
      const spent = usage.sum(!whole);
      const ending = (outcome: AgentOutcome, detail: string | null): Ending => ({
        ...{ outcome, evidence: 'event', detail, retry_at: null, usage: spent },
      });
      if (failure !== null) return ending(failure.outcome, failure.detail);
      if (stop !== null && Object.hasOwn(BY_STOP, stop))
        return ending(BY_STOP[stop]!.outcome, BY_STOP[stop]!.detail);
      if (!whole) return brokenOff(seen, exit, spent);
      if (exit.code !== 0)
        return { ...brokenOff(seen, exit, spent), detail: `exit code ${exit.code} after its turn was over` };
      if (seen.denied.length > 0)
        return ending('asked', `nobody was there to allow ${seen.denied.join(', ')}`);
      return ending('ok', null);
    },
  });
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

const updateOf = (event: Json) => object(object(event.params)?.update);

/** For an answer whose question was not heard. */
function methodOf(result: Json | null): string | null {
  if (result === null) return null;
  if ('stopReason' in result) return PROMPT;
  if ('sessionId' in result) return 'session/new';
  return 'protocolVersion' in result ? 'initialize' : null;
}
