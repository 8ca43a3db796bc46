/**
 * One .deb from what `npm ci` and the build have left in the checkout. Used by `npm run package` and by the tests; needs
 * dpkg-deb and nothing else. The same sources give the same bytes, whatever the umask, the user and the clock are: modes
 * are set here; owners, times and order are dpkg-deb's to make equal.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { control, debVersion, md5sums, sizeKib } from './control.ts';
import type { Runtime } from './runtime.ts';
import { maintainerScripts, type PackageJson, tree } from './tree.ts';

export interface DebOptions {
  /** The checkout. */
  root: string;
  /** An existing folder; the staging tree is made in it and removed. */
  out: string;
  runtime: Runtime;
  /** Time of everything inside, in seconds; see `epoch.ts`. */
  epoch: number;
  /** none: for tests, which install it and throw it away; xz takes half a minute. */
  compression: 'xz' | 'none';
  package_json: PackageJson;
}

/** An entry of the package, its path without the leading slash. Directories are made as needed, 0755. */
export type Entry =
  | { path: string; mode: number; bytes: Buffer }
  /** `source`: a file that is too large to be held in memory. */
  | { path: string; mode: number; source: string }
  | { path: string; target: string };

/** Returns the path of the package. */
export function buildDeb(options: DebOptions): string {
  const { out, runtime, epoch, compression, package_json } = options;
  const staging = join(out, `.deb-${runtime.arch}`);
  rmSync(staging, { recursive: true, force: true });
  try {
    const entries = tree(options);
    for (const entry of entries) put(staging, entry);
    const meta: Entry[] = [
      { path: 'DEBIAN/control', mode: 0o644, bytes: control(package_json, runtime, sizeKib(staging)) },
      { path: 'DEBIAN/md5sums', mode: 0o644, bytes: md5sums(staging, entries) },
      ...maintainerScripts(options.root),
    ];
    for (const entry of meta) put(staging, entry);
    openDirectories(staging);
    const deb = join(out, `${package_json.name}_${debVersion(package_json.version)}_${runtime.arch}.deb`);
    execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', staging, deb], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return deb;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function put(staging: string, entry: Entry): void {
  const path = join(staging, entry.path);
  mkdirSync(dirname(path), { recursive: true });
  if ('target' in entry) {
    symlinkSync(entry.target, path);
    return;
  }
  if ('source' in entry) copyFileSync(entry.source, path);
  else writeFileSync(path, entry.bytes);
  chmodSync(path, entry.mode);
}

/** mkdir gave them what the umask left. */
function openDirectories(folder: string): void {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  chmodSync(folder, 0o755);
}
