/** Whether Codex is logged in. */
import { type CheckLogin, firstSet, type ProgramFacts } from '../login.ts';

const checkLogin: CheckLogin = async asked => {
  const key = firstSet(asked, 'CODEX_API_KEY');
  if (key !== null) return { state: 'in', by: key };
  const { code } = await asked.ask(['login', 'status']);
  if (code === 0) return { state: 'in', by: 'a login of its own' };
  // With a provider of the user's own it needs none, and does not tell.
  if (firstSet(asked, 'OPENAI_API_KEY') !== null)
    return { state: 'unknown', why: 'OPENAI_API_KEY counts where its config.toml says so' };
  if (code === 1) return { state: 'out', fix: 'codex login' };
  return { state: 'unknown', why: 'it does not say whether it is logged in' };
};

export const codexProgram: ProgramFacts = {
  checkLogin,
  tested: { oldest: '0.150.1', newest: '0.171.0', start: ['app-server', '--help'], needs: ['--config'] },
};
