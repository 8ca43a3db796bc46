/**
 * rasen as users have it: packed from the working tree and installed with npm into a layer that lies under the machines'
 * disks, at /usr/local. The next version, for the upgrade, is the same source under a higher number; it waits in
 * /opt/rasen-next. The working tree is not touched.
 */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { must } from './command.ts';

const TREE = join(import.meta.dirname, '../..');
/** What `npm pack` builds and packs; tests and settings of the tree are none of it. */
const PARTS = ['src', 'bin', 'packaging', 'man', 'package.json', 'README.md', 'tsconfig.json'];
const INSTALLED = 'usr/local/lib/node_modules/rasen';
export const NEXT = '/opt/rasen-next';
export const PROBES = '/opt/probes';

export interface Product {
  layer: string;
  version: string;
  next_version: string;
}

export async function makeProduct(folder: string): Promise<Product> {
  const layer = join(folder, 'layer');
  const { version } = JSON.parse(readFileSync(join(TREE, 'package.json'), 'utf8')) as { version: string };
  const next_version = version.replace(/\d+$/, patch => String(Number(patch) + 1));
  const [now, next] = await Promise.all([version, next_version].map(v => pack(join(folder, v), v)));
  const prefix = join(layer, 'usr/local');
  await must(
    npm('install', '--global', `--prefix=${prefix}`, '--prefer-offline', '--no-audit', '--no-fund', now!),
  );
  // The dependencies are the same ones, and 190 MB: shared by hard links. tar replaces files, it does not write into them.
  mkdirSync(join(layer, dirname(NEXT)), { recursive: true });
  await must(['cp', '-al', join(layer, INSTALLED), join(layer, NEXT)]);
  await must(['tar', '-xzf', next!, '--strip-components=1', '--no-same-owner', '-C', join(layer, NEXT)]);
  cpSync(join(import.meta.dirname, 'probes'), join(layer, PROBES), { recursive: true });
  return { layer, version, next_version };
}

/** The tarball of the tree under a version. */
async function pack(folder: string, version: string): Promise<string> {
  const tree = join(folder, 'tree');
  mkdirSync(tree, { recursive: true });
  for (const part of PARTS) cpSync(join(TREE, part), join(tree, part), { recursive: true });
  symlinkSync(join(TREE, 'node_modules'), join(tree, 'node_modules'));
  const file = join(tree, 'package.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version }, null, 2));
  await must(npm('pack', '--silent', `--pack-destination=${folder}`), { cwd: tree });
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'));
  if (!tarball) throw new Error(`npm pack left no tarball in ${folder}`);
  renameSync(join(folder, tarball), join(folder, 'rasen.tgz'));
  return join(folder, 'rasen.tgz');
}

function npm(...args: string[]): string[] {
  // Under `npm run` it is the npm that runs us.
  const own = process.env.npm_execpath;
  return own?.endsWith('.js') ? [process.execPath, own, ...args] : ['npm', ...args];
}
