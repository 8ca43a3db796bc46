/**
 * The npm tarball, from what the build has left in the checkout: what is run, the manual, completions and examples, the
 * licences; nothing of development. Everything of other packages is in the bundles, so the published manifest depends on
 * the runtimes alone. Used by `npm run package` and by the tests; needs npm and no network.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundledLicenses, ownLicense } from '../licenses.ts';

/**
 * The runtime packages bring the headers of Node, a third of what they are, which only compilers of native modules read.
 * Only what lies in our own folder is ours to trim: a global installation. It needs no node and may be left out
 * (`--ignore-scripts`), or fail.
 */
const SCRIPTS = { postinstall: 'rm -rf node_modules/node-*/include node_modules/node-*/share || true' };

const NOTICES = 'THIRD-PARTY-NOTICES.txt';

/** Of package.json what users of the package have a use for. */
const PUBLISHED = [
  ...['name', 'version', 'description', 'license', 'author', 'homepage', 'repository', 'bugs', 'type'],
  ...['private', 'bin', 'man', 'exports', 'files', 'engines', 'optionalDependencies'],
];

export interface TarballOptions {
  /** The checkout. */
  root: string;
  /** An existing folder; the staging tree is made in it and removed. */
  out: string;
  /** How to run npm; default: the one on PATH. */
  npm?: readonly string[];
}

/** Returns the path of the tarball. */
export function npmTarball({ root, out, npm = ['npm'] }: TarballOptions): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const staging = join(out, '.npm');
  rmSync(staging, { recursive: true, force: true });
  try {
    for (const path of included(manifest.files)) {
      mkdirSync(dirname(join(staging, path)), { recursive: true });
      cpSync(join(root, path), join(staging, path), { recursive: true, dereference: true });
    }
    for (const path of excluded(manifest.files))
      rmSync(join(staging, path), { recursive: true, force: true });
    const published = { ...Object.fromEntries(PUBLISHED.map(key => [key, manifest[key]])), scripts: SCRIPTS };
    put(staging, 'package.json', `${JSON.stringify(published, null, 2)}\n`);
    put(staging, 'LICENSE', ownLicense(manifest.author));
    put(staging, NOTICES, bundledLicenses(root).join('\n'));
    const [program, ...args] = npm as [string, ...string[]];
    execFileSync(program, [...args, 'pack', '--ignore-scripts', '--silent', '--pack-destination', out], {
      cwd: staging,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return join(out, `${manifest.name}-${manifest.version}.tgz`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** What is made here is in the list for npm alone. */
const included = (files: readonly string[]) =>
  files.filter(path => !path.startsWith('!') && path !== NOTICES);
const excluded = (files: readonly string[]) =>
  files.filter(path => path.startsWith('!')).map(path => path.slice(1));

function put(staging: string, path: string, text: string): void {
  writeFileSync(join(staging, path), text);
  chmodSync(join(staging, path), 0o644);
}
