/**
 * /usr/share/doc/rasen/copyright: the licence of rasen and those of everything that is in the package beside it, the
 * runtime among them.
 */
import { readFileSync } from 'node:fs';
import { bundledLicenses, MIT, nameIn, section } from '../licenses.ts';
import type { DebOptions } from './build.ts';

export function copyright({ root, runtime, package_json }: DebOptions): string {
  return [
    `rasen is Copyright ${nameIn(package_json.author)}, and comes under the MIT licence:\n\n${MIT}`,
    ...bundledLicenses(root),
    section(
      `Node.js ${runtime.version}, /usr/lib/rasen/node_modules/${runtime.name}/bin/node`,
      readFileSync(runtime.license, 'utf8'),
    ),
  ].join('\n');
}
