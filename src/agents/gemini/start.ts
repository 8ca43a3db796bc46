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
import { type Agent, sessionEnv } from '../agent.ts';
import { foldOf } from '../fold.ts';
import type { AgentFolder } from '../folders.ts';
import { sessionId } from '../session-id.ts';
import { geminiEnding } from './ending.ts';
import { readGemini } from './stream.ts';

/** Its settings name programs that it runs (servers of tools, extensions), in every session of the user's. */
const FOLDERS: readonly AgentFolder[] = [
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
    folders: FOLDERS,
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
    open: () => foldOf(readGemini, geminiEnding),
  };
}
