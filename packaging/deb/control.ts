/** The files in DEBIAN/ that dpkg reads, as texts; build.ts writes them. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from './build.ts';
import { depends, type Runtime } from './runtime.ts';
import type { PackageJson } from './tree.ts';

/** A pre-release sorts before the release: 1.0.0-rc.1 is 1.0.0~rc.1. */
export const debVersion = (version: string): string => version.replace('-', '~');

export function control(pkg: PackageJson, runtime: Runtime, installed_kib: number): Buffer {
  const fields: [string, string][] = [
    ['Package', pkg.name],
    ['Version', debVersion(pkg.version)],
    ['Architecture', runtime.arch],
    ['Maintainer', pkg.author],
    ['Installed-Size', String(installed_kib)],
    ['Depends', depends(readFileSync(runtime.binary)).join(', ')],
    // git: tasks with agents work in worktrees; plain commands do not need it. bubblewrap: the sandbox of agents. logind: runs
    // the user managers.
    ['Recommends', 'git, bubblewrap, default-logind | logind'],
    ['Suggests', 'logrotate'],
    ['Section', 'devel'],
    ['Priority', 'optional'],
    ['Homepage', pkg.homepage ?? ''],
    ...vcs(pkg),
    ['Description', DESCRIPTION],
  ];
  return Buffer.from(fields.flatMap(([name, value]) => (value ? [`${name}: ${value}\n`] : [])).join(''));
}

/** Where the sources are, as package.json has it. */
function vcs({ repository }: PackageJson): [string, string][] {
  const git = repository?.url.replace(/^git\+/, '');
  if (!git) return [];
  return [
    ['Vcs-Git', git],
    ['Vcs-Browser', git.replace(/\.git$/, '')],
  ];
}

const DESCRIPTION = `supervisor for long-running coding tasks, builds and checks
 The daemon rasend owns work that takes hours: coding agents, builds,
 migrations, checks. Work goes on through closed terminals, crashes, upgrades
 and restarts of the daemon, and is taken up again after a reboot or a power
 cut. What an agent calls done is checked by gates on a named commit.
 .
 rasen is the command line. Units for systemd are included, for the user's own
 service manager and as a template for the system; none of them is enabled by
 the installation. The package brings its own Node.js runtime.`;

export function md5sums(staging: string, entries: readonly Entry[]): Buffer {
  const lines = entries
    .filter(entry => !('target' in entry))
    .map(({ path }) => `${md5(join(staging, path))}  ${path}\n`)
    .sort((a, b) => (a.slice(34) < b.slice(34) ? -1 : 1));
  return Buffer.from(lines.join(''));
}

const md5 = (path: string) => createHash('md5').update(readFileSync(path)).digest('hex');

/** As dpkg-gencontrol counts: files in whole KiB, everything else as one. */
export function sizeKib(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(entry => (entry.isFile() ? Math.ceil(lstatSync(join(entry.parentPath, entry.name)).size / 1024) : 1))
    .reduce((sum, kib) => sum + kib, 0);
}
