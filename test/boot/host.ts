/**
 * What this computer offers for booting machines: the reason why it cannot, the cgroup tree, and what is left of a run
 * that was killed. Used by setup.ts and machine.ts; nothing here knows of rasen.
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Program → Debian package that has it. All are needed; mmdebstrap only for the small root filesystem (rootfs.ts). */
const PROGRAMS: Record<string, string> = {
  'systemd-nspawn': 'systemd-container',
  losetup: 'mount',
  mount: 'mount',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  perl: 'perl-base',
};

/** Why machines cannot be booted here, in words for whoever reads the test's output; null when they can. */
export function whyNot(): string | null {
  if (process.platform !== 'linux') return 'machines need Linux';
  if (process.getuid?.() !== 0) return 'machines need root: loop devices, mounts and namespaces';
  const missing = Object.keys(PROGRAMS).filter(name => !hasProgram(name));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map(name => PROGRAMS[name]))].join(' ');
    return `not installed: ${missing.join(', ')} (apt-get install ${packages})`;
  }
  try {
    accessSync('/dev/loop-control', constants.R_OK | constants.W_OK);
  } catch {
    return 'no loop devices: /dev/loop-control cannot be opened';
  }
  if (!existsSync(join(cgroupRoot(), 'cgroup.procs'))) return 'no cgroup v2 hierarchy is mounted';
  const { status, stderr } = spawnSync('unshare', ['--mount', '--propagation', 'private', 'true']);
  return status === 0 ? null : `no mount namespaces: ${stderr.toString().trim()}`;
}

export function hasProgram(name: string): boolean {
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':');
  return folders.some(folder => folder !== '' && existsSync(join(folder, name)));
}

/** The cgroup v2 tree: the whole of /sys/fs/cgroup, or its v2 leg where v1 controllers are mounted beside it. */
export function cgroupRoot(): string {
  const unified = '/sys/fs/cgroup/unified';
  return existsSync(join(unified, 'cgroup.procs')) ? unified : '/sys/fs/cgroup';
}

/** Loop devices whose file is under a folder. */
export function loopsUnder(folder: string): string[] {
  return readdirSync('/sys/block').filter(
    name => name.startsWith('loop') && readText(`/sys/block/${name}/loop/backing_file`).startsWith(folder),
  );
}

/** cgroups of machines, by the start of their name. */
export function cgroupsNamed(prefix: string): string[] {
  const root = cgroupRoot();
  return readdirSync(root)
    .filter(name => name.startsWith(prefix))
    .map(name => join(root, name));
}

/** How many inotify instances the kernel lets a user have. */
export const inotifyLimit = (): number => Number(readText('/proc/sys/fs/inotify/max_user_instances'));

/** How many of them root has not used, in this computer and its machines together. */
export function inotifyLeft(): number {
  const used = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && /\nUid:\t0\t/.test(readText(`/proc/${name}/status`)))
    .flatMap(pid => linksIn(`/proc/${pid}/fd`))
    .filter(target => target === 'anon_inode:inotify').length;
  return inotifyLimit() - used;
}

function linksIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap(name => {
      try {
        return readlinkSync(join(folder, name));
      } catch {
        return [];
      }
    });
  } catch {
    return []; // a process that is gone
  }
}

/** Ends every process in a cgroup and below, at once. */
export function killCgroup(path: string): void {
  try {
    writeFileSync(join(path, 'cgroup.kill'), '1');
  } catch {
    // It is gone already.
  }
}

/** Removes an empty cgroup tree; false while processes are still leaving it. */
export function removeCgroup(path: string): boolean {
  if (!existsSync(path)) return true;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    return false;
  }
  return true;
}

/** The text of a file, or nothing when it cannot be read (files of /proc and /sys come and go). */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Polls until the condition holds, and gives what it gave. Fails with the name of what did not come. The limit is for a
 * computer that is many times slower than the one on which the test was written.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeout_ms = 120_000, every_ms = 20 }: { timeout_ms?: number; every_ms?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  for (const end = Date.now() + timeout_ms; ; ) {
    const value = await condition();
    if (value) return value as NonNullable<Exclude<T, false>>;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeout_ms} ms`);
    await new Promise(resolve => setTimeout(resolve, every_ms));
  }
}
