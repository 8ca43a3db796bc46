/**
 * Whether each agent is logged in, as far as that can be told without the network and without reading a secret. What is
 * said is where a login is (a variable by name, a file by path), never anything of it.
 */
import type { AgentProgram, Asked } from './installed.ts';
import { compareVersions } from './tested.ts';

export type Login =
  /** `by`: what it logs in with. */
  | { state: 'in'; by: string }
  /** `fix`: the command to type. */
  | { state: 'out'; fix: string }
  | { state: 'unknown'; why: string };

export const LOGIN_CHECKS: Readonly<Record<AgentProgram, (asked: Asked) => Promise<Login>>> = {
  claude: async asked => {
    const key = firstSet(asked, 'ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN');
    if (key !== null) return { state: 'in', by: key };
    // What is no subcommand is a prompt to an older version, which would be sent to the model.
    if (compareVersions(asked.version ?? '', '2.1.41') < 0) {
      if (asked.atHome('.claude', '.credentials.json'))
        return { state: 'in', by: '~/.claude/.credentials.json' };
      return { state: 'unknown', why: 'this version does not say whether it is logged in' };
    }
    const { code, stdout } = await asked.ask(['auth', 'status']);
    if (code === 0) return { state: 'in', by: wordAfter(stdout, 'authMethod') ?? 'a login of its own' };
    if (/"loggedIn":\s*false/.test(stdout)) return { state: 'out', fix: 'claude auth login' };
    return { state: 'unknown', why: 'it does not say whether it is logged in' };
  },

  codex: async asked => {
    const key = firstSet(asked, 'CODEX_API_KEY');
    if (key !== null) return { state: 'in', by: key };
    const { code } = await asked.ask(['login', 'status']);
    if (code === 0) return { state: 'in', by: 'a login of its own' };
    // With a provider of the user's own it needs none, and does not tell.
    if (firstSet(asked, 'OPENAI_API_KEY') !== null)
      return { state: 'unknown', why: 'OPENAI_API_KEY counts where its config.toml says so' };
    if (code === 1) return { state: 'out', fix: 'codex login' };
    return { state: 'unknown', why: 'it does not say whether it is logged in' };
  },

  gemini: async asked => {
    const key = firstSet(asked, 'GEMINI_API_KEY');
    if (key !== null) return { state: 'in', by: key };
    if (firstSet(asked, 'GOOGLE_GENAI_USE_VERTEXAI', 'GOOGLE_GENAI_USE_GCA') !== null)
      return { state: 'in', by: 'Google Cloud' };
    for (const file of ['oauth_creds.json', 'gemini-credentials.json'])
      if (asked.atHome('.gemini', file)) return { state: 'in', by: `~/.gemini/${file}` };
    if (asked.atHome('.gemini', '.env')) return { state: 'unknown', why: 'its key may be in ~/.gemini/.env' };
    return { state: 'out', fix: 'gemini, then /auth; or a key in GEMINI_API_KEY' };
  },

  opencode: async asked => {
    const key = firstSet(asked, 'OPENCODE_API_KEY');
    if (key !== null) return { state: 'in', by: key };
    const file = ['.local', 'share', 'opencode', 'auth.json'];
    if (asked.atHome(...file)) return { state: 'in', by: `~/${file.join('/')}` };
    return { state: 'unknown', why: 'some of its models need no login, others the key of their service' };
  },
};

const firstSet = ({ env }: Asked, ...names: string[]): string | null => names.find(name => env[name]) ?? null;

/** Of what an agent prints about itself only a plain word is taken, so that nothing secret can come along. */
function wordAfter(text: string, key: string): string | null {
  return new RegExp(`"${key}":\\s*"([a-z][a-z_]{0,30})"`).exec(text)?.[1] ?? null;
}
