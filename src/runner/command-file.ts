/**
 * The file `command`: the part of an attempt's spec that the runner needs, as shell words, since sh cannot parse JSON.
 * Written by attempt-dir.ts, read by runner.sh. Everything is single-quoted, so nothing in it is ever evaluated.
 */
import { isAbsolute } from 'node:path';
import { RasenError } from '../errors.ts';

export interface CommandWords {
  argv: readonly string[];
  cwd: string;
  umask: string;
  stdin: 'null' | 'prompt' | 'fifo';
}

/** The text of the file. Throws `usage` for what no shell or no exec could take. */
export function commandFile(words: CommandWords): string {
  const [program] = words.argv;
  if (!program || program.startsWith('-')) {
    throw refusal(`"${program ?? ''}" is no program name`, 'Give a name that is on PATH, or a path.');
  }
  if (!isAbsolute(words.cwd)) throw refusal(`the folder "${words.cwd}" is not absolute`);
  if (!/^0?[0-7]{3}$/.test(words.umask)) throw refusal(`"${words.umask}" is no umask`, 'Write it as 022.');
  if ([words.cwd, ...words.argv].some(word => word.includes('\0'))) {
    throw refusal('an argument or the folder holds a NUL byte');
  }
  return [
    `rasen_cwd=${quote(words.cwd)}`,
    `rasen_umask=${words.umask}`,
    `rasen_stdin=${words.stdin}`,
    `set -- ${words.argv.map(quote).join(' ')}`,
    '',
  ].join('\n');
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function refusal(why: string, hint?: string): RasenError {
  return new RasenError('usage', `The command of the attempt cannot be run: ${why}.`, { hint });
}
