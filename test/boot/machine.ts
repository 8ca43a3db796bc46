/**
 * A machine that boots a real systemd in systemd-nspawn, with clean reboots and honest power cuts.
 *
 *   disk.img (ext4 or xfs, its own loop device)          one cgroup per machine
 *     upper/  over the read-only lowers  → the root       <cgroup>/supervisor   systemd-nspawn
 *     home/                              → /home          <cgroup>/payload      its PID 1 and all below
 *   outside/  on this computer           → /outside       <cgroup>/payload/enter-N   commands that we enter
 *
 * A power cut stops every process where it is, shuts the machine's own filesystem down without flushing its log, and
 * kills everything: what was never synced is lost, what was synced is there. (Killing nspawn alone loses nothing, for
 * the page cache is this computer's.) /outside survives, as a second computer would: witnesses write there.
 *
 * systemd-nspawn is a child of the test process and dies with it; so do the mounts (launch.sh) and the loop device.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expectSuccess, must, type Ran, type Running, start } from './command.ts';
import {
  cgroupRoot,
  inotifyLeft,
  inotifyLimit,
  killCgroup,
  loopsUnder,
  readText,
  removeCgroup,
  until,
} from './host.ts';
import { idOf, USERS, type User } from './users.ts';

const LAUNCH = join(import.meta.dirname, 'launch.sh');
/** What systemd-nspawn --keep-unit ends with when the machine asked for a reboot. */
const REBOOT_EXIT = 133;
/**
 * A machine that runs has five inotify instances of root, and several may start in the same moment. Where none is left its
 * PID 1 ends without a word.
 */
const INOTIFY_ROOM = 32;
const DISK_BYTES = 4 * 1024 ** 3;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export type Filesystem = 'ext4' | 'xfs';

export interface MachineOptions {
  /** Unique in a test run; also the host name. */
  name: string;
  /** Folder of the test run; the machine lives in a folder below it. */
  run: string;
  /** Start of the cgroup's name, by which a later run finds what a killed one left. */
  cgroup_prefix: string;
  /** Folders under the disk, topmost first; read only. */
  lowers: readonly string[];
  fs?: Filesystem;
}

export interface RunOptions {
  /** Default: root. */
  user?: User;
  /** With nothing in its environment but what cron sets: no XDG_RUNTIME_DIR, no session bus. */
  bare?: boolean;
  env?: Record<string, string>;
  input?: string | Buffer;
  /** The command and all it started in its cgroup are killed after it. */
  timeout_ms?: number;
}

export interface Booted {
  /** When the machine was switched on, by the clock that machines share with us. */
  at_ms: number;
  /** Until `systemctl is-system-running` had an answer. */
  took_ms: number;
  /** `running`, or `degraded` when units failed. */
  state: string;
  failed: string;
}

export class Machine {
  readonly name: string;
  readonly fs: Filesystem;
  /** /outside of the machine, on this computer: survives everything that happens to the machine. */
  readonly outside: string;
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #lowers: string;
  #nspawn: ChildProcess | null = null;
  #ended: Promise<number | null> = Promise.resolve(null);
  #entered = 0;

