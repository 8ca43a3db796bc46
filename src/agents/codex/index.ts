/**
 * Codex without a person: `codex app-server`, which is spoken with (server.ts has its events), and for versions
 * without it `codex exec --json`, the prompt on its standard input. Seen with 0.169.0. What to know:
 *
 * - Its sandbox takes git's folders for read-only, in a linked worktree also the worktree's own: they are named to it as
 *   writable, or no commit would be made, without a word of it in the stream.
 * - Where it cannot make its sandbox every command fails in it, without a word, too.
 * - What is refused in the sandbox is no event, and the exit code is 0.
 * - Errors of `codex exec` are texts. Only those of `error` and `turn.failed` are read, from their beginning.
 * - Usage of `codex exec` counts over the thread, told when a turn is completed.
 */
import { AGENT_LOGINS, logsInWith } from '../../engine/recipient.ts';
import { instantOf, wallTimeAt } from '../../engine/wall-time.ts';
import type { Agent, AgentExit, AgentOutcome, AgentRequest, Conversation, Usage } from '../agent.ts';
import { sessionEnv } from '../agent.ts';
import type { AgentFolder } from '../folders.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { count, type Json, object, text } from '../json.ts';
import { brokenOff, type Ending, Seen, streamOf } from '../stream.ts';
import { type CodexSession, type Failure, ServerMeter, serverEventName, serverEvents } from './server.ts';

/** config.toml names programs that it runs (notify, servers of tools), in every session of the user's. */
export const CODEX_FOLDERS: readonly AgentFolder[] = [
  {
    path: '.codex',
    variable: 'CODEX_HOME',
    written: true,
    kept: {
      'config.toml': '',
      ...{ 'AGENTS.md': null, prompts: null, skills: null, rules: null, hooks: null, 'hooks.json': null },
    },
  },
];

export function codexAgent(command: readonly string[]): Agent {
  return {
    id: 'codex',
    resumes: true,
    plan: request => {
      const { model, resume, cwd } = request;
      const argv = [...command, ...execArgs(request)];
      // Before the subcommand: an older version forgets the user's own before it where there are some after it.
      const server = [...command, ...settings(request), 'app-server'];
      const writable = [...request.writable];
      return {
        argv,
        prompt: request.prompt,
        talk: { kind: 'codex', argv: server, fallback: argv, cwd, resume, model, writable },
        env: sessionEnv(request),
        env_defaults: {},
      };
    },
    open: () => readCodex(),
  };
}

function execArgs(request: AgentRequest): string[] {
  return [
    ...settings(request),
    'exec',
    ...(request.resume === null ? [] : ['resume']),
    ...['--json', '--skip-git-repo-check'],
    ...(request.model === null ? [] : ['--model', request.model]),
    ...(request.resume === null ? [] : [request.resume]),
    '-',
  ];
}

const settings = ({ writable, own_sandbox }: AgentRequest): string[] => [
  ...setting('sandbox_mode', own_sandbox ? '"workspace-write"' : '"danger-full-access"'),
  ...setting('sandbox_workspace_write.writable_roots', JSON.stringify(writable)),
  // Nothing may change the program, or talk to anybody but the model, while nobody is there.
  ...setting('check_for_update_on_startup', 'false'),
  ...setting('analytics.enabled', 'false'),
  ...setting('features.plugins', 'false'),
  ...setting('features.apps', 'false'),
  ...KEYS_KEPT,
];

/** A value in TOML; a list of strings is written there as in JSON. */
const setting = (key: string, toml: string) => ['-c', `${key}=${toml}`];

/**
 * It hands its whole environment to the model's shell, the key that it logs in with too. Emptied one by one: a list of
 * what to leave out would take the place of the user's own.
 */
const KEYS_KEPT = AGENT_LOGINS.filter(name => logsInWith('codex', name)).flatMap(name =>
  setting(`shell_environment_policy.set.${name}`, '""'),
);

