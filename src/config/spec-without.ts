/** A spec for a supervisor of an earlier release, which refuses keys that it does not know. */
import { isDeepStrictEqual } from 'node:util';
import { type TaskSpec, taskSpec } from '../contract/spec.ts';

/**
 * The spec without these keys; null where that is another spec, since one of them does not say what its absence means.
 * `path`: of the object that holds the key, from the spec on.
 */
export function specWithout(
  spec: TaskSpec,
  keys: readonly { path: readonly string[]; key: string }[],
): TaskSpec | null {
  const less = structuredClone(spec);
  for (const { path, key } of keys) {
    let at: unknown = less;
    for (const part of path) at = (at as Record<string, unknown> | null | undefined)?.[part];
    if (typeof at !== 'object' || at === null) return null;
    delete (at as Record<string, unknown>)[key];
  }
  const read = taskSpec.safeParse(less);
  return read.success && isDeepStrictEqual(read.data, taskSpec.parse(spec)) ? less : null;
}
