/**
 * gh and glab: the programs of GitHub and GitLab, with the login that their user has made. They are asked as the REST API is
 * (`gh api`, `glab api`), so that what they answer has one meaning in every version, and keep the token to themselves.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import type { Ask } from './forge-api.ts';

const PROGRAM_MS = 60_000;
const OUTPUT_BYTES_MAX = 2 * 1024 * 1024;

export type ForgeProgram = 'gh' | 'glab';

/** Both may know a host that is nobody's own. */
const PROGRAMS_OF: Readonly<Record<string, readonly ForgeProgram[]>> = {
  'github.com': ['gh'],
  'gitlab.com': ['glab'],
};

/** The one that is installed and logged in at this host; null: none is. */
export async function loggedIn(host: string, env: NodeJS.ProcessEnv): Promise<ForgeProgram | null> {
  // It would be read as an option.
  if (host.startsWith('-')) return null;
  for (const program of PROGRAMS_OF[host] ?? (['gh', 'glab'] as const)) {
    if (!isInstalled(program, env)) continue;
    const { code } = await run(program, ['auth', 'status', '--hostname', host], host, env);
    if (code === 0) return program;
  }
  return null;
}

export function throughProgram(program: ForgeProgram, host: string, env: NodeJS.ProcessEnv): Ask {
  return async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const sent = body === undefined ? [] : ['--header', 'Content-Type: application/json', '--input', '-'];
    const args = ['api', '--hostname', host, '--method', method, ...sent, path];
    const input = body === undefined ? '' : JSON.stringify(body);
    const { code, out, wrong } = await run(program, args, host, env, input);
    if (code !== 0)
      throw new RasenError(
        'git',
        `${program} api ${method} ${path.split('?')[0]} failed: ${lastLine(wrong || out)}`,
        {
          hint: `Is it logged in? ${program} auth status --hostname ${host}`,
        },
      );
    try {
      return JSON.parse(out) as T;
    } catch (error) {
      throw new RasenError('git', `${program} api answered with something else than JSON.`, { cause: error });
    }
  };
}

function isInstalled(program: string, { PATH = '' }: NodeJS.ProcessEnv): boolean {
  return soundPath(PATH).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Without the entries that mean a folder of a repository. */
const soundPath = (path: string) => path.split(delimiter).filter(isAbsolute);

interface Ran {
  code: number | null;
  out: string;
  wrong: string;
}

function run(
  program: ForgeProgram,
  args: readonly string[],
  host: string,
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<Ran> {
  return new Promise(resolve => {
    const child = spawn(program, args, {
      cwd: '/',
      env: environmentFor(program, host, env),
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: PROGRAM_MS,
      killSignal: 'SIGKILL',
    });
    const said = { out: '', wrong: '' };
    const keep = (name: keyof typeof said) => (text: string) => {
      if (said[name].length < OUTPUT_BYTES_MAX) said[name] += text;
    };
    child.stdout.setEncoding('utf8').on('data', keep('out'));
    child.stderr.setEncoding('utf8').on('data', keep('wrong'));
    child.once('error', error => resolve({ code: null, out: '', wrong: error.message }));
    child.once('close', code => resolve({ code, ...said }));
    // It may end before it has read all.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** What each takes for hosts of any name, and what for its own. */
const TOKENS = {
  gh: { any: ['GH_ENTERPRISE_TOKEN', 'GITHUB_ENTERPRISE_TOKEN'], own: ['GH_TOKEN', 'GITHUB_TOKEN'] },
  glab: { any: ['GITLAB_TOKEN', 'GITLAB_ACCESS_TOKEN', 'OAUTH_TOKEN'], own: [] },
} as const;

/**
 * The host is what a repository says: tokens of the environment that a program takes for hosts of any name are left out
 * where they are not meant for this one, and those of the other program always.
 */
function environmentFor(program: ForgeProgram, host: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GH_HOST, GITLAB_HOST = 'gitlab.com' } = env;
  const meant = program === 'gh' ? GH_HOST === host : GITLAB_HOST.replace(/^https?:\/\//, '') === host;
  const other = TOKENS[program === 'gh' ? 'glab' : 'gh'];
  const dropped: readonly string[] = [...other.any, ...other.own, ...(meant ? [] : TOKENS[program].any)];
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !dropped.includes(name))),
    ...{ GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1', GLAB_CHECK_UPDATE: 'false', NO_COLOR: '1' },
    PATH: soundPath(env.PATH ?? '').join(delimiter),
  };
}

const lastLine = (text: string) => text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
