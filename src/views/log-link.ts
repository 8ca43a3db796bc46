/** `.rasen/rasen.log`: a link to the numbered file in use, so that tail, cat, `>` and mv work on it as on a file. */
import { dirname, relative } from 'node:path';
import type { Files } from '../host/far-files.ts';
import type { Place } from '../host/foreign-file.ts';
import { needed, neededOrNull } from './inside.ts';

/** `ours`: a link into the folder of the numbered files. Both are below the same root. */
export async function lookAtLink(
  files: Files,
  link: Place,
  folder: Place,
): Promise<{ kind: 'ours' | 'missing' | 'foreign'; target: string | null }> {
  if (neededOrNull(link, await files.look(link)) === null) return { kind: 'missing', target: null };
  const target = neededOrNull(link, await files.target(link));
  return { kind: target?.startsWith(`${wayTo(link, folder)}/rasen.`) ? 'ours' : 'foreign', target };
}

/** Makes the link point to `name`. What a user put in its place is moved to `<path>.old`. */
export async function pointLink(files: Files, link: Place, folder: Place, name: string): Promise<void> {
  const wanted = `${wayTo(link, folder)}/${name}`;
  const { kind, target } = await lookAtLink(files, link, folder);
  if (kind === 'ours' && target === wanted) return;
  if (kind === 'foreign') needed(link, await files.rename(link, `${link.path}.old`));
  needed(link, await files.link(link, wanted));
}

const wayTo = (link: Place, folder: Place) => relative(dirname(link.path), folder.path);
