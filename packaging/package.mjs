// `npm run package`: everything that is published, into out/: the npm tarball, a .deb for each Linux runtime that is
// installed, the Homebrew formula, and their checksums. Needs what `npm ci` and the build left here, dpkg-deb, and no
// network. The version is the one of package.json.
//
//   npm run package [-- --url URL]
//
// URL: where the tarball will be found; the formula names it. Without it the repository of package.json tells; without
// that either, no formula is made.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDeb } from './deb/build.ts';
import { sourceEpoch } from './deb/epoch.ts';
import { installedRuntimes } from './deb/runtime.ts';
import { formula } from './homebrew/formula.mjs';

const root = join(import.meta.dirname, '..');
const out = join(root, 'out');
const { values } = parseArgs({ options: { url: { type: 'string' } } });
const package_json = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { name, version } = package_json;

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
const tarball = npmTarball();
made(tarball);
debs().forEach(made);
homebrew(tarball);
const files = readdirSync(out).sort();
writeFileSync(join(out, 'SHA256SUMS'), files.map(file => `${sha256(join(out, file))}  ${file}\n`).join(''));
made(join(out, 'SHA256SUMS'));

/** Without scripts: dist/ was built just before, and npm would build it once more. */
function npmTarball() {
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', out];
  execFileSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  return join(out, `${name}-${version}.tgz`);
}

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
    return console.error(
      'no formula: package.json names no repository; say where the tarball will be: --url',
    );
  writeFileSync(join(out, `${name}.rb`), formula({ version, url, sha256: sha256(tgz) }));
  made(join(out, `${name}.rb`));
}

function sha256(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function made(path) {
  console.log(`out/${basename(path)}`);
}
