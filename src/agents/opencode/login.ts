/** Whether OpenCode is logged in. */
import { type CheckLogin, firstSet, type ProgramFacts } from '../login.ts';

const checkLogin: CheckLogin = async asked => {
  const key = firstSet(asked, 'OPENCODE_API_KEY');
  if (key !== null) return { state: 'in', by: key };
  const file = ['.local', 'share', 'opencode', 'auth.json'];
  if (asked.atHome(...file)) return { state: 'in', by: `~/${file.join('/')}` };
  return { state: 'unknown', why: 'some of its models need no login, others the key of their service' };
};

export const opencodeProgram: ProgramFacts = {
  checkLogin,
  tested: { oldest: '1.15.13', newest: '1.18.33' },
  over_acp: 'opencode acp',
};
