/**
 * What a program in a sandbox sees of the files: an ordered list of rules, each for a path and all below it, of which the
 * deepest counts. Without a rule everything can be read and nothing be written. Pure; both kinds of sandbox are made of it.
 */
import { isBelow } from '../host/below.ts';

export type Access = 'hidden' | 'read' | 'write';

export interface Wish {
  /** Absolute; physical where it is there. */
  path: string;
  access: Access;
  /** Nobody's wish is stronger, and nothing below it is opened but by another of these. */
  firm?: boolean;
  /** What is seen there is another folder's. */
  from?: string;
}

export interface Rule extends Wish {
  is_folder: boolean;
}

/**
 * The rules in the order in which they are applied, from the root down. Of wishes for one path the later one counts,
 * unless the earlier one is firm. What changes nothing is left out.
 */
export function arranged<T extends Wish>(wishes: readonly T[]): T[] {
  const by_path = new Map<string, T>();
  for (const wish of wishes) if (wish.firm || !by_path.get(wish.path)?.firm) by_path.set(wish.path, wish);
  const sorted = [...by_path.values()].sort((a, b) => depth(a.path) - depth(b.path));
  const kept: T[] = [];
  for (const wish of sorted) {
    const around = kept.findLast(({ path }) => path !== wish.path && isBelow(path, wish.path));
    if (around?.firm && around.access === 'hidden' && !wish.firm) continue;
    const as_it_is = (around?.access ?? 'read') === wish.access && !around?.from && !wish.from;
    // A link could lead into what is firm from elsewhere, so it is hidden by itself all the same.
    if (!as_it_is) kept.push(wish);
  }
  return kept;
}

const depth = (path: string) => (path === '/' ? 0 : path.split('/').length);
