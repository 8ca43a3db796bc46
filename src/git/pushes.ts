/**
 * What was pushed from a workspace: git writes it into the logs of what it knows of the remote. A push to an address that
 * belongs to no remote leaves no trace here.
 */
import { listForeign, readForeign } from '../host/foreign-file.ts';
import { MAX_LOG_BYTES } from './limits.ts';

const LOGS = 'logs/refs/remotes';
/** Folders and logs that are looked at: an agent can make any number. */
const PLACES_MAX = 1000;
const PUSHES_MAX = 20;
const LINE = /^[0-9a-f]+ ([0-9a-f]+) .* (\d+) [+-]\d{4}\tupdate by push/;

/** As sentences, of what was pushed at `since` (seconds since 1970) or later. `git_dir`: git's folder of the workspace. */
export function pushesSince(git_dir: string, since: number): string[] {
  const found: string[] = [];
  const places = [''];
  for (let i = 0; i < places.length && i < PLACES_MAX && found.length < PUSHES_MAX; i++) {
    const name = places[i]!;
    const path = `${LOGS}${name}`;
    const log = readForeign({ root: git_dir, path }, MAX_LOG_BYTES);
    if (!log.ok) {
      const listed = listForeign({ root: git_dir, path }, PLACES_MAX);
      if (listed.ok) places.push(...listed.value.map(child => `${name}/${child}`));
      continue;
    }
    for (const line of log.value.bytes.toString('utf8').split('\n')) {
      const [, commit, at] = LINE.exec(line) ?? [];
      if (commit !== undefined && Number(at) >= since) found.push(`${name.slice(1)} is ${commit} by a push`);
    }
  }
  return found.slice(0, PUSHES_MAX);
}
