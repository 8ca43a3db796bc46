/** Reads standard input, or a file, to its end: for what is handed over by value. */
import { isatty } from 'node:tty';
import { messageOf } from '../contract/errors.ts';
import { shownText } from '../util/exact-text.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';

export interface Wanted {
  /** `-` is standard input. */
  file: string;
  /** In the plural, for messages: `items`. */
  what: string;
  bytes_max: number;
}

/** Throws `usage` where it cannot be read, or is more than it may be. */
export async function readInput({ out, cwd }: Context, { file, what, bytes_max }: Wanted): Promise<Buffer> {
  const from_file = file !== '-';
  if (!from_file && isatty(0) && out.stderr.isTTY) out.note(`reading ${what} from the terminal until Ctrl-D`);
  const place = from_file ? `"${shownText(file)}"` : 'standard input';
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of from_file ? await open(cwd, file) : process.stdin) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > bytes_max) break;
    }
  } catch (error) {
    throw usage(`The ${what} cannot be read from ${place}: ${messageOf(error)}. Nothing was started.`);
  }
  if (length <= bytes_max) return Buffer.concat(chunks);
  throw usage(
    `More than ${bytes_max / 1024 / 1024} MiB of ${what} came from ${place}. Nothing was started.`,
    'Make several tasks of them.',
  );
}

/** Loaded where a file is read: most commands read none. */
async function open(cwd: string, file: string) {
  const [{ createReadStream }, { resolve }] = await Promise.all([import('node:fs'), import('node:path')]);
  return createReadStream(resolve(cwd, file));
}
