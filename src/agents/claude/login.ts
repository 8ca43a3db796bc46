/** Whether Claude Code is logged in. */
import { type CheckLogin, firstSet, isAtLeast, type ProgramFacts, wordAfter } from '../login.ts';

const checkLogin: CheckLogin = async asked => {
  const key = firstSet(asked, 'ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN');
  if (key !== null) return { state: 'in', by: key };
  // What is no subcommand is a prompt to an older version, which would be sent to the model.
  if (!isAtLeast(asked.version, [2, 1, 41])) {
    if (asked.atHome('.claude', '.credentials.json'))
      return { state: 'in', by: '~/.claude/.credentials.json' };
    return { state: 'unknown', why: 'this version does not say whether it is logged in' };
  }
  const { code, stdout } = await asked.ask(['auth', 'status']);
  if (code === 0) return { state: 'in', by: wordAfter(stdout, 'authMethod') ?? 'a login of its own' };
  if (/"loggedIn":\s*false/.test(stdout)) return { state: 'out', fix: 'claude auth login' };
  return { state: 'unknown', why: 'it does not say whether it is logged in' };
};

export const claudeProgram: ProgramFacts = {
  checkLogin,
  tested: {
    ...{ oldest: '2.1.251', newest: '2.1.332', start: ['--help'] },
    needs: [
      '--output-format',
      '--include-partial-messages',
      '--session-id',
      '--permission-mode',
      '--add-dir',
    ],
  },
};
