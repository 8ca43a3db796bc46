/** Writes a text into a checkout of ours that holds what an agent committed: through no link, and with the mode that is there. */
import { join } from 'node:path';
import { foreignError, replaceForeign } from '../../host/foreign-file.ts';

const MODE = 0o644;

export function putText(root: string, { path, text }: { path: string; text: string }): void {
  const place = { root, path: join(path) };
  const put = replaceForeign(place, text, { mode: MODE, folders: 'make', keep_mode: true });
  if (!put.ok) throw foreignError(place, put);
}
