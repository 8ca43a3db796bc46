/** The command agent: any program, the prompt on its standard input, its result in a file named by RASEN_RESULT_FILE. */
import type { Agent } from './agent.ts';

export function commandAgent(command: readonly string[]): Agent {
  return {
    id: 'command',
    plan: request => ({
      argv: [...command],
      prompt: request.prompt,
      env: {
        RASEN_ROLE: request.role,
        RASEN_RESULT_FILE: request.result_file,
        RASEN_TASK: request.task,
        RASEN_SUBTASK: request.subtask,
        RASEN_ATTEMPT_NUMBER: String(request.attempt),
        MAX_THINKING_TOKENS: String(request.max_thinking_tokens),
        ...(request.model === null ? {} : { RASEN_MODEL: request.model }),
      },
    }),
  };
}
