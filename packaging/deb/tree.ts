/**
 * What is in the package and where it goes. The programs lie under /usr/lib/rasen as they do in the checkout, so that
 * the launchers find runtime and bundles without knowing that there is a package.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { DebOptions, Entry } from './build.ts';
import { changelog } from './changelog.ts';
import { copyright } from './copyright.ts';
import { unitFiles } from './units.ts';

/** What is used of package.json. */
export interface PackageJson {
  name: string;
  version: string;
  /** `Name <address>`; the maintainer of the package. */
  author: string;
  homepage?: string;
  repository?: { url: string };
  man: string[];
}

export function tree(options: DebOptions): Entry[] {
  const { root, package_json } = options;
  const read = (path: string) => readFileSync(join(root, path));
  return [
    ...programs(options),
    ...package_json.man.map(path => manPage(basename(path), read(path))),
    file('usr/share/bash-completion/completions/rasen', read('packaging/completions/rasen.bash')),
    file('usr/share/zsh/vendor-completions/_rasen', read('packaging/completions/_rasen')),
    file('usr/share/fish/vendor_completions.d/rasen.fish', read('packaging/completions/rasen.fish')),
    ...unitFiles().map(unit => file(unit.path, Buffer.from(unit.text))),
    // Examples, not in /etc: the log is the journal's unless a user says otherwise, and each file is for one user.
    ...readdirSync(join(root, 'packaging/logrotate')).map(name =>
      file(`usr/share/doc/rasen/examples/logrotate/${name}`, read(`packaging/logrotate/${name}`)),
    ),
    ...['grafana.json', 'alerts.yml'].map(name =>
      file(`usr/share/doc/rasen/${name}`, read(`packaging/monitoring/${name}`)),
    ),
    file('usr/share/doc/rasen/README.md', read('README.md')),
    file('usr/share/doc/rasen/copyright', Buffer.from(copyright(options))),
    file('usr/share/doc/rasen/changelog.gz', gzip(Buffer.from(changelog(root, package_json, options.epoch)))),
    file('usr/share/lintian/overrides/rasen', read('packaging/deb/lintian-overrides')),
  ];
}

/** `services` is with them: maintainer scripts can share nothing but what the package installs. */
function programs({ root, runtime }: DebOptions): Entry[] {
  const lib = 'usr/lib/rasen';
  const made = readdirSync(join(root, 'dist'));
  // The library and the list of inputs are for programs that import rasen and for tests of the build.
  const bundles = made.filter(
    name =>
      /\.(cjs|sh)$/.test(name) ||
      (name.endsWith('.js') && made.includes(name.replace(/\.js$/, '.cjs'))) ||
      name.endsWith(`${runtime.name.replace(/^node(-bin)?/, '')}.code`),
  );
  return [
    ...['rasen', 'rasend'].flatMap((name): Entry[] => [
      { path: `usr/bin/${name}`, target: `../lib/rasen/bin/${name}` },
      { path: `${lib}/bin/${name}`, mode: 0o755, bytes: readFileSync(join(root, 'bin', name)) },
    ]),
    ...readdirSync(join(root, 'dist/page')).map(name =>
      file(`${lib}/dist/page/${name}`, readFileSync(join(root, 'dist/page', name))),
    ),
    ...bundles.map(name => ({
      path: `${lib}/dist/${name}`,
      mode: name.endsWith('.sh') ? 0o755 : 0o644,
      bytes: readFileSync(join(root, 'dist', name)),
    })),
    { path: `${lib}/node_modules/${runtime.name}/bin/node`, mode: 0o755, source: runtime.binary },
    {
      path: `${lib}/deb/services`,
      mode: 0o755,
      bytes: readFileSync(join(root, 'packaging/deb/scripts/services')),
    },
  ];
}

/** What dpkg runs. */
export const maintainerScripts = (root: string): Entry[] =>
  ['postinst', 'prerm', 'postrm'].map(name => ({
    path: `DEBIAN/${name}`,
    mode: 0o755,
    bytes: readFileSync(join(root, 'packaging/deb/scripts', name)),
  }));

function manPage(name: string, text: Buffer): Entry {
  return file(`usr/share/man/man${name.slice(name.lastIndexOf('.') + 1)}/${name}.gz`, gzip(text));
}

const file = (path: string, bytes: Buffer): Entry => ({ path, mode: 0o644, bytes });

/** As gzip -9n: zlib writes neither a name nor a time. */
const gzip = (bytes: Buffer) => gzipSync(bytes, { level: 9 });
