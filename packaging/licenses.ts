/**
 * The licences of what is published: that of rasen and, word for word, those of the packages that the bundles were made
 * from. Which ones that are, the build's own list of inputs tells. Used for the .deb and the npm tarball.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Metafiles = Record<string, { inputs: Record<string, unknown> }>;

/** The licence of rasen itself. `author` is `Name <address>`. */
export const ownLicense = (author: string): string =>
  `MIT License\n\nCopyright (c) ${nameIn(author)}\n\n${MIT}`;

export const nameIn = (author: string): string => author.replace(/ <.*/, '');

/** Of everything that is in the bundles of this checkout. */
export function bundledLicenses(root: string): string[] {
  const bundled = bundledPackages(JSON.parse(readFileSync(join(root, 'dist/meta.json'), 'utf8')));
  return bundled.map(name => licenseOf(name, join(root, 'node_modules', name)));
}

export function bundledPackages(meta: Metafiles): string[] {
  const names = Object.entries(meta)
    .filter(([bundle]) => bundle.endsWith('.cjs'))
    .flatMap(([, { inputs }]) => Object.keys(inputs))
    .map(path => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter(name => name !== undefined);
  return [...new Set(names)].sort();
}

function licenseOf(name: string, folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const license = readdirSync(folder).find(file => /^licen[cs]e/i.test(file));
  if (!license) throw new Error(`${folder} has no licence file, and its text has to be in the package`);
  return section(`${name} ${version}`, readFileSync(join(folder, license), 'utf8'));
}

/** Some licence files were written on Windows. */
export const section = (title: string, text: string) =>
  `${'-'.repeat(76)}\n${title}\n\n${text.replaceAll('\r', '').trimEnd()}\n`;

export const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;
