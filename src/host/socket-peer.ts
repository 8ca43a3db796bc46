/**
 * Which process is at the other end of a Unix socket: SO_PEERCRED, which the kernel notes when a client connects and
 * nobody can forge. Node has no call for it, so a helper is given the descriptor and asks. Tried as well: `ss -xp` and
 * /proc/net/unix with a search through the descriptors of all processes, which take longer the more there are, and tell
 * who holds the socket now instead of who made it. perl takes 2 ms, python 17; both of the system, in an empty environment.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface PeerIds {
  /** 0: a process that cannot be seen from here (another PID namespace). */
  pid: number;
  uid: number;
}

/** A helper that has not answered by then is killed. */
const HELPER_MS_MAX = 5000;
/** Descriptors that one helper is given; what is asked while one runs goes to the next. */
const BATCH_MAX = 32;
const FIRST_FD = 3;

/** SOL_SOCKET and SO_PEERCRED are 1 and 17 everywhere but on sparc, parisc and mips, where this gives an error. */
const PERL = `for my $n (${FIRST_FD}..${FIRST_FD - 1}+$ARGV[0]) {
  my $c = open(S, "+<&=", $n) ? getsockopt(S, 1, 17) : undef;
  print defined $c && length $c == 12 ? join(" ", unpack("iII", $c)) : "-", "\\n";
}`;
const PYTHON = `import socket, struct, sys
for n in range(${FIRST_FD}, ${FIRST_FD} + int(sys.argv[1])):
  try: print(*struct.unpack("iII", socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, n).getsockopt(1, 17, 12)))
  except Exception: print("-")
`;
/** By absolute path: a PATH may lead through folders that agents can write. */
const HELPERS: readonly (readonly string[])[] = [
  ['/usr/bin/perl', '-e', PERL],
  ['/bin/perl', '-e', PERL],
  ['/usr/bin/python3', '-I', '-S', '-c', PYTHON],
];

interface Question {
  fd: () => number | null;
  answer: (ids: PeerIds | null) => void;
  fail: (error: unknown) => void;
}

export class SocketPeers {
  readonly #helper: readonly string[] | null;
  #asked: Question[] = [];
  #busy = false;

  constructor(platform: NodeJS.Platform = process.platform, helpers = HELPERS) {
    this.#helper = (platform === 'linux' && helpers.find(([program]) => existsSync(program!))) || null;
  }

  /** False: this machine has no means, so nobody is ever known. */
  get able(): boolean {
    return this.#helper !== null;
  }

  /**
   * Null: it could not be found out. `fd` gives the descriptor of the socket at the moment when it is needed, or null when
   * the socket is closed by then: its number may be another file's. Rejects where no helper can be started now.
   */
  peerOf(fd: () => number | null): Promise<PeerIds | null> {
    if (!this.able) return Promise.resolve(null);
    return new Promise((answer, fail) => {
      this.#asked.push({ fd, answer, fail });
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#asked.length > 0) {
      const batch = this.#asked.splice(0, BATCH_MAX);
      const open = batch.flatMap(({ fd, answer, fail }) => {
        const number = fd();
        return number === null ? [] : [{ number, answer, fail }];
      });
      for (const question of batch)
        if (!open.some(it => it.answer === question.answer)) question.answer(null);
      if (open.length === 0) continue;
      try {
        const lines = await run(
          this.#helper!,
          open.map(({ number }) => number),
        );
        for (const [i, { answer }] of open.entries()) answer(parse(lines[i]));
      } catch (error) {
        for (const { fail } of open) fail(error);
      }
    }
    this.#busy = false;
  }
}

function parse(line: string | undefined): PeerIds | null {
  const found = /^(\d+) (\d+) \d+$/.exec(line ?? '');
  return found && { pid: Number(found[1]), uid: Number(found[2]) };
}

/** The lines that the helper printed. Not descriptors 0 to 2: those would be made blocking, for us as well. */
function run([program, ...args]: readonly string[], fds: readonly number[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let text = '';
    const child = spawn(program!, [...args, String(fds.length)], {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'pipe', 'ignore', ...fds],
      timeout: HELPER_MS_MAX,
      killSignal: 'SIGKILL',
    });
    // Where no descriptors or memory are left for a child, there may be no pipe either.
    child.once('error', reject);
    child.once('close', () => resolve(text.split('\n')));
    child.stdout?.setEncoding('latin1').on('data', chunk => {
      text += chunk;
    });
  });
}
