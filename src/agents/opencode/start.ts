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
import { type Agent, sessionEnv } from '../agent.ts';
import { foldOf } from '../fold.ts';
import type { AgentFolder } from '../folders.ts';
import { opencodeEnding } from './ending.ts';
import { readOpencode } from './stream.ts';

/** Nothing may change the program, or talk to anybody but the model, while nobody is there. */
export const OPENCODE_ENV: Readonly<Record<string, string>> = {
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
};

const FOLDERS: readonly AgentFolder[] = [
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
    folders: FOLDERS,
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
    open: () => foldOf(readOpencode, opencodeEnding),
  };
}

/** Allows what would be asked; what the user's configuration denies stays denied. It had another name before. */
const allowsAll = (help: string | null) =>
  help === null || /(?:^|\s)--auto\b/.test(help) ? '--auto' : '--dangerously-skip-permissions';
