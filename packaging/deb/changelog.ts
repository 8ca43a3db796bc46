/** /usr/share/doc/rasen/changelog: packaging/deb/changelog, in the form of deb-changelog(5). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { debVersion } from './control.ts';
import type { PackageJson } from './tree.ts';

/** `epoch`: the time of an entry that has to be made, in seconds. */
export function changelog(root: string, { name, version, author }: PackageJson, epoch: number): string {
  const written = readFileSync(join(root, 'packaging/deb/changelog'), 'utf8');
  if (newestIn(written) === debVersion(version)) return written;
  // A build between two releases: nobody has written about it yet.
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  const entry = `${name} (${debVersion(version)}) unstable; urgency=medium\n\n  * Built from the sources.\n\n -- ${author}  ${date}\n`;
  return `${entry}\n${written}`;
}

/** The version of the first entry. Throws when there is none. */
export function newestIn(text: string): string {
  const version = /^\S+ \(([^)]+)\) /.exec(text)?.[1];
  if (version === undefined) throw new Error('the changelog of the package begins with no entry');
  return version;
}
