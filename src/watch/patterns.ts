/** Patterns of files: with a slash the path has to match, without one the base name. Pure. */
import { basename, matchesGlob } from 'node:path';

const GLOB = /[*?[\]{}!()]/;

/** `path`: relative to the root, with slashes. A folder stands for all that is in it. */
export function matches(path: string, patterns: readonly string[]): boolean {
  return patterns.some(written => {
    const pattern = written.replace(/^\.\//, '').replace(/\/+$/, '');
    if (!pattern.includes('/') && pattern !== '.' && matchesGlob(basename(path), pattern)) return true;
    if (pattern === '.' || pattern === '**') return true;
    if (pattern.includes('/') && matchesGlob(path, pattern)) return true;
    return !GLOB.test(pattern) && (path === pattern || path.startsWith(`${pattern}/`));
  });
}

/** The folders or files below which something can match, relative to the root; '.' is all of it. */
export function basesOf(patterns: readonly string[]): string[] {
  const bases = patterns.map(written => {
    const pattern = written.replace(/^\.\//, '').replace(/\/+$/, '');
    if (!pattern.includes('/')) return '.';
    const parts = pattern.split('/');
    const glob = parts.findIndex(part => GLOB.test(part));
    return (glob < 0 ? parts : parts.slice(0, glob)).join('/') || '.';
  });
  if (bases.includes('.')) return ['.'];
  return [...new Set(bases)].filter(
    base => !bases.some(other => other !== base && base.startsWith(`${other}/`)),
  );
}
