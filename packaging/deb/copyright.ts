/**
 * /usr/share/doc/rasen/copyright: the licence of rasen and, word for word, those of everything that is in the package
 * beside it: the packages that the bundles were made from (the build's own list of inputs tells) and the runtime.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebOptions } from './build.ts';

type Metafiles = Record<string, { inputs: Record<string, unknown> }>;

export function copyright({ root, runtime, package_json }: DebOptions): string {
  const bundled = bundledPackages(JSON.parse(readFileSync(join(root, 'dist/meta.json'), 'utf8')));
  return [
    `rasen is Copyright ${package_json.author.replace(/ <.*/, '')}, and comes under the MIT licence:\n\n${MIT}`,
    ...bundled.map(name => licenseOf(name, join(root, 'node_modules', name))),
    section(
      `Node.js ${runtime.version}, /usr/lib/rasen/node_modules/${runtime.name}/bin/node`,
      readFileSync(runtime.license, 'utf8'),
    ),
  ].join('\n');
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

const section = (title: string, text: string) => `${'-'.repeat(76)}\n${title}\n\n${text.trimEnd()}\n`;

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
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
