/**
 * The agents that are on a PATH, which version each says it is, and whether it has a login. Looked at from two places,
 * the user's shell and the supervisor, which may see different things. Nothing is sent anywhere: an agent's own word is
 * taken where it has one, else the presence of a variable or a file; what is in these is not read.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_PROGRAMS, type AgentProgram } from '../contract/backends.ts';
import type { Login } from './login.ts';
import { PROGRAMS } from './programs.ts';

/** They load a lot before they say who they are, and the machine may have other things to do. */
const ANSWER_MS_MAX = 30_000;

export interface InstalledAgent {
  name: AgentProgram;
  path: string;
  /** null: it did not say. */
  version: string | null;
  login: Login;
}

export interface StartedAgent extends InstalledAgent {
  /** Why it does not start as a session starts it; null: it starts. */
  no_start: string | null;
}

/** How a program answered: its exit code, null where it did not end by itself in time, and what it printed. */
export interface Answer {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What can be asked about one program, in one environment. */
export interface Asked {
  env: NodeJS.ProcessEnv;
  version: string | null;
  ask(args: string[]): Promise<Answer>;
  /** Whether there is a file, by its path in the home folder. */
  atHome(...path: string[]): boolean;
}

/** @param env that of a program of a task: it decides what is found, and who is logged in. */
export async function installedAgents(env: NodeJS.ProcessEnv): Promise<InstalledAgent[]> {
  const found = AGENT_PROGRAMS.map(name => ({ name, path: onPath(name, env.PATH ?? '') }));
  return await Promise.all(
    found.flatMap(({ name, path }) => (path === null ? [] : [lookAt(name, path, env)])),
  );
}

/** The same, each started once without a request to its model: all of them at the same time, and none for long. */
export async function startedAgents(env: NodeJS.ProcessEnv): Promise<StartedAgent[]> {
  const starts = AGENT_PROGRAMS.map(name => whyNoStart(name, env));
  const found = await installedAgents(env);
  return await Promise.all(
    found.map(async agent => {
      const why = await starts[AGENT_PROGRAMS.indexOf(agent.name)]!;
      const no_start = agent.version === null ? `\`${agent.name} --version\` tells none` : why;
      return { ...agent, no_start };
    }),
  );
}

/** Of what it prints only the names of options are taken. */
async function whyNoStart(name: AgentProgram, env: NodeJS.ProcessEnv): Promise<string | null> {
  const { start, needs = [] } = PROGRAMS[name].tested;
  const path = onPath(name, env.PATH ?? '');
  if (path === null || start === undefined) return null;
  const { code, stdout, stderr } = await answerOf(path, [...start], env);
  const command = [name, ...start].join(' ');
  if (code === null) return `\`${command}\` does not end by itself within ${ANSWER_MS_MAX / 1000} s`;
  if (code !== 0) return `\`${command}\` ends with exit code ${code}`;
  const said = new Set(`${stdout}\n${stderr}`.match(/--[a-z][\w-]*/gi));
  const missing = needs.filter(option => !said.has(option));
  return missing.length === 0 ? null : `it does not know ${missing.join(', ')}`;
}

/** Without its login. */
export const agentText = ({ name, version }: Pick<InstalledAgent, 'name' | 'version'>) =>
  version === null ? `${name} (it does not say which version)` : `${name} ${version}`;

async function lookAt(name: AgentProgram, path: string, env: NodeJS.ProcessEnv): Promise<InstalledAgent> {
  const ask = (args: string[]) => answerOf(path, args, env);
  const { code, stdout } = await ask(['--version']);
  const version = code === 0 ? (/\d+\.\d+\.\d+(?:-[\w.]+)?/.exec(stdout)?.[0] ?? null) : null;
  const atHome = (...parts: string[]) => env.HOME !== undefined && existsSync(join(env.HOME, ...parts));
  // One that does not even say its version is not asked further.
  const login: Login =
    version === null
      ? { state: 'unknown', why: 'it does not run' }
      : await PROGRAMS[name].checkLogin({ env, version, ask, atHome });
  return { name, path, version, login };
}

async function answerOf(path: string, args: string[], env: NodeJS.ProcessEnv): Promise<Answer> {
  const { execFile } = await import('node:child_process');
  return await new Promise(done => {
    const options = { env, timeout: ANSWER_MS_MAX, killSignal: 'SIGKILL' as const };
    const child = execFile(path, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      done({ code, stdout, stderr });
    });
    child.stdin?.end();
  });
}

function onPath(name: string, path: string): string | null {
  for (const folder of path.split(':').filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here, or not to be run.
    }
  }
  return null;
}
