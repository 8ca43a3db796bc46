/** Where a configuration may be written, for those who read it and for those who only ask whether there is one. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errnoOf } from '../contract/errors.ts';
import { ownHome } from './user.ts';

type Env = Readonly<Record<string, string | undefined>>;

export const PROJECT_FILE = 'rasen.yml';
export const TASK_FILE = join('.rasen', 'config.yaml');

/** Names that look like ours and would be overlooked without a word. */
export const LOOKALIKES = [
  { wrong: 'rasen.yaml', right: PROJECT_FILE },
  { wrong: join('.rasen', 'config.yml'), right: TASK_FILE },
];

/** Variables that are a configuration, too. */
export const CONFIG_VARIABLES = [
  'RASEN_AGENT_MODEL',
  'RASEN_MAX_ITERATIONS',
  'RASEN_SESSION_TIMEOUT',
] as const;

/** The configuration of the user: config.yml in the folder that also has that of rasend. Absolute. */
export function userConfigPath(env: Env): string {
  const folder = env.XDG_CONFIG_HOME || join(ownHome(env), '.config');
  return join(resolve(folder), 'rasen', 'config.yml');
}

/** The same under the name that would be overlooked. */
export const userLookalike = (path: string): string => path.replace(/yml$/, 'yaml');

/** Whether anything is to be read at all. What cannot be looked at counts: who reads it says what is wrong. */
export function hasConfig(project: string, env: Env): boolean {
  const own = userConfigPath(env);
  const names = [PROJECT_FILE, TASK_FILE, ...LOOKALIKES.map(({ wrong }) => wrong)];
  const paths = [own, userLookalike(own), ...names.map(name => join(project, name))];
  return CONFIG_VARIABLES.some(name => env[name]) || !isFolder(project) || paths.some(isThere);
}

function isThere(path: string): boolean {
  try {
    return statSync(path) !== undefined;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
  }
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
