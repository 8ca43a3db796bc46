/** The command agent: any program, the prompt on its standard input, its result in a file named by RASEN_RESULT_FILE. */
import { type Agent, sessionEnv } from '../agent.ts';

export function commandAgent(command: readonly string[]): Agent {
  return {
    id: 'command',
    resumes: false,
    plan: request => ({
      argv: [...command],
      prompt: request.prompt,
      talk: null,
      env: sessionEnv(request),
      env_defaults: {},
    }),
    open: () => null,
  };
}
