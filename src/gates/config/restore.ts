/**
 * The gate configuration of before under a change of today: what a gate means is as a person knows it, and what the new source
 * needs is there. Files that serve nothing but tools are as they were, or away; manifests keep the dependencies, scripts and
 * names that are new; all else in them is as it was. Pure.
 */
import { parse as parseToml, stringify as stringifyToml } from 'smol-toml';
import { isSame } from './compare.ts';
import { configOf, isOfTools, shadowOf } from './files.ts';
import { mergedMakefile } from './makefile.ts';
import { mergedPackage } from './package-json.ts';
import { mergedPython, mergedRust } from './tables.ts';

type Merge = (before: string, after: string) => string;

const toml = (merge: (before: unknown, after: unknown) => Record<string, unknown>): Merge => {
  return (before, after) => {
    const [was, is] = [parseToml(before), parseToml(after)];
    const merged = merge(was, is);
    return isSame(merged, is) ? after : stringifyToml(merged);
  };
};
const json: Merge = (before, after) => {
  const [was, is] = [before, after].map(text => JSON.parse(text.replace(/^\uFEFF/, '')) as unknown);
  const merged = mergedPackage(was, is);
  return isSame(merged, is) ? after : `${JSON.stringify(merged, null, 2)}\n`;
};

const MERGED: readonly [name: RegExp, merge: Merge][] = [
  [/(?:^|\/)package\.json$/, json],
  [/(?:^|\/)pyproject\.toml$/, toml(mergedPython)],
  [/(?:^|\/)Cargo\.toml$/, toml(mergedRust)],
  [/(?:^|\/)(?:GNUm|M|m)akefile$|\.mk$/, mergedMakefile],
];

const mergeOf = (path: string) => MERGED.find(([name]) => name.test(path))?.[1];
const isWhole = (path: string) => configOf(path) !== null || isOfTools(path);

/** Whether the file has a say in what a gate means, so that it may have to be as it was. */
export const isGateConfig = (path: string): boolean =>
  isWhole(path) || shadowOf(path) !== null || isMerged(path);

/** Whether its text has to be known to tell. */
export const isMerged = (path: string): boolean => mergeOf(path) !== undefined;

/**
 * What stands at `path` where the gates have the configuration of before; null: nothing does. undefined: the same as today.
 * A manifest that is new or gone belongs to the change.
 */
export function restored(
  path: string,
  before: string | null,
  after: string | null,
): string | null | undefined {
  if (before === after) return undefined;
  const merge = mergeOf(path);
  if (merge && before !== null && after !== null) {
    try {
      const text = merge(before, after);
      return text === after ? undefined : text;
    } catch {
      return before;
    }
  }
  return isWhole(path) || (before === null && shadowOf(path) !== null) ? before : undefined;
}
