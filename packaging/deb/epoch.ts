/** The time that the files of a package get: of the sources, not of the build, so that two builds give the same bytes. */
import { spawnSync } from 'node:child_process';

/** Where neither the environment nor git says when: what npm gives to the files of a tarball (1985-10-26). */
const FALLBACK = 499_162_500;

/** Seconds. SOURCE_DATE_EPOCH is https://reproducible-builds.org/specs/source-date-epoch/. */
export function sourceEpoch(root: string, env: NodeJS.ProcessEnv = process.env): number {
  const given = env.SOURCE_DATE_EPOCH;
  if (given !== undefined) {
    if (!/^\d+$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH is seconds since 1970, not "${given}"`);
    return Number(given);
  }
  const git = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return git.status === 0 && git.stdout ? Number(git.stdout) : FALLBACK;
}
