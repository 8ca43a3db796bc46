/** Where an answer comes from, told to people and to programs. */
import type { Context } from './context.ts';

/** In the JSON of every command that reads. */
export const sourceOf = ({ link }: Pick<Context, 'link'>): 'supervisor' | 'disk' =>
  link.isFromDisk ? 'disk' : 'supervisor';

/** One line on stderr where no supervisor runs. */
export function tellSource({ link, out }: Pick<Context, 'link' | 'out'>): void {
  if (link.isFromDisk) out.note('no supervisor runs; this is what the disk says');
}
