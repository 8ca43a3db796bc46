/**
 * Codex without a person: `codex app-server`, which is spoken with (server-stream.ts has its events), and for versions
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
import type { Agent, AgentRequest } from '../agent.ts';
import { sessionEnv } from '../agent.ts';
import { foldOf } from '../fold.ts';
import type { AgentFolder } from '../folders.ts';
import { codexEnding } from './ending.ts';
import { readCodex } from './stream.ts';

/** config.toml names programs that it runs (notify, servers of tools), in every session of the user's. */
const FOLDERS: readonly AgentFolder[] = [
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
    folders: FOLDERS,
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
    open: () => foldOf(readCodex, codexEnding),
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
