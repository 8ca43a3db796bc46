/** Compares two parsed files key by key. Pure. */

export type Table = { readonly [key: string]: unknown };

export const table = (value: unknown): Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {};

/** The value at a dotted path, or undefined. */
export function at(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split('.')) {
    const here = table(found);
    found = Object.hasOwn(here, key) ? here[key] : undefined;
  }
  return found;
}

export const isSame = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

/** Order of keys is no difference. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null || value instanceof Date)
    return JSON.stringify(value) ?? 'undefined';
  const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`);
  return `{${entries.toSorted().join(',')}}`;
}

/** Keys whose values differ, those that one side lacks included. */
export function differing(before: unknown, after: unknown): string[] {
  const [a, b] = [table(before), table(after)];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].filter(key => !isSame(at1(a, key), at1(b, key)));
}

/** Keys that were there and have another value now, or are gone. */
export const changedKeys = (before: unknown, after: unknown): string[] =>
  differing(before, after).filter(key => Object.hasOwn(table(before), key));

const at1 = (value: Table, key: string) => (Object.hasOwn(value, key) ? value[key] : undefined);

/** A copy of the table with the value at a dotted path, or without it. */
export function withValue(value: unknown, path: string, put: unknown): Record<string, unknown> {
  const [key = '', ...rest] = path.split('.');
  const { [key]: old, ...others } = table(value) as Record<string, unknown>;
  if (put === undefined && at(value, path) === undefined) return { ...table(value) };
  if (rest.length === 0) return put === undefined ? others : { ...others, [key]: put };
  return { ...others, [key]: withValue(old, rest.join('.'), put) };
}
