/**
 * Any program that speaks the Agent Client Protocol (version 1) on its standard input and output, such as
 * `opencode acp` or `gemini --acp`. The session program speaks with it (dialogue.ts); here is read what it said. What
 * the protocol does not have, nobody can tell: when a limit ends, that a request is tried again, what a model's call
 * cost before its turn is over. So the outcomes are coarser than those of the agents that have a reader of their own:
 *
 * - Errors have no class but a missing login: error.ts knows those of known programs. How a turn of OpenCode failed is
 *   in its own record of the session, which the session program looks up (`rasen/failed`).
 * - A response has no name: the session program says before it what it asks (`rasen/asked`).
 * - Tokens are counted where a turn ends; OpenCode counts the last call of it alone, and has all of them in its own record
 *   (`rasen/used`). The cost is that of the session so far: the part of this process is known where the session is new, or
 *   its sum was said before the first prompt.
 * - A session that is loaded is told once more from its beginning, before the prompt; none of that is of this process.
 */

import type { Agent, Talk } from '../agent.ts';
import { sessionEnv } from '../agent.ts';
import { foldOf } from '../fold.ts';
import { OPENCODE_ENV } from '../opencode/start.ts';
import { acpEnding } from './ending.ts';
import { readAcp } from './stream.ts';

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
    open: () => foldOf(readAcp, acpEnding),
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
