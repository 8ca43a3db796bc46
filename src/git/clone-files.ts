/**
 * What git's folder of a clone holds besides objects: the settings that were captured from the user, remotes that can be
 * fetched from and that refuse to be pushed to, and the user's branches and tags. No hooks, no credentials. Pure.
 */
import { isAbsolute, resolve } from 'node:path';
import type { CapturedRepository } from '../contract/repository.ts';
import { configLines, escaped, lfsText } from './config-text.ts';

/** Where pushes go. git says of it that it is no repository, with these words. */
const NO_PUSH = 'rasen does not let tasks push (worktree.push in rasen.yml)';

/** The `config` of the clone. `push`: remotes can be pushed to. */
export function cloneConfig(captured: CapturedRepository, push: boolean): string {
  const { config, sparse, root } = captured;
  const lines = configLines(
    config.filter(([key]) => !/^credential\.|^remote\./s.test(key)),
    { sparse: sparse !== null },
  );
  for (const name of remotesOf(captured)) {
    const all = (setting: string) =>
      config.flatMap(([key, value]) =>
        key === `remote.${name}.${setting}` && value !== null ? [value] : [],
      );
    const one = (setting: string, value: string | undefined) =>
      value === undefined ? [] : [`\t${setting} = "${escaped(value)}"`];
    const fetches = all('fetch');
    lines.push(`[remote "${name.replace(/["\\]/g, '\\$&')}"]`);
    for (const url of all('url')) lines.push(...one('url', absolute(url, root)));
    lines.push(
      ...(fetches.length === 0 ? [`+refs/heads/*:refs/remotes/${name}/*`] : fetches).flatMap(f =>
        one('fetch', f),
      ),
    );
    for (const setting of ['promisor', 'partialclonefilter', 'lfsurl'])
      lines.push(...one(setting, all(setting).at(-1)));
    lines.push(
      ...(push ? all('pushurl').map(url => absolute(url, root)) : [NO_PUSH]).flatMap(u => one('pushurl', u)),
    );
  }
  // Whoever pushes to an address instead of a remote is told the same.
  if (!push) lines.push(`[url "${NO_PUSH}/"]`, '\tpushInsteadOf = ""');
  return `${lines.join('\n')}\n${lfsText(captured)}`;
}

function remotesOf({ config }: CapturedRepository): string[] {
  const names = config.flatMap(([key]) => /^remote\.(.+)\.url$/s.exec(key)?.[1] ?? []);
  return [...new Set(names)];
}

/** A path that is relative to the user's checkout leads elsewhere from a clone. */
function absolute(url: string, root: string): string {
  const isPath = !isAbsolute(url) && (/^\.{1,2}(?:\/|$)/.test(url) || !/^[^/]*:/.test(url));
  return isPath ? resolve(root, url) : url;
}

export interface NamedRef {
  ref: string;
  id: string;
  /** Another ref that it stands for, or empty. */
  symref: string;
}

/** What the clone sees of the user's refs: branches, tags and what remotes had. Not the stash, and not other tasks. */
export function visibleRefs(refs: readonly NamedRef[], branch: string | null): NamedRef[] {
  return refs.filter(
    ({ ref }) =>
      /^refs\/(?:heads|tags|remotes)\//.test(ref) && (!ref.startsWith('refs/heads/rasen/') || ref === branch),
  );
}

/** The file `packed-refs`. `refs` as `for-each-ref` sorts them. */
export function packedRefs(refs: readonly NamedRef[]): string {
  const lines = refs.filter(({ symref }) => symref === '').map(({ ref, id }) => `${id} ${ref}\n`);
  return `# pack-refs with: sorted \n${lines.join('')}`;
}
