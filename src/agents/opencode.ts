/**
 * OpenCode without a person: `opencode run --format json`, the prompt on its standard input. Seen with 1.18.33. What
 * to know:
 *
 * - There is no event for the end: the session ended well if the last step finished with `stop`, and the exit code is 0.
 * - Its session is known with the first answer of the model, and cannot be chosen.
 * - A usage limit is slept through without a word, for hours if the server says so: only the silence of the session ends
 *   it, and nobody knows then that it was a limit. The same goes for a server that does not answer.
 * - A tool is told when it is over; that one runs is not.
 */
import type { Agent, AgentOutcome, Conversation, Usage } from './agent.ts';
import { sessionEnv } from './agent.ts';
import type { AgentFolder } from './folders.ts';
import { amount, count, type Json, object, text } from './json.ts';
import { outcomeOfError, outcomeOfMessage } from './opencode-error.ts';
import { brokenOff, Seen, streamOf } from './stream.ts';

/** Nothing may change the program, or talk to anybody but the model, while nobody is there. */
export const OPENCODE_ENV: Readonly<Record<string, string>> = {
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
};

export const OPENCODE_FOLDERS: readonly AgentFolder[] = [
  { path: '.local/share/opencode', written: true },
  { path: '.local/state/opencode', written: true },
  // It dies where it cannot write this file beside its settings, and installs nothing where it cannot write.
  {
    path: '.config/opencode',
    written: false,
    kept: { '.gitignore': 'node_modules\npackage.json\npackage-lock.json\nbun.lock\n.gitignore\n' },
  },
];

export function opencodeAgent(command: readonly string[]): Agent {
  return {
    id: 'opencode',
    says_cost: 'yes',
    resumes: true,
    asks_help: ['run', '--help'],
    plan: request => ({
      argv: [
        ...command,
        ...['run', '--format', 'json', allowsAll(request.help)],
        // Without one it asks a model for a title.
        ...['--title', `rasen ${request.subtask} ${request.attempt}`],
        ...(request.resume === null ? [] : ['--session', request.resume]),
        ...(request.model === null ? [] : ['--model', request.model]),
      ],
      prompt: request.prompt,
      talk: null,
      env: sessionEnv(request),
      env_defaults: { ...OPENCODE_ENV },
    }),
    open: () => readOpencode(),
  };
}

/** Allows what would be asked; what the user's configuration denies stays denied. It had another name before. */
const allowsAll = (help: string | null) =>
  help === null || /(?:^|\s)--auto\b/.test(help) ? '--auto' : '--dangerously-skip-permissions';

/** On its error channel, about a request that it tries again. */
const RETRY = /\bmessage="stream error" .*\berror\.error="AI_\w+: ([^"]*)/;
/** Only without `--auto`, which an older version does not know. */
const REFUSED = /permission requested: ([\w-]+) .*; auto-rejecting$/;
const NO_SESSION = /^(?:Error: )?Session not found\b/;

interface Failure {
  outcome: AgentOutcome;
  detail: string;
}

function readOpencode(): Conversation {
  const seen = new Seen();
  let usage: Usage | null = null;
  /** Reason of the last step that finished; null: one is open, or none began. */
  let finished: string | null = null;
  let error: Failure | null = null;
  let retrying: Failure | null = null;
  let early: Failure | null = null;
  /** An error came that it got over; its exit code tells of it all the same. */
  let recovered = false;
  const answered = () => {
    seen.heard = true;
    retrying = null;
    recovered ||= error !== null;
    error = null;
  };
  const part = (event: Json) => {
    seen.session(event.sessionID);
    return object(event.part);
  };

  return streamOf(seen, {
    nameOf: (_event, type) => type,
    events: {
      step_start: event => {
        part(event);
        answered();
        finished = null;
        seen.through = false;
      },
      text: event => {
        answered();
        const words = text(part(event)?.text);
        if (words !== null) seen.message(words);
      },
      reasoning: event => {
        part(event);
        answered();
      },
      tool_use: event => {
        answered();
        const tool = part(event);
        const state = object(tool?.state);
        seen.toolBegan(tool?.callID, tool?.tool, state?.input);
        seen.toolEnded(tool?.callID, state?.output ?? state?.error);
      },
      step_finish: event => {
        answered();
        const step = part(event);
        finished = text(step?.reason) ?? '';
        seen.through = finished === 'stop';
        usage = addStep(usage, step);
      },
      error: event => {
        seen.session(event.sessionID);
        const failure = object(event.error);
        const name = text(failure?.name);
        const data = object(failure?.data);
        const detail = text(data?.message) ?? name ?? 'an error without words';
        error = { outcome: outcomeOfError(name, data), detail };
      },
    },
    errorLine: line => {
      const refused = REFUSED.exec(line);
      if (refused) seen.deny(refused[1]);
      const words = RETRY.exec(line)?.[1];
      if (words !== undefined) retrying = { outcome: outcomeOfMessage(words) ?? 'failed', detail: words };
      if (NO_SESSION.test(line)) early ??= { outcome: 'session_lost', detail: line };
    },
    usage: () => usage,
    end: exit => {
      const whole = finished === 'stop' && error === null;
      const spent = usage && { ...usage, partial: !whole };
      if (error) return { ...error, evidence: 'event', retry_at: null, usage: spent };
      if (!whole) {
        if (finished === 'length')
          return {
            outcome: 'context',
            evidence: 'event',
            detail: 'the model had no room left for its answer',
            retry_at: null,
            usage: spent,
          };
        const why = retrying ?? (seen.events === 0 ? early : null);
        const broken = brokenOff(seen, exit, spent);
        return why ? { ...broken, ...why, evidence: 'text' } : broken;
      }
      if (exit.code !== 0 && !(recovered && exit.code === 1))
        return { ...brokenOff(seen, exit, spent), detail: `exit code ${exit.code} after its last step` };
      if (seen.denied.length > 0)
        return {
          outcome: 'asked',
          evidence: 'event',
          detail: `nobody was there to allow the use of ${seen.denied.join(', ')}`,
          retry_at: null,
          usage: spent,
        };
      return { outcome: 'ok', evidence: 'event', detail: null, retry_at: null, usage: spent };
    },
  });
}

/** Of each call of the model; what came from a cache is not in `input`, and thinking is not in `output`. */
export function addStep(before: Usage | null, step: Json | null): Usage | null {
  const tokens = object(step?.tokens);
  if (tokens === null) return before;
  const cache = object(tokens.cache);
  const cost = amount(step?.cost);
  return {
    input_tokens:
      (before?.input_tokens ?? 0) + count(tokens.input) + count(cache?.read) + count(cache?.write),
    cached_input_tokens: (before?.cached_input_tokens ?? 0) + count(cache?.read),
    output_tokens: (before?.output_tokens ?? 0) + count(tokens.output) + count(tokens.reasoning),
    cost_usd: cost === null && before === null ? null : (before?.cost_usd ?? 0) + (cost ?? 0),
    partial: true,
  };
}