/** What its error messages begin with, and what that is; the first that fits. */
const BY_MESSAGE: readonly { message: RegExp; outcome: AgentOutcome }[] = [
  { message: /^You[’']ve hit your usage limit\b/, outcome: 'limit' },
  { message: /^exceeded retry limit, last status: 429\b/, outcome: 'limit' },
  { message: /^rate limit exceeded\b/i, outcome: 'limit' },
  { message: /^Selected model is at capacity\b/, outcome: 'overloaded' },
  { message: /^Codex ran out of room in the model[’']s context window\b/, outcome: 'context' },
  { message: /^Missing environment variable\b/, outcome: 'auth' },
  { message: /^Quota exceeded\b/, outcome: 'auth' },
  { message: /^stream disconnected before completion\b/, outcome: 'network' },
  {
    message:
      /^(?:error sending request|connection failed|network error|timeout waiting|waiting for network)\b/i,
    outcome: 'network',
  },
];
const STATUS = /^(?:unexpected status|exceeded retry limit, last status:) (\d{3})\b/;
/** An attempt of its own to go on; what stands in brackets is the error. */
const RECONNECTING = /^Reconnecting\.{3} \d+\/\d+ \((.*)\)$/s;
/** The day is there only where it is another one. */
const RESET =
  /try again at (?:([A-Z][a-z]{2}) (\d{1,2})(?:st|nd|rd|th), (\d{4}) )?(\d{1,2}):(\d{2}) (AM|PM)\.?$/;
const HOUR_MS = 3_600_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Ends before the first event. */
const BEFORE_START: readonly { line: RegExp; outcome: AgentOutcome }[] = [
  {
    line: /^error: (?:unexpected argument|invalid value|the following required|unrecognized subcommand)/,
    outcome: 'startup',
  },
  { line: /^Not inside a trusted directory\b/, outcome: 'startup' },
  { line: /^Error loading config/, outcome: 'startup' },
  { line: /^Error: thread\/resume: .*no rollout found\b/, outcome: 'session_lost' },
  { line: /^Not logged in\b/, outcome: 'auth' },
];

function readCodex(): Conversation {
  const seen = new Seen();
  const meter = new ServerMeter();
  const session: CodexSession = { turn: 'none', failure: null, usage: null };
  let early: { outcome: AgentOutcome; detail: string } | null = null;
  const nothing = () => {};

  const over = () => {
    seen.toolsOver();
    seen.through = true;
  };
  /** A tool that runs, or the end of one; some are told of only at their end. */
  const tool = (event: Json) => {
    item(event);
    const {
      id,
      type,
      status: _status,
      exit_code,
      aggregated_output,
      result,
      error,
      ...asked
    } = object(event.item) ?? {};
    if (event.type !== 'item.completed') {
      if (event.type === 'item.started') seen.toolBegan(id, type, asked);
      return;
    }
    seen.toolBegan(id, type, asked);
    seen.toolEnded(id, [exit_code, aggregated_output, result, error]);
  };

  const item = (event: Json) => {
    const it = object(event.item);
    if (it?.type !== 'error') session.failure = null;
    seen.heard = true;
    if (it?.type === 'agent_message' && text(it.text)) seen.message(text(it.text)!);
  };

  return streamOf(seen, {
    nameOf: (event, type) =>
      serverEventName(event, type) ??
      (type.startsWith('item.') ? `item/${text(object(event.item)?.type) ?? ''}` : type),
    events: {
      ...serverEvents(seen, session, meter),
      'thread.started': event => seen.session(event.thread_id),
      'turn.started': () => {
        session.turn = 'open';
        session.failure = null;
        seen.through = false;
      },
      'turn.completed': event => {
        session.turn = 'completed';
        session.failure = null;
        session.usage = usageOf(object(event.usage)) ?? session.usage;
        over();
      },
      'turn.failed': event => {
        session.turn = 'failed';
        session.failure = failureOf(object(event.error)?.message) ?? session.failure;
        over();
      },
      error: event => {
        session.failure = failureOf(event.message) ?? session.failure;
      },
      'item/agent_message': item,
      'item/reasoning': item,
      'item/command_execution': tool,
      'item/file_change': tool,
      'item/mcp_tool_call': tool,
      'item/web_search': tool,
      'item/todo_list': item,
      // A warning of its own, such as about a model that it does not know.
      'item/error': nothing,
    },
    usage: () => session.usage,
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
      const { turn, failure } = session;
      const cut = turn === 'open' || turn === 'interrupted';
      const usage = session.usage && { ...session.usage, partial: cut };
      if (turn === 'completed' && exit.code !== 0)
        return {
          ...brokenOff(seen, exit, usage),
          detail: `exit code ${exit.code} after its turn was completed`,
        };
      if (turn === 'completed') {
        const asked = `nobody was there to allow the use of ${seen.denied.join(', ')}`;
        const end = { evidence: 'event' as const, retry_at: null, usage };
        return seen.denied.length > 0
          ? { ...end, outcome: 'asked', detail: asked }
          : { ...end, outcome: 'ok', detail: null };
      }
      if (failure !== null) return endOf(failure, exit, usage, meter);
      if (turn === 'none' && early) return { ...early, evidence: 'text', retry_at: null, usage };
      const ending = brokenOff(seen, exit, usage);
      return turn === 'interrupted' ? { ...ending, detail: 'its turn was interrupted' } : ending;
    },
  });
}

const failureOf = (message: unknown): Failure | null =>
  text(message) === null ? null : { message: text(message)!, outcome: null };

/** The class that the program has for it is stronger than its words. */
function endOf(failure: Failure, exit: AgentExit, usage: Usage | null, meter: ServerMeter): Ending {
  const inner = (RECONNECTING.exec(failure.message)?.[1] ?? failure.message).trim();
  const status = Number(STATUS.exec(inner)?.[1] ?? Number.NaN);
  const known = BY_MESSAGE.find(({ message: pattern }) => pattern.test(inner));
  const said = known?.outcome ?? (Number.isNaN(status) ? 'failed' : outcomeOfStatus(status));
  const outcome = failure.outcome ?? said;
  const end = new Date(meter.limits_end_ms() ?? Number.NaN);
  const stated = Number.isNaN(end.getTime()) ? resetOf(inner, exit) : end.toISOString();
  return {
    outcome,
    evidence: 'event',
    detail: inner,
    retry_at: outcome === 'limit' ? stated : null,
    usage,
  };
}

/** The end of a limit: local time without its seconds, so a minute is added to be after it. */
function resetOf(message: string, { time_zone, ended_ms }: AgentExit): string | null {
  const found = RESET.exec(message);
  if (!found) return null;
  const [, name, day, year, hour, minute, half] = found;
  const clock = { hour: (Number(hour) % 12) + (half === 'PM' ? 12 : 0), minute: Number(minute) + 1 };
  if (name !== undefined) {
    const month = MONTHS.indexOf(name) + 1;
    return month === 0
      ? null
      : instantOf({ ...clock, year: Number(year), month, day: Number(day) }, time_zone);
  }
  const today = instantOf({ ...wallTimeAt(ended_ms, time_zone), ...clock }, time_zone);
  // Said before midnight, ended after it: the day was yesterday.
  const late = today !== null && Date.parse(today) - ended_ms > 23 * HOUR_MS;
  return late ? new Date(Date.parse(today) - 24 * HOUR_MS).toISOString() : today;
}

function usageOf(usage: Json | null): Usage | null {
  if (usage === null) return null;
  return {
    input_tokens: count(usage.input_tokens),
    cached_input_tokens: count(usage.cached_input_tokens),
    output_tokens: count(usage.output_tokens),
    cost_usd: null,
    partial: false,
  };
}
