/** Who commits: the user, as git's configuration says; where it says nothing, rasen. Used by whatever makes commits. */
import type { Place } from './repository.ts';

const FALLBACK = { name: 'rasen', email: 'rasen@localhost' };

/** Environment for commit-tree and merge. Only what the captured configuration lacks is filled in. */
export function committerEnv({ repo: { captured } }: Pick<Place, 'repo'>): Record<string, string> {
  const set = new Set(captured.config.flatMap(([key, value]) => (value?.trim() ? [key] : [])));
  const env: Record<string, string> = {};
  for (const field of ['name', 'email'] as const) {
    for (const role of ['author', 'committer'] as const) {
      if (set.has(`${role}.${field}`) || set.has(`user.${field}`)) continue;
      env[`GIT_${role.toUpperCase()}_${field.toUpperCase()}`] = FALLBACK[field];
    }
  }
  return env;
}
