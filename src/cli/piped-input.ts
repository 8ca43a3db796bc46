/**
 * Standard input of `rasen run`: what is piped in becomes part of the task with --stdin. Without it nothing is read, since
 * it may be that of a loop around (`while read f; do rasen run …; done`); that something is there is told.
 */
import { fstatSync, readFileSync, type Stats } from 'node:fs';
import { isatty } from 'node:tty';
import { INBOX_BYTES_MAX, type Kept, putInInbox } from '../host/inbox.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';

/** Reads all of it into the inbox. Throws `usage` when that is more than a task may keep. */
export async function keepInput({ out }: Context, home: string, task: string): Promise<Kept> {
  if (isatty(0) && out.stderr.isTTY) out.note('reading standard input until Ctrl-D');
  const kept = await putInInbox(home, task, 'input', process.stdin as AsyncIterable<Buffer>);
  if (kept) return kept;
  const mib = INBOX_BYTES_MAX.input / 1024 / 1024;
  throw usage(
    `More than ${mib} MiB came on standard input, which is more than a task keeps. Nothing was started.`,
    'Put it into a file, and name that to the command.',
  );
}

/** Says once that something is there that the command will not get. */
export class UnreadInput {
  readonly #context: Context;
  #told = false;

  constructor(context: Context) {
    this.#context = context;
  }

  async tell(): Promise<void> {
    if (this.#told || !(await isSomethingThere())) return;
    this.#told = true;
    this.#context.out.note(
      'standard input is not handed to the command; to keep it with the task: rasen run --stdin, or else </dev/null',
    );
  }
}

async function isSomethingThere(): Promise<boolean> {
  let stat: Stats;
  try {
    stat = fstatSync(0);
  } catch {
    // Closed.
    return false;
  }
  if (stat.isFile()) return stat.size > position();
  if (stat.isFIFO() || stat.isSocket()) return (await waitingBytes()) ?? stat.isFIFO();
  return false;
}

/** How far a file was read by those who share it. */
function position(): number {
  try {
    return Number(/^pos:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** FIONREAD, for which Node has no call. Null: this machine has no perl to ask. */
async function waitingBytes(): Promise<boolean | null> {
  const FIONREAD = process.platform === 'darwin' ? 0x4004667f : 0x541b;
  const script = `my $n = pack("i", 0); ioctl(STDIN, ${FIONREAD}, $n) or exit 2; exit(unpack("i", $n) > 0 ? 0 : 1)`;
  const { spawn } = await import('node:child_process');
  return await new Promise(resolve => {
    const child = spawn('/usr/bin/perl', ['-e', script], { stdio: ['inherit', 'ignore', 'ignore'], env: {} });
    child.once('error', () => resolve(null));
    child.once('exit', code => resolve(code === 0 ? true : code === 1 ? false : null));
  });
}
