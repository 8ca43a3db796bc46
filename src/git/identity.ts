/** Who commits: the user, as git's configuration says; where it says nothing, rasen. Used by whatever makes commits. */
import type { Place } from './refs.ts';
import { git, parts } from './run.ts';

const FALLBACK = { name: 'rasen', email: 'rasen@localhost' };

/** Environment for commit-tree and merge. Only what the configuration lacks is filled in. */
export async function committerEnv(place: Place): Promise<Record<string, string>> {
  const keys = '^(user|author|committer)\\.(name|email)$';
  const { stdout } = await git(['config', '-z', '--get-regexp', keys], { ...place, reads: true, ok: [0, 1] });
  const set = new Set(
    parts(stdout)
      .filter(entry => /\n\s*\S/.test(entry))
      .map(entry => entry.slice(0, entry.indexOf('\n')).toLowerCase()),
  );
  const env: Record<string, string> = {};
  for (const field of ['name', 'email'] as const) {
    for (const role of ['author', 'committer'] as const) {
      if (set.has(`${role}.${field}`) || set.has(`user.${field}`)) continue;
      env[`GIT_${role.toUpperCase()}_${field.toUpperCase()}`] = FALLBACK[field];
    }
  }
  return env;
}
