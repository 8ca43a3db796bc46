/** What subtasks and the top of a plan file share: limits and variables, and the words that this version cannot do. */
import type { SubtaskLimits } from '../contract/plan.ts';
import { ENV } from './env-types.ts';
import { asMap, either, field, join, refuseUnknown } from './fields.ts';
import { isNothing, type MapNode } from './node.ts';
import type { Problems } from './problems.ts';
import { RESOURCE_KEYS, readResources, SUBTASK_ROWS } from './resource-types.ts';
import { duration, int, nullable } from './types.ts';

export const TIME = nullable(duration(), 'the default of the task');
export const ATTEMPTS = nullable(int(1, 100), 'the default of the task');

/** Words that are not possible where they stand; each says more than "unknown key". */
export const NOT_YET: Readonly<Record<string, string>> = {
  usd: 'belongs into "limits": limits: {usd: 5}',
  tokens: 'belongs into "limits": limits: {tokens: 2M}',
};

export function refuseNotYet(map: MapNode, problems: Problems, path: string): void {
  for (const [key, why] of Object.entries(NOT_YET)) {
    const entry = map.entries.get(key);
    if (entry) problems.add(entry.key, join(path, key), why);
  }
}

export interface PlanLimits {
  attempts: number | null | undefined;
  timeout: number | null | undefined;
  idle: number | null | undefined;
  resources: SubtaskLimits;
}

const SHORT = ['attempts', 'timeout', 'idle_timeout'];

/**
 * attempts, timeout and idle timeout, in any of their spellings, each at most once; and what may be used of the machine
 * and the agent, over `outer`. A planner (`by_user: false`) may not say the latter: it would loosen the limits it is held by.
 */
export function readLimits(
  map: MapNode,
  path: string,
  problems: Problems,
  { outer, by_user }: { outer: SubtaskLimits; by_user: boolean },
): PlanLimits {
  const node = map.entries.get('limits')?.value;
  const below = join(path, 'limits');
  const limits =
    node && !isNothing(node)
      ? asMap(node, problems, below, `a map with ${[...SHORT, ...Object.keys(SUBTASK_ROWS)].join(', ')}`)
      : null;
  if (limits) {
    refuseUnknown(limits, [...SHORT, ...RESOURCE_KEYS], problems, below);
    for (const { key } of limits.entries.values())
      if (!by_user && RESOURCE_KEYS.includes(key.text))
        problems.add(key, join(below, key.text), 'only a plan written by the user can set this');
  }
  const spelled = (inner: string, ...outer: string[]) => [
    ...outer.map(key => ({ map, key, path })),
    ...(limits ? [{ map: limits, key: inner, path: below }] : []),
  ];
  return {
    attempts: either(spelled('attempts', 'attempts'), ATTEMPTS, problems),
    timeout: either(spelled('timeout', 'timeout', 'timeout_seconds'), TIME, problems),
    idle: either(spelled('idle_timeout', 'idle_timeout', 'idle_timeout_seconds'), TIME, problems),
    resources: limits ? readResources(limits, below, problems, outer) : outer,
  };
}

export function readEnv(map: MapNode, path: string, problems: Problems): Record<string, string> {
  return field(map, 'env', ENV, problems, path) ?? {};
}
