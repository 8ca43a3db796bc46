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
import type { Agent, AgentRequest } from '../agent.ts';
import { sessionEnv } from '../agent.ts';
import { foldOf } from '../fold.ts';
import type { AgentFolder } from '../folders.ts';
import { sessionId } from '../session-id.ts';
import { claudeEnding } from './ending.ts';
import { readClaude } from './stream.ts';

/**
 * Enough to write code and run commands; everything else is refused, since there is nobody to ask. The last one is our own
 * MCP server, where the user has told it of that: what it may is decided by the supervisor.
 */
const ALLOWED_TOOLS = [
  ...['Bash', 'Edit', 'MultiEdit', 'NotebookEdit', 'Write', 'WebFetch', 'WebSearch'],
  'mcp__rasen',
];

/** Retries of one request before it gives up and rasen waits: about 40 s, where the program's own ten are minutes. */
const MAX_RETRIES = 6;

/** Its settings name programs that it runs (hooks, servers of tools), in every session of the user's. */
const FOLDERS: readonly AgentFolder[] = [
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
    folders: FOLDERS,
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
    open: resumed => foldOf(readClaude, seen => claudeEnding(seen, resumed)),
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
