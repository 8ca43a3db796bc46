/** The sources of the configuration, weakest first, each read into the values that it writes. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Role } from '../contract/spec.ts';
import {
  type CONFIG_VARIABLES,
  LOOKALIKES,
  PROJECT_FILE,
  TASK_FILE,
  userConfigPath,
  userLookalike,
} from '../host/config-files.ts';
import { reporter } from './fields.ts';
import { KEYS, type KeyName } from './keys.ts';
import { scalar } from './node.ts';
import { Problems } from './problems.ts';
import { readText } from './read-text.ts';
import { type Written, walkConfig } from './walk.ts';
import { parseYaml } from './yaml.ts';

export interface Layer {
  /** Absolute path; null for the environment. */
  path: string | null;
  written: Map<KeyName, Written>;
  problems: Problems;
}

/** Sections that a person sets once for all projects. What decides about the work of a project belongs into its own file. */
export const USER_SECTIONS = ['notify', 'secrets'] as const;

/** A path as it is shown: relative inside the project, else as it is. */
export function shown(project: string, path: string): string {
  const inside = relative(project, path);
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}

/** The configuration of the user, which holds for all projects and has few sections. */
export function userLayer(env: Readonly<Record<string, string | undefined>>): Layer[] {
  const path = userConfigPath(env);
  const layer = fileLayer(path, path, 'ok');
  for (const [key, { as, at }] of layer.written) {
    if (USER_SECTIONS.some(name => key === name || key.startsWith(`${name}.`))) continue;
    const message = `is not for all projects, write it in ${PROJECT_FILE}; here: ${USER_SECTIONS.join(', ')}`;
    layer.problems.add(at, as, message);
    layer.written.delete(key);
  }
  return [layer, ...lookalike(path, userLookalike(path), path)];
}

/** rasen.yml, or the file given in its place, which must exist; then `.rasen/config.yaml`. */
export function fileLayers(project: string, file: string | undefined): Layer[] {
  const first = file === undefined ? join(project, PROJECT_FILE) : resolve(project, file);
  const layers = [
    fileLayer(first, shown(project, first), file === undefined ? 'ok' : 'problem'),
    fileLayer(join(project, TASK_FILE), TASK_FILE, 'ok'),
  ];
  for (const { wrong, right } of LOOKALIKES) {
    const path = join(project, wrong);
    if (file !== undefined && path === first) continue;
    layers.push(...lookalike(join(project, right), path, right, wrong));
  }
  return layers;
}

/** A file that would be overlooked, where the right one is not there. */
function lookalike(right: string, wrong: string, meant: string, as = wrong): Layer[] {
  if (!existsSync(wrong) || existsSync(right)) return [];
  const problems = new Problems(as);
  problems.add({ line: 1, column: 1 }, '', `is not read; rename it to ${meant}`, meant);
  return [{ path: wrong, written: new Map(), problems }];
}

function fileLayer(path: string, as: string, missing: 'ok' | 'problem'): Layer {
  const problems = new Problems(as);
  const text = readText(path, problems, missing);
  if (text === null) return { path: null, written: new Map(), problems };
  return { path, written: walkConfig(parseYaml(text, problems), problems), problems };
}

const MODEL_KEYS: readonly KeyName[] = [
  'models.default',
  ...(['initializer', 'coder', 'reviewer', 'qa'] satisfies Role[]).map(role => `models.${role}` as const),
];

/** Variable → the keys that it sets. The model is that of every role, as the seed's documents promise. */
export const ENV_KEYS: Readonly<Record<(typeof CONFIG_VARIABLES)[number], readonly KeyName[]>> = {
  RASEN_AGENT_MODEL: MODEL_KEYS,
  RASEN_MAX_ITERATIONS: ['orchestrator.max_iterations'],
  RASEN_SESSION_TIMEOUT: ['orchestrator.session_timeout_seconds'],
};

/** The environment; an empty variable counts as not set. */
export function envLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  // Line 0: a variable has no lines.
  const at = { line: 0, column: 0 };
  const problems = new Problems('environment');
  const written = new Map<KeyName, Written>();
  for (const [name, keys] of Object.entries(ENV_KEYS)) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    const node = scalar(/^-?\d{1,15}(?:\.\d+)?$/.test(text) ? Number(text) : text, text, at);
    const value = KEYS[keys[0]!].type.read(node, reporter(problems, name));
    if (value === undefined) continue;
    for (const key of keys) written.set(key, { value, as: name, file: 'environment', at });
  }
  return { path: null, written, problems };
}
