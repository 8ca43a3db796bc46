/** What V8 made of the bundles at build is used at a start, and one that was torn, or is of another bundle, is not. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const NAMES = ['rasen', 'rasen-config', 'rasen-mcp', 'rasen-reader', 'rasend'];
let dist: string;
beforeEach(() => {
  dist = join(mkdtempSync(join(tmpdir(), 'rc-')), 'dist');
  cpSync(join(ROOT, 'dist'), dist, { recursive: true });
});
afterEach(() => rmSync(join(dist, '..'), { recursive: true }));

const codeOf = (name: string) =>
  join(
    dist,
    readdirSync(dist).find(
      file =>
        file.endsWith('.code') && file.startsWith(name) && /-[0-9a-f]{12}-/.exec(file)?.index === name.length,
    )!,
  );

/** What V8 says of the cache that it was given: false: taken; undefined: it was given none. And what the program prints. */
function start(name: string): { refused: boolean | undefined; text: string } {
  const script = `globalThis.__rasen_scripts = []; process.argv = [process.argv[0], process.argv[1], '--version'];
process.on('exit', () => console.error(JSON.stringify({ refused: globalThis.__rasen_scripts[0].script.cachedDataRejected })));
require(${JSON.stringify(join(dist, `${name}.cjs`))});`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, 'x'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: dist },
  });
  return { refused: JSON.parse(stderr).refused, text: stdout };
}

test.each(NAMES)('%s starts with what was made of it', name => {
  expect(start(name).refused).toBe(false);
});

test.each([
  ['a sector is empty', (data: Buffer) => data.fill(0, 512 * 40, 512 * 41)],
  ['its end is missing', (data: Buffer) => data.subarray(0, data.length - 512)],
  ['nothing is in it', () => Buffer.alloc(0)],
])('where %s, it is left alone', (_what, torn) => {
  const path = codeOf('rasen');
  writeFileSync(path, torn(readFileSync(path)));
  expect(start('rasen')).toEqual({ refused: undefined, text: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test('what V8 made with other flags is no hindrance', () => {
  const args = ['--no-opt', '--no-sparkplug', join(dist, 'rasen.cjs'), '--version'];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stdout).toBe(start('rasen').text);
});

test('each bundle is ASCII and imports nothing late, as its loader needs it', () => {
  for (const name of NAMES)
    expect(readFileSync(join(dist, `${name}.js`), 'latin1')).not.toMatch(/\bimport\(/);
  for (const name of NAMES)
    expect(readFileSync(join(dist, `${name}.js`)).every(byte => byte < 128)).toBe(true);
});
