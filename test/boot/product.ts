/**
 * rasen as users have it: packed from the working tree and installed with npm into a layer that lies under the machines'
 * disks, at /usr/local. The next version, for the upgrade, is the same source under a higher number; it waits in
 * /opt/rasen-next. Both tarballs are in NPM, with this computer's npm and a cache of what they depend on: a machine
 * installs either without a network. Both versions are also made as Debian packages, in a layer of their own for machines in which dpkg
 * installs them. The working tree is not touched.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buildDeb } from '../../packaging/deb/build.ts';
import { sourceEpoch } from '../../packaging/deb/epoch.ts';
import { installedRuntimes } from '../../packaging/deb/runtime.ts';
import { npmTarball } from '../../packaging/npm/tarball.ts';
import { npmRegistry } from '../support/npm-registry.ts';
import { must } from './command.ts';
import { hasProgram } from './host.ts';

const TREE = join(import.meta.dirname, '../..');
/** What `npm pack` builds and packs; tests and settings of the tree are none of it. */
const PARTS = ['src', 'bin', 'packaging', 'man', 'package.json', 'README.md', 'tsconfig.json'];
const INSTALLED = 'usr/local/lib/node_modules/rasen';
export const NEXT = '/opt/rasen-next';
export const PROBES = '/opt/probes';

export const NPM = '/opt/npm';
export const DEBS = '/opt/debs';
const DEB_ARCH = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];

export interface Product {
  /** The npm package, installed. */
  layer: string;
  /** Nothing installed, both packages in DEBS. */
  deb_layer: string;
  version: string;
  next_version: string;
  /** Where npm takes packages to be from; all of them are in its cache. */
  registry: string;
  /** File names in DEBS; a string is the reason why there are none. */
  debs: { now: string; next: string } | string;
}

export async function makeProduct(folder: string): Promise<Product> {
  const layer = join(folder, 'layer');
  const { version } = JSON.parse(readFileSync(join(TREE, 'package.json'), 'utf8')) as { version: string };
  const next_version = version.replace(/\d+$/, patch => String(Number(patch) + 1));
  const [now, next] = await Promise.all([version, next_version].map(v => pack(join(folder, v), v)));
  const prefix = join(layer, 'usr/local');
  const cache = join(layer, `${NPM}-cache`);
  const { url: registry, close } = await npmRegistry(TREE);
  const options = [`--prefix=${prefix}`, `--cache=${cache}`, `--registry=${registry}`];
  await must(npm('install', '--global', ...options, '--no-audit', '--no-fund', now!)).finally(close);
  copyNpm(join(layer, NPM));
  for (const [name, file] of Object.entries({ now: now!, next: next! }))
    cpSync(file, join(layer, NPM, `${name}.tgz`));
  // The dependencies are the same ones, and 190 MB: shared by hard links. tar replaces files, it does not write into them.
  mkdirSync(join(layer, dirname(NEXT)), { recursive: true });
  await must(['cp', '-al', join(layer, INSTALLED), join(layer, NEXT)]);
  await must(['tar', '-xzf', next!, '--strip-components=1', '--no-same-owner', '-C', join(layer, NEXT)]);
  const deb_layer = join(folder, 'debs');
  for (const path of [layer, deb_layer])
    cpSync(join(import.meta.dirname, 'probes'), join(path, PROBES), { recursive: true });
  const debs = makeDebs(
    join(deb_layer, DEBS),
    [version, next_version].map(v => join(folder, v, 'tree')),
  );
  return { layer, deb_layer, version, next_version, registry, debs };
}

/** npm and a node for it, which is not the one that an upgrade replaces. */
function copyNpm(folder: string): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync(process.execPath, join(folder, 'node'));
  chmodSync(join(folder, 'node'), 0o755);
  const [, cli] = npm();
  const program =
    cli ?? execFileSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).trim();
  cpSync(join(dirname(program), '..'), join(folder, 'npm'), { recursive: true });
}

/** From the trees that `npm pack` has built. */
function makeDebs(out: string, [now, next]: string[]): Product['debs'] {
  if (!hasProgram('dpkg-deb')) return 'dpkg-deb is not installed (apt-get install dpkg)';
  const runtime = installedRuntimes(TREE).find(({ arch }) => arch === DEB_ARCH);
  if (!runtime) return `there is no runtime package for ${process.arch} (npm ci --include=optional)`;
  mkdirSync(out, { recursive: true });
  const build = (root: string) => {
    const package_json = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return basename(
      buildDeb({ root, out, runtime, epoch: sourceEpoch(TREE), compression: 'none', package_json }),
    );
  };
  return { now: build(now!), next: build(next!) };
}

/** The tarball of the tree under a version. */
async function pack(folder: string, version: string): Promise<string> {
  const tree = join(folder, 'tree');
  mkdirSync(tree, { recursive: true });
  for (const part of PARTS) cpSync(join(TREE, part), join(tree, part), { recursive: true });
  symlinkSync(join(TREE, 'node_modules'), join(tree, 'node_modules'));
  const file = join(tree, 'package.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version }, null, 2));
  await must([process.execPath, join(tree, 'packaging/build.mjs')], { cwd: tree });
  renameSync(npmTarball({ root: tree, out: folder, npm: npm() }), join(folder, 'rasen.tgz'));
  return join(folder, 'rasen.tgz');
}

function npm(...args: string[]): string[] {
  // Under `npm run` it is the npm that runs us.
  const own = process.env.npm_execpath;
  return own?.endsWith('.js') ? [process.execPath, own, ...args] : ['npm', ...args];
}
