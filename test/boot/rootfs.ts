/**
 * What machines boot: two root filesystems with different systemds, read only under every machine's own disk.
 *
 *   host    this computer's own `/`: nothing to download
 *   small   Debian with a newer systemd, made by mmdebstrap from the mirror that apt here uses, and kept for later runs
 *
 * Over each lies the site layer: the users, and nothing started that the distribution's systemd does not start itself.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expectSuccess, must, start } from './command.ts';
import { hasProgram } from './host.ts';
import { USERS } from './users.ts';

export type System = 'host' | 'small';

const CACHE = process.env.RASEN_BOOT_CACHE ?? '/var/cache/rasen-boot';
const SUITE = 'trixie'; // systemd 257
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'dbus-user-session', 'libpam-systemd', 'polkitd'].concat(
  ['procps', 'git', 'logrotate'], // what a user of rasen has
);
/** Half a minute is usual. */
const MAKING_SECONDS_MAX = 600;
const WITHOUT = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];

/** The folder of the small root filesystem, made when it is not there yet (half a minute). Throws with the reason. */
export async function smallRoot(): Promise<string> {
  const recipe = JSON.stringify([SUITE, PACKAGES, WITHOUT]);
  const key = createHash('sha256').update(recipe).digest('hex').slice(0, 12);
  const root = join(CACHE, `${SUITE}-${key}`);
  if (existsSync(root)) return root;
  if (!hasProgram('mmdebstrap')) throw new Error('mmdebstrap is not installed (apt-get install mmdebstrap)');
  mkdirSync(CACHE, { recursive: true, mode: 0o755 });
  await removeHalfMade();
  const making = `${root}.${process.pid}`;
  const without = WITHOUT.map(glob => `--dpkgopt=path-exclude=${glob}`);
  const mirror = await aptMirror();
  const options = ['--quiet', '--variant=minbase', `--include=${PACKAGES}`, ...without];
  // A mirror that does not answer must not hold up everything else.
  const limit = ['timeout', '--kill-after=30', String(MAKING_SECONDS_MAX)];
  const ran = await start([...limit, 'mmdebstrap', ...options, SUITE, making, mirror]).ended;
  if (ran.code !== 0) {
    rmSync(making, { recursive: true, force: true });
    // Which mirror it was is this computer's business.
    throw new Error(
      `mmdebstrap failed (${ran.code ?? ran.signal}): ${ran.stderr.replaceAll(mirror, 'MIRROR/').trim().slice(-500)}`,
    );
  }
  try {
    renameSync(making, root);
  } catch (error) {
    // Another run was first.
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(root)) throw error;
  }
  return root;
}

/** What a killed run was making. */
async function removeHalfMade(): Promise<void> {
  for (const name of readdirSync(CACHE)) {
    const pid = /\.(\d+)$/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    // A mount that mmdebstrap has left in it is not ours to empty.
    await must(['rm', '-rf', '--one-file-system', join(CACHE, name)]);
  }
}

/** The mirror that apt is configured with. */
async function aptMirror(): Promise<string> {
  const said = await must(['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const first = said.split('\n')[0];
  if (!first) throw new Error('apt has no package sources (run apt-get update)');
  return first;
}

/** "systemd 257 (…)" → 257. */
export async function systemdVersion(root: string): Promise<number> {
  const said = await must(['chroot', root, 'systemctl', '--version']);
  return Number(/systemd (\d+)/.exec(said)?.[1]);
}

/**
 * Makes the site layer of a root filesystem in an empty folder. Units that packages or people enabled are left out as a
 * whole, and init scripts too: a developer's computer would start its databases in every machine.
 */
export async function makeSite(root: string, folder: string): Promise<string> {
  const [site, work, mounted] = ['site', 'work', 'mounted'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [site, work, mounted]) mkdirSync(path, { recursive: true });
  const users = Object.entries(USERS)
    .map(([name, id]) => `groupadd -g ${id} ${name} && useradd -m -s /bin/bash -u ${id} -g ${id} ${name}`)
    .join('\n');
  const script = `set -e
    mount -t overlay site -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
    cd "$4"
    rm -rf etc/systemd/system/*.wants etc/systemd/user/*.wants etc/rc?.d/* etc/init.d/*
    rm -f etc/fstab etc/machine-id var/lib/dbus/machine-id etc/npmrc
    : >etc/machine-id
    chroot . sh -ec '${users}'`;
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  const ran = await start([...argv, root, site, work, mounted]).ended;
  expectSuccess(`the site layer over ${root}`, ran);
  return site;
}
