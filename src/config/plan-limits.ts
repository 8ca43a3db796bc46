/** What subtasks and the top of a plan file share: limits and variables, and the words that this version cannot do. */
import { asMap, either, field, join, refuseUnknown } from './fields.ts';
import { isNothing, type MapNode } from './node.ts';
import type { Problems } from './problems.ts';
import { duration, int, nullable, text } from './types.ts';

export const TIME = nullable(duration(), 'the default of the task');
export const ATTEMPTS = nullable(int(1, 100), 'the default of the task');

/** Words of the task model that this version cannot do; each says so instead of "unknown key". */
export const NOT_YET: Readonly<Record<string, string>> = {
  keep: 'services that stay up (keep) are not supported by this version',
  usd: 'limits in money (usd) are not supported by this version',
  tokens: 'limits in tokens are not supported by this version',
};

export function refuseNotYet(map: MapNode, problems: Problems, path: string): void {
  for (const [key, why] of Object.entries(NOT_YET)) {
    const entry = map.entries.get(key);
    if (entry) problems.add(entry.key, join(path, key), why);
  }
}

/** attempts, timeout and idle timeout, in any of their spellings, each at most once. */
export function readLimits(
  map: MapNode,
  path: string,
  problems: Problems,
): {
  attempts: number | null | undefined;
  timeout: number | null | undefined;
  idle: number | null | undefined;
} {
  const node = map.entries.get('limits')?.value;
  const below = join(path, 'limits');
  const limits =
    node && !isNothing(node)
      ? asMap(node, problems, below, 'a map with attempts, timeout, idle_timeout')
      : null;
  if (limits) {
    refuseNotYet(limits, problems, below);
    refuseUnknown(limits, ['attempts', 'timeout', 'idle_timeout', 'usd', 'tokens'], problems, below);
  }
  const spelled = (inner: string, ...outer: string[]) => [
    ...outer.map(key => ({ map, key, path })),
    ...(limits ? [{ map: limits, key: inner, path: below }] : []),
  ];
  return {
    attempts: either(spelled('attempts', 'attempts'), ATTEMPTS, problems),
    timeout: either(spelled('timeout', 'timeout', 'timeout_seconds'), TIME, problems),
    idle: either(spelled('idle_timeout', 'idle_timeout', 'idle_timeout_seconds'), TIME, problems),
  };
}

const MAX_ENV = 500;

export function readEnv(map: MapNode, path: string, problems: Problems): Record<string, string> {
  const node = map.entries.get('env')?.value;
  if (!node || isNothing(node)) return {};
  const below = join(path, 'env');
  const env = asMap(node, problems, below, 'a map of variables');
  const result: Record<string, string> = {};
  if (env && env.entries.size > MAX_ENV) problems.add(node, below, `has more than ${MAX_ENV} variables`);
  for (const [name, entry] of env?.entries ?? []) {
    // __proto__ would not become a variable but the prototype of the object.
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name === '__proto__')
      problems.add(entry.key, join(below, name), 'is not a name for a variable');
    else {
      const value = field(env!, name, text(64 * 1024, 'text', 0), problems, below);
      if (value !== undefined) result[name] = value;
    }
  }
  return result;
}
