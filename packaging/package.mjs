// `npm run package`: everything that is published, into out/: the npm tarball, a .deb for each Linux runtime that is
// installed, an apt repository of those (out/apt) and a Homebrew tap (out/homebrew-tap), each as it is published, and the
// checksums of all files. Needs what `npm ci` and the build left here, dpkg-deb, and no network. The version is the one of
// package.json.
//
//   npm run package [-- --url URL] [--key ID]
//
// URL: where the tarball will be found; the formula names it. Without it the repository of package.json tells; without
// that either, no tap is made. ID: a secret key of gpg's that signs the apt repository; without it apt refuses it unless
// it is told to trust it.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { aptRepository } from './apt/repository.ts';
import { buildDeb } from './deb/build.ts';
import { sourceEpoch } from './deb/epoch.ts';
import { installedRuntimes } from './deb/runtime.ts';
import { formula } from './homebrew/formula.mjs';
import { npmTarball } from './npm/tarball.ts';

const root = join(import.meta.dirname, '..');
const out = join(root, 'out');
const { values } = parseArgs({ options: { url: { type: 'string' }, key: { type: 'string' } } });
const package_json = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { name, version } = package_json;

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
const tarball = npmTarball({ root, out });
made(tarball);
const packages = debs();
packages.forEach(made);
if (packages.length > 0) {
  const key = values.key ?? null;
  aptRepository({ folder: join(out, 'apt'), debs: packages, epoch: sourceEpoch(root), key });
  console.log(`out/apt${key === null ? ' (not signed: no --key)' : ''}`);
}
homebrew(tarball);
const files = readdirSync(out, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(entry => relative(out, join(entry.parentPath, entry.name)))
  .sort();
writeFileSync(join(out, 'SHA256SUMS'), files.map(file => `${sha256(join(out, file))}  ${file}\n`).join(''));
made(join(out, 'SHA256SUMS'));

function debs() {
  const runtimes = installedRuntimes(root);
  if (runtimes.length === 0)
    console.error('no .deb: no runtime package for Linux is installed (npm ci --include=optional)');
  const epoch = sourceEpoch(root);
  return runtimes.map(runtime => buildDeb({ root, out, runtime, epoch, compression: 'xz', package_json }));
}

function homebrew(tgz) {
  const repository = package_json.repository?.url?.replace(/^git\+/, '').replace(/\.git$/, '');
  const url = values.url ?? (repository && `${repository}/releases/download/v${version}/${basename(tgz)}`);
  if (!url)
    return console.error('no tap: package.json names no repository; say where the tarball will be: --url');
  // `brew tap OWNER/rasen` clones a repository OWNER/homebrew-rasen with this in it.
  const folder = join(out, 'homebrew-tap/Formula');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.rb`), formula({ version, url, sha256: sha256(tgz) }));
  console.log('out/homebrew-tap');
}

function sha256(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function made(path) {
  console.log(`out/${basename(path)}`);
}
