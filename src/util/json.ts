/** Lenient access to parsed JSON, for streams whose shape changes with every release of the program that writes them. */

export type Json = { readonly [key: string]: unknown };

export const object = (value: unknown): Json | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A text that says something. */
export const text = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value : null;

export const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/** A count: 0 where there is none, or nonsense. Bounded, so that sums of counts stay numbers. */
export const count = (value: unknown): number => Math.round(amount(value) ?? 0);

/** What something costs, bounded as a count is; null where nothing is said. */
export const amount = (value: unknown): number | null => {
  const said = number(value);
  return said === null ? null : Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, said));
};
