/** Whether Gemini CLI is logged in. */
import { type CheckLogin, firstSet, type ProgramFacts } from '../login.ts';

const checkLogin: CheckLogin = async asked => {
  const key = firstSet(asked, 'GEMINI_API_KEY');
  if (key !== null) return { state: 'in', by: key };
  if (firstSet(asked, 'GOOGLE_GENAI_USE_VERTEXAI', 'GOOGLE_GENAI_USE_GCA') !== null)
    return { state: 'in', by: 'Google Cloud' };
  for (const file of ['oauth_creds.json', 'gemini-credentials.json'])
    if (asked.atHome('.gemini', file)) return { state: 'in', by: `~/.gemini/${file}` };
  if (asked.atHome('.gemini', '.env')) return { state: 'unknown', why: 'its key may be in ~/.gemini/.env' };
  return { state: 'out', fix: 'gemini, then /auth; or a key in GEMINI_API_KEY' };
};

export const geminiProgram: ProgramFacts = {
  checkLogin,
  tested: { oldest: '0.45.2', newest: '0.61.0' },
  over_acp: 'gemini --acp',
};
