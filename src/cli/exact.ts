/**
 * What the system handed to this process, byte for byte. Node reads everything as UTF-8 and puts U+FFFD where it is none,
 * which would name another file: where that character is seen, the system is asked again.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { shownText, textOfBytes } from '../util/exact-text.ts';
import { usage } from './errors.ts';

const LOST = '\ufffd';
const linux = process.platform === 'linux';

/** The words after `rasen`; those that are no UTF-8 as in exact-text.ts. Throws `usage` where they cannot be had. */
export function exactWords(words: readonly string[]): string[] {
  if (!words.some(word => word.includes(LOST))) return [...words];
  if (!linux) throw usage('An argument is not valid UTF-8, which cannot be carried here. Nothing was done.');
  const all = listIn('/proc/self/cmdline');
  return all.slice(all.length - words.length);
}

/** Behind its `--` is a command. */
export const takesCommand = ([first]: readonly string[]): boolean => first === 'run' || first === 'each';

/** Only what a command is given may be any bytes: our own options, names and files are texts. Throws `usage`. */
export function refuseOddWords(words: readonly string[]): void {
  const end = takesCommand(words) ? words.indexOf('--') : -1;
  const odd = words.slice(0, end < 0 ? words.length : end).find(word => !word.isWellFormed());
  if (odd !== undefined)
    throw usage(
      `The argument "${shownText(odd)}" is not valid UTF-8. Nothing was done.`,
      'Only the command behind "--" may have such words; for a file, use a name in UTF-8.',
    );
}

/** The environment, with exact values. */
export function exactEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!linux || !Object.values(env).some(value => value?.includes(LOST))) return env;
  const exact = listIn('/proc/self/environ').map(line => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  return { ...env, ...Object.fromEntries(exact.filter(([name]) => env[name]?.includes(LOST))) };
}

/** Throws `no_folder` with what is wrong with it. */
export function currentFolder(): string {
  let folder: string;
  try {
    folder = process.cwd();
  } catch (error) {
    const gone = errnoOf(error) === 'ENOENT';
    throw new RasenError(
      'no_folder',
      gone
        ? 'The folder of this shell was removed. Nothing was done.'
        : `The current folder cannot be read (${errnoOf(error)}). Nothing was done.`,
      { hint: 'Go to another one first, for example: cd ~', cause: error },
    );
  }
  if (!folder.includes(LOST)) return folder;
  const exact = linux ? textOfBytes(readlinkSync('/proc/self/cwd', 'buffer')) : '\udc80';
  if (exact.isWellFormed()) return folder;
  throw new RasenError(
    'no_folder',
    `The name of this folder is not valid UTF-8${linux ? `: ${shownText(exact)}` : ''}. Nothing was done.`,
    { hint: 'Rename it, or work from another folder.' },
  );
}

function listIn(file: string): string[] {
  const bytes = readFileSync(file);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    const stop = end < 0 ? bytes.length : end;
    words.push(textOfBytes(bytes.subarray(at, stop)));
    at = stop + 1;
  }
  return words;
}
