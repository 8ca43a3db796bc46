/** A path for pino-roll 4, whatever is in it. Used by the log of the supervisor. */
import { basename } from 'node:path';

/**
 * pino-roll refuses paths with ":" or "?" for the sake of Windows, also where a folder above has one. It asks a function
 * twice, first for that check, then for the path.
 */
export function rollPath(path: string): () => string {
  let asked = 0;
  return () => (asked++ === 0 ? basename(path) : path);
}
