/** The npm package, as users get it: installed in a prefix of its own, with nothing of the checkout in reach. */
import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NpmRegistry, npmRegistry } from '../support/npm-registry.ts';

const root = join(import.meta.dirname, '../..');
const package_json = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

let folder: string;
let registry: NpmRegistry;
let tarball: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-npm-'));
  registry = await npmRegistry(root);
  mkdirSync(join(folder, 'home'));
  env = {
    HOME: join(folder, 'home'),
    PATH: process.env.PATH!,
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, 'cache'),
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_userconfig: join(folder, 'npmrc'),
    npm_config_globalconfig: join(folder, 'npmrc-global'),
  };
  const args = ['pack', '--ignore-scripts', '--pack-destination', folder];
  execFileSync('npm', args, { cwd: root, env, stdio: 'pipe' });
  tarball = join(folder, `rasen-${package_json.version}.tgz`);
});
afterAll(async () => {
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
});

const npm = (...args: string[]) => promisify(execFile)('npm', args, { cwd: folder, env });

describe('the npm package', () => {
  it('holds what is run, the manual and the completions, and what the build is made of stays out', () => {
    const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(path => path.replace('package/', ''));
    expect(files).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'bin/rasen',
        'bin/rasend',
        'dist/rasen.cjs',
        'dist/rasend.cjs',
        'dist/rasen-files.cjs',
        'dist/rasen-session.cjs',
        'dist/runner.sh',
        'dist/index.js',
        'packaging/completions/rasen.bash',
        ...package_json.man,
      ]),
    );
    expect(
      files.filter(path => /^(src|test|node_modules|out|packaging\/(deb|homebrew))\/|meta\.json/.test(path)),
    ).toEqual([]);
  });

  it('installs with one command, without a build, brings its runtime, and goes again', {
    timeout: 120_000,
  }, async () => {
    const prefix = join(folder, 'prefix');
    // A program that is first on PATH and fails: no script of an installation may need a build.
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    for (const name of ['esbuild', 'tsc', 'make', 'cc', 'python3'])
      writeFileSync(join(tools, name), `#!/bin/sh\necho ${name} >>'${folder}/built'\nexit 1\n`, {
        mode: 0o755,
      });
    env.PATH = `${tools}:${env.PATH}`;
    await npm('install', '--global', '--prefix', prefix, tarball);
    expect(existsSync(join(folder, 'built'))).toBe(false);

    // Without any node in reach: the runtime is the one that came with it.
    const path = { PATH: `${prefix}/bin:/usr/bin:/bin`, HOME: env.HOME! };
    for (const program of ['rasen', 'rasend'])
      expect(execFileSync(program, ['--version'], { cwd: '/', env: path, encoding: 'utf8' })).toContain(
        package_json.version,
      );
    const installed = join(prefix, 'lib/node_modules/rasen');
    const runtimes = readdirSync(join(installed, 'node_modules')).filter(name =>
      /^node-(bin-)?(linux|darwin)/.test(name),
    );
    expect(runtimes, 'of this platform only').toHaveLength(1);
    for (const page of package_json.man as string[]) {
      const [, name, section] = /man\/((?:.*)\.(\d))$/.exec(page)!;
      expect(existsSync(join(prefix, `share/man/man${section}/${name}`)), page).toBe(true);
    }

    await npm('uninstall', '--global', '--prefix', prefix, 'rasen');
    const left = readdirSync(prefix, { recursive: true, withFileTypes: true }).filter(
      entry => !entry.isDirectory(),
    );
    // npm keeps a list of its own.
    expect(left.map(entry => entry.name).filter(name => name !== '.package-lock.json')).toEqual([]);
  });
});