  private constructor({ name, run, cgroup_prefix, lowers, fs = 'ext4' }: MachineOptions) {
    this.name = name;
    this.fs = fs;
    this.#folder = join(run, 'machines', name);
    this.outside = join(this.#folder, 'outside');
    this.#cgroup = join(cgroupRoot(), `${cgroup_prefix}${name}`);
    this.#lowers = lowers.join(':');
  }

  static async create(options: MachineOptions): Promise<Machine> {
    const machine = new Machine(options);
    await machine.#make(options.name);
    return machine;
  }

  async #make(name: string): Promise<void> {
    for (const part of ['disk', 'root', 'outside']) mkdirSync(join(this.#folder, part), { recursive: true });
    // Written by root and by all users, also one file by several.
    chmodSync(this.outside, 0o777);
    writeFileSync(join(this.outside, 'witness'), '');
    chmodSync(join(this.outside, 'witness'), 0o666);
    const image = join(this.#folder, 'disk.img');
    closeSync(openSync(image, 'wx', 0o600));
    truncateSync(image, DISK_BYTES);
    await must([`mkfs.${this.fs}`, '-q', image]);
    // Fixed before the first boot, so that no power cut can take it. Homes are on the disk itself, not in the overlay.
    const users = Object.keys(USERS).join(' ');
    const id = randomBytes(16).toString('hex');
    const text = `set -e
      printf '%s\\n' "$2" >"$1/root/etc/machine-id"
      printf '%s\\n' "$3" >"$1/root/etc/hostname"
      for user in $4; do cp -a "$1/root/home/$user" "$1/disk/home/"; done
      mkdir -p "$1/root/var/log/journal" "$1/root/outside"
      sync`;
    expectSuccess(
      `making ${name}`,
      await this.#offline(['sh', '-c', text, 'sh', this.#folder, id, name, users]),
    );
  }

  get isOn(): boolean {
    return this.#nspawn !== null;
  }

  /** Switches it on and waits until systemd has done all that belongs to starting. */
  async boot({ timeout_ms = 180_000 } = {}): Promise<Booted> {
    if (this.#nspawn) throw new Error(`${this.name} is on`);
    await until(
      `${INOTIFY_ROOM} free inotify instances for ${this.name} (fs.inotify.max_user_instances is ${inotifyLimit()})`,
      () => inotifyLeft() >= INOTIFY_ROOM,
      { timeout_ms: 600_000, every_ms: 200 },
    );
    const at_ms = Date.now();
    this.#launch();
    const ended = this.#ended;
    const state = await until(
      `${this.name} has started`,
      async () => {
        if (!this.#nspawn)
          throw new Error(
            `${this.name} died while starting: systemd-nspawn ended with ${await ended}, ${inotifyLeft()} inotify instances were left\n${this.console()}`,
          );
        // The payload's cgroup comes a moment after its first process.
        if (!this.#leader() || !existsSync(join(this.#cgroup, 'payload/cgroup.procs'))) return null;
        const ran = await this.run(['systemctl', 'is-system-running']).catch(error => {
          if (this.#leader()) throw error;
          return null;
        });
        const said = ran?.stdout.trim() ?? '';
        return /^(running|degraded)$/.test(said) ? said : null;
      },
      { timeout_ms, every_ms: 50 },
    );
    const took_ms = Date.now() - at_ms;
    const failed = state === 'running' ? '' : await this.ok(['systemctl', '--failed', '--no-legend']);
    return { at_ms, took_ms, state, failed };
  }

  #launch(): void {
    mkdirSync(this.#cgroup, { recursive: true });
    // Where the v2 tree has controllers, the machine gets them; memory limits in it are real then.
    for (const controller of readText(join(cgroupRoot(), 'cgroup.controllers')).split(/\s+/).filter(Boolean))
      try {
        writeFileSync(join(cgroupRoot(), 'cgroup.subtree_control'), `+${controller}`);
      } catch {
        // Not to be had; tests look at what the machine has.
      }
    const log = openSync(join(this.#folder, 'console.log'), 'a');
    const nspawn = [
      ...[
        'systemd-nspawn',
        '--quiet',
        '--boot',
        `--directory=${this.#folder}/root`,
        `--machine=${this.name}`,
      ],
      ...['--register=no', '--keep-unit', '--private-network', '--console=pipe', '--link-journal=no'],
      ...['--resolv-conf=off', '--timezone=off', `--bind=${this.#folder}/disk/home:/home`],
      ...[
        `--bind=${this.outside}:/outside`,
        '--tmpfs=/root:mode=0700',
        '--',
        'systemd.log_target=journal-or-kmsg',
      ],
    ];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...this.#mounted(this.#cgroup, nspawn)], {
      env: { PATH, LANG: 'C.UTF-8', SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1', SYSTEMD_NSPAWN_LOCK: '0' },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#nspawn = child;
    this.#ended = new Promise(resolve => {
      const end = (code: number | null) => {
        this.#nspawn = null;
        resolve(code);
      };
      child.once('error', () => end(null));
      child.once('exit', end);
    });
  }

  /** A command in a mount namespace of its own in which the machine's disk and root are mounted. */
  #mounted(cgroup: string, argv: readonly string[]): string[] {
    const launch = ['sh', LAUNCH, this.#folder, this.#lowers, cgroup];
    return ['unshare', '--mount', '--propagation', 'private', ...launch, ...argv];
  }

  /** Runs a command of this computer on the root of the machine while it is off. */
  async #offline(argv: readonly string[]): Promise<Ran> {
    if (this.#nspawn) throw new Error(`${this.name} is on`);
    await this.#diskFree();
    const ran = await start(this.#mounted('', argv)).ended;
    await this.#diskFree();
    return ran;
  }

  /** The machine's PID 1 as we see it. systemd-nspawn has other children for moments while it starts. */
  #leader(): number | null {
    const parent = this.#nspawn?.pid;
    if (!parent) return null;
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const status = readText(`/proc/${name}/status`);
      if (status.includes(`\nPPid:\t${parent}\n`) && /\nNSpid:(\t\d+)+\t1\n/.test(status))
        return Number(name);
    }
    return null;
  }

  /**
   * Starts a program in the machine, as root or as a user, with a clean environment and no session: as cron and `ssh
   * host command` do. It has a cgroup of its own inside the machine, for logind refuses to serve a process of another tree.
   */
  start(
    argv: readonly string[],
    { user, bare, env = {}, input }: RunOptions = {},
  ): Running & { kill(): void } {
    const leader = this.#leader();
    if (!leader) throw new Error(`${this.name} is off`);
    const cgroup = join(this.#cgroup, 'payload', `enter-${++this.#entered}`);
    mkdirSync(cgroup);
    const base: Record<string, string> = {
      PATH,
      LANG: 'C.UTF-8',
      TERM: 'dumb',
      SYSTEMD_PAGER: '',
      NO_COLOR: '1',
    };
    let become: string[] = [];
    if (user) {
      const id = String(idOf(user));
      Object.assign(base, { HOME: `/home/${user}`, USER: user, LOGNAME: user, SHELL: '/bin/sh' });
      if (!bare) base.XDG_RUNTIME_DIR = `/run/user/${id}`;
      become = ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--init-groups'];
    }
    const variables = Object.entries({ ...base, ...env }).map(([key, value]) => `${key}=${value}`);
    const running = start(
      [
        ...['sh', '-c', 'echo $$ >"$0" && exec "$@"', join(cgroup, 'cgroup.procs')],
        ...['nsenter', `--target=${leader}`, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--'],
        ...[
          'env',
          '-i',
          ...variables,
          ...become,
          'sh',
          '-c',
          'cd ~ 2>/dev/null || cd /; exec "$@"',
          'sh',
          ...argv,
        ],
      ],
      { env: { PATH }, input },
    );
    // What it left running in the background keeps the cgroup, until the machine ends.
    running.ended.then(
      () => removeCgroup(cgroup),
      () => removeCgroup(cgroup),
    );
    return { ...running, kill: () => killCgroup(cgroup) };
  }

  /** Runs a program to its end. A string is a script for sh. */
  async run(command: readonly string[] | string, options: RunOptions = {}): Promise<Ran> {
    const argv = typeof command === 'string' ? ['sh', '-c', command] : command;
    const { timeout_ms = 180_000 } = options;
    const running = this.start(argv, options);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      running.kill();
    }, timeout_ms);
    const ran = await running.ended.finally(() => clearTimeout(timer));
    if (late)
      throw new Error(
        `${this.name}: ${argv.join(' ')}: not over after ${timeout_ms} ms\n${ran.stdout}${ran.stderr}`,
      );
    return ran;
  }

  /** Runs a program that must succeed, and gives its standard output. */
  async ok(command: readonly string[] | string, options: RunOptions = {}): Promise<string> {
    const what = typeof command === 'string' ? command : command.join(' ');
    return expectSuccess(`${this.name}: ${what}`, await this.run(command, options));
  }

  /** Writes a file, in folders that are made as needed; both belong to the user. */
  async put(
    path: string,
    text: string | Buffer,
    { user, mode = '0644' }: { user?: User; mode?: string } = {},
  ) {
    const script = 'set -e; mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"';
    await this.ok(['sh', '-c', script, 'sh', path, mode], { user, input: text });
  }

  /** The journal, of the living machine or of the one that is off. */
  async journal(args: readonly string[] = []): Promise<string> {
    const call = ['journalctl', '--no-pager', '--quiet', ...args];
    if (this.#nspawn) return (await this.run(call)).stdout;
    return (await this.#offline([...call, '--directory', join(this.#folder, 'root/var/log/journal')])).stdout;
  }

  /** What the machine said on its console, from the first boot on; the end of it. */
  console(): string {
    return readText(join(this.#folder, 'console.log')).slice(-4000);
  }

  /** As `reboot` and `poweroff` typed by an administrator; all units are stopped in order. */
  async reboot(options?: { timeout_ms?: number }): Promise<Booted> {
    await this.#down('reboot', REBOOT_EXIT);
    return this.boot(options);
  }

  async poweroff(): Promise<void> {
    await this.#down('poweroff', 0);
  }

  async #down(verb: 'reboot' | 'poweroff', expected: number): Promise<void> {
    const ended = this.#ended;
    // The answer may not reach us any more; the end of the machine is what counts.
    await this.run(['systemctl', '--no-block', verb]);
    const code = await deadline(`${this.name} goes down`, ended, 300_000);
    if (code !== expected) throw new Error(`${verb} of ${this.name} ended with ${code}\n${this.console()}`);
    await this.#gone();
  }

  /** From one instruction to the next; see the head of this file. */
  async powercut(): Promise<void> {
    const nspawn = this.#nspawn;
    if (!nspawn) throw new Error(`${this.name} is off`);
    await this.#freeze();
    // EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are one number; 2 is "without flushing the log".
    const script =
      'open(my $f, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl($f, 0x8004587d, $how) or die "shutdown: $!"';
    await must(['perl', '-e', script, `/proc/${nspawn.pid}/root${this.#folder}/disk`]);
    killCgroup(this.#cgroup);
    await deadline(`${this.name} is off`, this.#ended, 120_000);
    await this.#gone();
  }

  /** So that nobody in it sees a disk that fails, which no power cut shows to anyone. */
  async #freeze(): Promise<void> {
    writeFileSync(join(this.#cgroup, 'cgroup.freeze'), '1');
    const events = join(this.#cgroup, 'cgroup.events');
    await until(`${this.name} is frozen`, () => readText(events).includes('frozen 1'), { every_ms: 1 });
  }

  /** Ends it, whatever it does, and removes its folder. */
  async destroy(): Promise<void> {
    killCgroup(this.#cgroup);
    await this.#ended;
    await this.#gone();
    rmSync(this.#folder, { recursive: true, force: true });
    // systemd-nspawn removes it where /run is a tmpfs, and on a disk it refuses to.
    rmSync(join('/run/systemd/nspawn/propagate', this.name), { recursive: true, force: true });
  }

  async #gone(): Promise<void> {
    await this.#diskFree();
    await until(`the cgroup of ${this.name} is empty`, () => removeCgroup(this.#cgroup));
  }

  /** The loop device goes by itself when the last mount namespace with the disk is gone. */
  async #diskFree(): Promise<void> {
    await until(`the disk of ${this.name} is free`, () => loopsUnder(`${this.#folder}/`).length === 0);
  }
}

async function deadline<T>(what: string, promise: Promise<T>, timeout_ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeout_ms} ms`)), timeout_ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
