/**
 * Gemini CLI without a person: `--output-format stream-json`, the prompt on its standard input. Seen with 0.61.0. What
 * to know:
 *
 * - Without GEMINI_CLI_NO_RELAUNCH the agent is a second process, which outlives the first one's SIGKILL.
 * - Its exit code on an error of the server is the HTTP status modulo 256: 173 is 429, and no signal.
 * - A signal makes it exit with 0 and without a result; retries are told on the error channel alone.
 * - It is never asked to go on with an earlier session (`--resume`): the history that it sends then has every answer of
 *   a tool twice, and not the call that was interrupted.
 * - It tells its maker how it is used, which only its settings can turn off.
 * - Only `yolo` gives it a shell; in every other mode its tools are not even offered to the model.
 */
import type { Agent, AgentOutcome, Conversation, Usage } from '../agent.ts';
import { sessionEnv } from '../agent.ts';
import type { AgentFolder } from '../folders.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { count, type Json, number, object, text } from '../json.ts';
import { sessionId } from '../session-id.ts';
import { brokenOff, type Ending, Seen, streamOf } from '../stream.ts';
import { outcomeOfWords } from './error.ts';

/** Its settings name programs that it runs (servers of tools, extensions), in every session of the user's. */
export const GEMINI_FOLDERS: readonly AgentFolder[] = [
  {
    path: '.gemini',
    written: true,
    kept: {
      'settings.json': '{}\n',
      ...{ 'GEMINI.md': null, '.env': null, commands: null, extensions: null, policies: null, hooks: null },
      ...{ 'trustedFolders.json': null, agents: null, skills: null },
    },
  },
];

export function geminiAgent(command: readonly string[]): Agent {
  return {
    id: 'gemini',
    resumes: false,
    says_tokens_at_end_only: true,
    plan: request => ({
      argv: [
        ...command,
        ...['--output-format', 'stream-json', '--approval-mode', 'yolo', '--skip-trust'],
        ...['--session-id', sessionId(request)],
        ...(request.model === null ? [] : ['--model', request.model]),
        ...request.writable.flatMap(folder => ['--include-directories', folder]),
      ],
      prompt: request.prompt,
      talk: null,
      env: { ...sessionEnv(request), GEMINI_CLI_NO_RELAUNCH: 'true' },
      env_defaults: { GEMINI_TELEMETRY_ENABLED: 'false' },
    }),
    open: () => readGemini(),
  };
}

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

interface Failure {
  outcome: AgentOutcome;
  detail: string;
}

function readGemini(): Conversation {
  const seen = new Seen();
  let result: Json | null = null;
  let retrying: Failure | null = null;
  /** Whether the last piece of text was the assistant's: then the next one goes on with it. */
  let talking = false;
  /** Until a tool is used after it. */
  let loop: string | null = null;
  const answered = () => {
    retrying = null;
  };
  const tool = () => {
    answered();
    talking = false;
    loop = null;
    seen.through = false;
  };

  return streamOf(seen, {
    nameOf: (_event, type) => type,
    events: {
      init: event => seen.session(event.session_id),
      message: event => {
        if (event.role !== 'assistant') {
          talking = false;
          return;
        }
        answered();
        const words = typeof event.content === 'string' ? event.content : '';
        if (talking && event.delta === true) seen.messagePart(words);
        else seen.message(words);
        talking = true;
      },
      tool_use: event => {
        tool();
        seen.toolBegan(event.tool_id, event.tool_name, event.parameters);
      },
      tool_result: event => {
        tool();
        seen.toolEnded(event.tool_id, [event.status, event.output, event.error]);
      },
      // A warning: what ends a session is in its result, but for this one.
      error: event => {
        const words = text(event.message) ?? '';
        loop = LOOP.test(words) ? words : loop;
      },
      result: event => {
        result = event;
        seen.toolsOver();
        seen.through = true;
      },
    },
    usage: () => (result === null ? null : usageOf(object(result.stats))),
    errorLine: line => {
      const retry = RETRY.exec(line);
      if (!retry) return;
      const status = Number(retry[1] ?? Number.NaN);
      const network = NETWORK.test(RETRY_CAUSE.exec(retry[2]!)?.[1] ?? '');
      const outcome = !Number.isNaN(status) ? outcomeOfStatus(status) : network ? 'network' : 'failed';
      retrying = { outcome, detail: line };
    },
    end: exit => {
      const usage = result === null ? null : usageOf(object(result.stats));
      if (result === null) return { ...endWithoutResult(seen, exit.code, retrying), usage };
      const error = object(result.error);
      if (result.status === 'success' && error === null) {
        if (loop !== null)
          return { outcome: 'failed', evidence: 'event', detail: loop, retry_at: null, usage };
        if (exit.code === 0) return { outcome: 'ok', evidence: 'event', detail: null, retry_at: null, usage };
        return { ...brokenOff(seen, exit, usage), detail: `exit code ${exit.code} after its result` };
      }
      const detail = text(error?.message) ?? 'an error without words';
      const outcome =
        text(error?.type) === 'FatalTurnLimitedError' ? 'budget' : outcomeOfError(detail, exit.code);
      return { outcome, evidence: 'event', detail: wordsOf(detail), retry_at: null, usage };
    },
  });
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
