/** A spec for a supervisor of an earlier release, which refuses keys that it does not know. */
import { isDeepStrictEqual } from 'node:util';
import { type TaskSpec, taskSpec } from '../contract/spec.ts';

/**
 * The spec without a key; null where that is another spec, since the key does not say what its absence means. `path`: of
 * the object that holds the key, from the spec on.
 */
export function specWithout(
  spec: TaskSpec,
  { path, key }: { path: readonly string[]; key: string },
): TaskSpec | null {
  const less = structuredClone(spec);
  let at: unknown = less;
  for (const part of path) at = (at as Record<string, unknown> | null | undefined)?.[part];
  if (typeof at !== 'object' || at === null) return null;
  delete (at as Record<string, unknown>)[key];
  const read = taskSpec.safeParse(less);
  const whole = taskSpec.safeParse(spec);
  return read.success && whole.success && isDeepStrictEqual(read.data, whole.data) ? less : null;
}
