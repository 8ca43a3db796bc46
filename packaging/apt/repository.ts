/**
 * An apt repository of the packages that were built: what a static web server needs to offer for
 * `deb [signed-by=…] URL stable main`. The layout is that of https://wiki.debian.org/DebianRepository/Format. Used by
 * `npm run package`; needs dpkg-deb, and gpg where it is to be signed.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const SUITE = 'stable';
const COMPONENT = 'main';

export interface RepositoryOptions {
  /** Folder of the repository; made. */
  folder: string;
  debs: readonly string[];
  /** Seconds; the date of the release file. */
  epoch: number;
  /** Id of a secret key in gpg's keyring; null: unsigned, which apt refuses unless it is told to trust it. */
  key: string | null;
  /** For gpg: GNUPGHOME. */
  env?: NodeJS.ProcessEnv;
}

export function aptRepository({ folder, debs, epoch, key, env = process.env }: RepositoryOptions): void {
  const packages = debs.map(deb => addToPool(folder, deb));
  const architectures = [...new Set(packages.map(({ architecture }) => architecture))].sort();
  const dist = join(folder, 'dists', SUITE);
  const indexes = architectures.flatMap(architecture => {
    const text = packages
      .filter(one => one.architecture === architecture)
      .map(({ stanza }) => stanza)
      .join('\n');
    const path = `${COMPONENT}/binary-${architecture}/Packages`;
    return [put(dist, path, Buffer.from(text)), put(dist, `${path}.gz`, gzipSync(text, { level: 9 }))];
  });
  const release = join(dist, 'Release');
  writeFileSync(release, releaseText(architectures, indexes, epoch));
  if (key === null) return;
  const gpg = ['--batch', '--yes', '--local-user', key, '--digest-algo', 'SHA512'];
  const sign = (...args: string[]) => execFileSync('gpg', [...gpg, ...args, release], { env, stdio: 'pipe' });
  sign('--clearsign', '--output', join(dist, 'InRelease'));
  sign('--armor', '--detach-sign', '--output', `${release}.gpg`);
  const exported = execFileSync('gpg', ['--batch', '--export', key], { env });
  writeFileSync(join(folder, 'rasen-archive-keyring.gpg'), exported);
}

interface Index {
  path: string;
  size: number;
  sha256: string;
}

function addToPool(folder: string, deb: string): { architecture: string; stanza: string } {
  const control = execFileSync('dpkg-deb', ['--field', deb], { encoding: 'utf8' }).trimEnd();
  const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(control)![1]!;
  const name = field('Package');
  const path = `pool/${COMPONENT}/${name[0]}/${name}/${basename(deb)}`;
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  copyFileSync(deb, join(folder, path));
  const { size } = statSync(deb);
  const stanza = `${control}\nFilename: ${path}\nSize: ${size}\nSHA256: ${sha256(readFileSync(deb))}\n`;
  return { architecture: field('Architecture'), stanza };
}

function put(dist: string, path: string, bytes: Buffer): Index {
  mkdirSync(dirname(join(dist, path)), { recursive: true });
  writeFileSync(join(dist, path), bytes);
  return { path, size: bytes.length, sha256: sha256(bytes) };
}

function releaseText(architectures: readonly string[], indexes: readonly Index[], epoch: number): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', 'UTC');
  const sums = indexes.map(({ path, size, sha256 }) => ` ${sha256} ${String(size).padStart(10)} ${path}\n`);
  return `Origin: rasen
Label: rasen
Suite: ${SUITE}
Codename: ${SUITE}
Architectures: ${architectures.join(' ')}
Components: ${COMPONENT}
Description: rasen, a supervisor for long-running coding tasks
Date: ${date}
SHA256:
${sums.join('')}`;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
