/** The items of `rasen each`: behind `:::`, from a file, or from standard input. */
import { availableParallelism } from 'node:os';
import { MAX_ALONE, MAX_PARALLEL } from '../contract/plan-size.ts';
import { textOfBytes } from '../util/exact-text.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';
import { readInput } from './read-input.ts';

/** As much as an order may be. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

export interface ItemsOptions {
  argFile?: string;
  null?: boolean;
}

/** The words of the command, and the items behind `:::`; null: they are to be read. Throws `usage`. */
export function splitWords(words: readonly string[]): { command: string[]; items: string[] | null } {
  const at = words.indexOf(':::');
  const command = words.slice(0, at < 0 ? undefined : at);
  const items = at < 0 ? null : words.slice(at + 1);
  const odd = [...command, ...(items ?? [])].find(word => /^:::[:+]*$/.test(word));
  if (odd !== undefined)
    throw usage(
      `"${odd}" is not possible here: items come from one list.`,
      'One list behind ":::", or lines on standard input; for combinations, a loop of the shell that prints them.',
    );
  return { command, items };
}

/** Throws `usage` for what is no list of items, and for too many. */
export async function itemsOf(
  context: Context,
  given: string[] | null,
  { argFile, null: nul }: ItemsOptions,
): Promise<string[]> {
  if (given && argFile !== undefined) throw usage('Items behind ":::" and --arg-file exclude each other.');
  if (given && nul) throw usage('--null is for items that are read, not for those behind ":::".');
  const items =
    given ??
    splitItems(
      await readInput(context, { file: argFile ?? '-', what: 'items', bytes_max: INPUT_BYTES_MAX }),
      nul === true,
    );
  if (items.length <= MAX_ALONE) return items;
  throw usage(
    `There are ${items.length} items, and one task takes at most ${MAX_ALONE}. Nothing was started.`,
    'Make several tasks of them (split -l), or hand several items to each command (xargs -n).',
  );
}

/** A line end, or a NUL, ends an item; the last one may have none. Empty ones count. Throws `usage`. */
export function splitItems(bytes: Buffer, nul: boolean): string[] {
  const end = nul ? 0 : 10;
  const items: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(end, at);
    const stop = found < 0 ? bytes.length : found;
    const item = textOfBytes(bytes.subarray(at, stop));
    if (item.includes('\0'))
      throw usage(
        `Item ${items.length + 1} has a NUL in it, which no argument can have. Nothing was started.`,
        'For items that end with a NUL, as find -print0 writes them: rasen each --null',
      );
    items.push(item);
    at = stop + 1;
  }
  return items;
}

/** How many at once: a number, a share of the processors, or 0 for as many as a task may have. Throws `usage`. */
export function jobsOf(text: string): number {
  const [, digits, percent] = /^(\d{1,4})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  const jobs = percent ? Math.max(1, Math.floor((availableParallelism() * number) / 100)) : number;
  if (digits === undefined || (percent && number === 0) || jobs > MAX_PARALLEL)
    throw usage(
      `--jobs: "${text}" is not a number from 1 to ${MAX_PARALLEL}, 0 for as many as possible, or a share such as 50%.`,
    );
  return jobs === 0 ? MAX_PARALLEL : jobs;
}

export const jobsByDefault = (): number => Math.min(MAX_PARALLEL, availableParallelism());
