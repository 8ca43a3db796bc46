/** Captured settings as text of a git configuration: of the git directory of ours, and of a clone. Pure. */
import { resolve } from 'node:path';
import type { CapturedRepository } from '../contract/repository.ts';

/** As git would write it. Order counts: a later line wins. */
export function configLines(config: CapturedRepository['config'], { sparse }: { sparse: boolean }): string[] {
  const lines = ['[core]', '\trepositoryformatversion = 0', '\tlogallrefupdates = true'];
  for (const [key, value] of config) {
    const first = key.indexOf('.');
    const last = key.lastIndexOf('.');
    const sub = first === last ? '' : ` "${key.slice(first + 1, last).replace(/["\\]/g, '\\$&')}"`;
    const name = key.slice(last + 1);
    lines.push(`[${key.slice(0, first)}${sub}]`);
    lines.push(value === null ? `\t${name}` : `\t${name} = "${escaped(value)}"`);
  }
  lines.push('[core]', '\tbare = false');
  if (!sparse) lines.push('\tsparsecheckout = false');
  return lines;
}

/** Large files are in the user's repository, not in a git directory of ours, where git-lfs would look for them. */
export function lfsText({ config, common_dir }: CapturedRepository): string {
  const named = config.findLast(([key]) => key === 'lfs.storage')?.[1] ?? 'lfs';
  return `[lfs]\n\tstorage = "${escaped(resolve(common_dir, named))}"\n`;
}

/**
 * From where our own git may get large files that the user has not: from the server or remote that the user had when the task
 * was submitted, never from the one that a `.lfsconfig` in the tree names, which whoever works there can write.
 */
export function lfsOrigin({ config }: Pick<CapturedRepository, 'config'>): string {
  const last = (name: string) => config.findLast(([key]) => key === name)?.[1] ?? undefined;
  const remotes = config.flatMap(([key]) => /^remote\.(.+)\.url$/s.exec(key)?.[1] ?? []);
  const remote = remotes.includes('origin') ? 'origin' : remotes[0];
  const named = last('lfs.url') ?? last(`remote.${remote}.lfsurl`);
  const url = last(`remote.${remote}.url`)?.replace(/\/$/, '') ?? NOWHERE;
  const api = /^https?:/.test(url) ? `${url.replace(/\.git$/, '')}.git/info/lfs` : url;
  return `\turl = "${escaped(named ?? api)}"\n`;
}

const NOWHERE = 'file:///dev/null';

export const escaped = (value: string): string =>
  value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\b', '\\b');
