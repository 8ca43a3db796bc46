/**
 * The Homebrew formula for one release: rasen.rb of this folder, filled in. Used by packaging/package.mjs.
 */
import { readFileSync } from 'node:fs';

/**
 * `url`: where the npm tarball of this version can be fetched. `sha256`: of that file, in hex. Throws on what no formula
 * can hold, rather than writing one that Homebrew refuses.
 * @param {{ version: string, url: string, sha256: string }} release
 * @returns {string}
 */
export function formula({ version, url, sha256 }) {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`${JSON.stringify(version)} is no version`);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`${JSON.stringify(sha256)} is no SHA-256 in hex`);
  const values = { HOMEPAGE: homepageOf(url), URL: url, VERSION: version, SHA256: sha256 };
  const [, ...lines] = readFileSync(new URL('rasen.rb', import.meta.url), 'utf8').split('\n');
  // Homebrew reads the version from the address and does not want it twice.
  const body = lines.filter(line => !(line.includes('@VERSION@') && url.includes(version)));
  return body.join('\n').replace(/@([A-Z0-9]+)@/g, (mark, name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nothing is known to put in place of ${mark}`);
    return value;
  });
}

/** The page of the repository for a release on a forge, the site otherwise. Throws when it is no address for a formula. */
function homepageOf(url) {
  const { protocol, origin, pathname } = new URL(url);
  // Ruby would take the last three for the end or the inside of its string.
  if (protocol !== 'https:' || /["#\\]/.test(url))
    throw new Error(`${url} is no https address for a formula`);
  const repository = /^(\/[^/]+\/[^/]+)\/releases\/download\//.exec(pathname)?.[1];
  return `${origin}${repository ?? '/'}`;
}
