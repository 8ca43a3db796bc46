/**
 * A terminal for a command that buffers or draws only where it has one: script(1), which Linux (util-linux) and macOS come
 * with. It is part of the attempt as any program of the command's own would be, so the runner, the ends it records and the
 * supervisor's restarts are the same. What it shows goes to the log; nobody types into it.
 */
import { RasenError } from '../contract/errors.ts';
import { shellLine, shellWord } from '../engine/shell-word.ts';
import { bytesOfText } from '../util/exact-text.ts';
import { usage } from './errors.ts';

/** The command is one word of script's: the kernel's longest (128 KiB), less what goes around it. */
const LINE_BYTES_MAX = 120 * 1024;

export interface Terminal {
  columns: number;
  rows: number;
}

/**
 * The command inside a terminal of its own. Throws `program_missing` where the machine has no script(1) that gives the
 * exit status of its command.
 */
export async function inTerminal(
  argv: readonly string[],
  { columns, rows }: Terminal,
  shell: string | undefined,
): Promise<string[]> {
  const size = `stty columns ${columns} rows ${rows} 2>/dev/null; `;
  if (process.platform === 'darwin')
    return ['/usr/bin/script', '-q', '/dev/null', '/bin/sh', '-c', `${size}exec "$@"`, 'sh', ...argv];
  const program = await findScript();
  // script has $SHELL read it, which may be no sh; the command has its own again.
  const own = shell === undefined ? 'unset SHELL' : `SHELL=${shellWord(shell)}`;
  const line = `${size}${own}; exec ${posixLine(argv)}`;
  if (bytesOfText(line).length > LINE_BYTES_MAX)
    throw usage(
      'With --pty a command may have 120 KiB of arguments; this one has more. Nothing was started.',
    );
  return ['/usr/bin/env', 'SHELL=/bin/sh', program, '-q', '-e', '-f', '-c', line, '/dev/null'];
}

/** As every sh reads it: bytes that are no UTF-8 stay what they are. */
const posixLine = (argv: readonly string[]) =>
  argv.every(word => word.isWellFormed())
    ? shellLine(argv)
    : argv.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ');

async function findScript(): Promise<string> {
  const { execFile } = await import('node:child_process');
  for (const program of ['/usr/bin/script', '/bin/script']) {
    const said = await new Promise<string>(resolve =>
      execFile(program, ['--version'], { timeout: 5000 }, (_error, stdout) => resolve(stdout)),
    );
    if (said.includes('util-linux')) return program;
  }
  throw new RasenError(
    'program_missing',
    '--pty needs script(1) of util-linux, which is not here. Nothing was started.',
    {
      hint: 'Debian and Ubuntu: apt-get install bsdutils; Fedora: dnf install util-linux-script.',
    },
  );
}
