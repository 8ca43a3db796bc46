/** `bin/rasend` of this installation, the program of the service, and whether its place can be relied on. */
import { accessSync, constants, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';

/** Its real path: the links that npm makes to it go away with the next node. Throws `service` when there is none. */
export function findLauncher(bundle_folder: string): string {
  const path = join(bundle_folder, '../bin/rasend');
  try {
    const real = realpathSync(path);
    accessSync(real, constants.X_OK);
    return real;
  } catch (error) {
    throw new RasenError('service', `${path} is not there, so there is nothing to start as a service.`, {
      hint: 'Install the package: npm install -g rasen.',
      cause: error,
    });
  }
}

const VERSION_MANAGERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['nvm', /\/\.?nvm\//],
  ['fnm', /\/\.?fnm(_multishells)?\/|\/node-versions\//],
  ['volta', /\/\.?volta\//],
  ['asdf', /\/\.?asdf\//],
  ['mise', /\/(mise|rtx)\/installs\//],
  ['nodenv', /\/\.?nodenv\//],
  ['n', /\/n\/versions\//],
];
/** Folders of runs that are not installations: npx, pnpm dlx, bunx, yarn dlx. */
const RUN_CACHES = /\/_npx\/|\/dlx-[^/]*\/|\/pnpm\/dlx\/|\/bunx-[^/]*\/|\/xfs-[0-9a-f]+\/dlx-/;

export interface Concern {
  message: string;
  fix: string;
  /** No service can be made of it at all. */
  fatal: boolean;
}

/** What is wrong with the place of the launcher; null when nothing is. */
export function concernAbout(launcher: string): Concern | null {
  // systemd refuses programs with these in their path.
  if (/["'\\\x00-\x1f\x7f]/.test(launcher))
    return {
      message: `The path of rasend has a quote, backslash or control character in it: ${JSON.stringify(launcher)}.`,
      fix: 'Install rasen in another folder.',
      fatal: true,
    };
  if (RUN_CACHES.test(launcher))
    return {
      message: `${launcher} is in the cache of a package runner, which is emptied at any time.`,
      fix: 'Install it first: npm install -g rasen; then: rasen service install',
      fatal: true,
    };
  if (/\/Cellar\//.test(launcher))
    return {
      message: `${launcher} is in the folder of one version of a Homebrew formula: the next upgrade takes it away.`,
      fix: 'Better: brew services start rasen. Else repeat `rasen service install` after each upgrade.',
      fatal: false,
    };
  const manager = VERSION_MANAGERS.find(([, pattern]) => pattern.test(launcher))?.[0];
  if (manager !== undefined)
    return {
      message: `${launcher} is in a folder of ${manager}: the service breaks when that version of node is removed.`,
      fix: 'Better: install rasen with a package, or npm install -g --prefix ~/.local rasen. Else repeat `rasen service install` after each change of node.',
      fatal: false,
    };
  if (/^(\/private)?\/(var\/)?tmp\/|^\/dev\/shm\//.test(launcher))
    return {
      message: `${launcher} is in a temporary folder, which is emptied at a reboot.`,
      fix: 'Install rasen elsewhere, and repeat: rasen service install',
      fatal: false,
    };
  return null;
}
