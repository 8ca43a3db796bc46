/**
 * The machine's own root filesystem to write into: an overlay whose upper layer is in memory, in namespaces of its own.
 * For tests that install system packages. Nothing reaches the machine, whose service manager is out of sight too (/run is
 * empty); processes, mounts and files end with the namespaces, also when the test is killed, since their first process
 * ends with its standard input. Needs root.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** `$1` is a folder to mount on, `$2` one to show as /mnt. */
const SETUP = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 scratch "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs scratch-run "$1/root/run"
mount -t tmpfs -o mode=1777 scratch-tmp "$1/root/tmp"
mount --bind "$2" "$1/root/mnt"
echo ready
exec cat >/dev/null`;

export class ScratchRoot {
  readonly #holder: ChildProcess;
  readonly #mount: string;
  readonly #pid: number;

  private constructor(holder: ChildProcess, mount: string, pid: number) {
    this.#holder = holder;
    this.#mount = mount;
    this.#pid = pid;
  }

  /** `mount`: an empty folder. `shown`: a folder that programs inside find as /mnt. */
  static async make(mount: string, shown: string): Promise<ScratchRoot> {
    const args = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', SETUP, 'sh', mount, shown];
    const holder = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    holder.stderr.on('data', chunk => {
      stderr += chunk;
    });
    const first = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
    if (String(first[0]) !== 'ready\n') throw new Error(`no root filesystem to write into: ${stderr}`);
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8');
    return new ScratchRoot(holder, mount, Number(children));
  }

  /** Runs a program inside, with nothing of the test's environment but `env`. */
  run(argv: readonly string[], env: Record<string, string> = {}): Ran {
    return this.#enter(['chroot', join(this.#mount, 'root'), ...argv], {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C.UTF-8',
      DEBIAN_FRONTEND: 'noninteractive',
      ...env,
    });
  }

  /** Paths that differ from the machine's: made, changed, or (with a leading `-`) removed. */
  changes(): string[] {
    const upper = join(this.#mount, 'upper');
    const { stdout, stderr, status } = this.#enter(
      ['find', upper, '-mindepth', '1', '-printf', '%y /%P\\n'],
      {
        PATH: process.env.PATH!,
      },
    );
    if (status !== 0) throw new Error(stderr);
    return stdout
      .split('\n')
      .filter(line => line && !(line.startsWith('d ') && existsSync(line.slice(2))))
      .map(line => (line.startsWith('c ') ? `-${line.slice(2)}` : line.slice(2)))
      .sort();
  }

  async end(): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin!.end();
    await ended;
  }

  #enter(argv: readonly string[], env: Record<string, string>): Ran {
    const args = ['--target', String(this.#pid), '--mount', '--pid', '--', ...argv];
    const { status, stdout, stderr } = spawnSync('nsenter', args, {
      env,
      encoding: 'utf8',
      timeout: 120_000,
    });
    return { status, stdout, stderr };
  }
}
