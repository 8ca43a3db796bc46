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
import { bundledPackages } from '../../packaging/licenses.ts';
import { npmTarball } from '../../packaging/npm/tarball.ts';
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
  tarball = npmTarball({ root, out: folder });
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
        'dist/rasen-fence.cjs',
        'dist/rasen-files.cjs',
        'dist/rasen-session.cjs',
        'dist/rasen-watch.cjs',
        'dist/runner.sh',
        'dist/index.js',
        'packaging/completions/rasen.bash',
        'LICENSE',
        'THIRD-PARTY-NOTICES.txt',
        ...package_json.man,
      ]),
    );
    const folders = /^(bin|dist|man|packaging\/(completions|launchd|monitoring|logrotate|newsyslog))\//;
    expect(files.filter(path => path.includes('/') && !folders.test(path))).toEqual([]);
    expect(files.filter(path => /meta\.json|\.(m?ts|mjs|map)$/.test(path))).toEqual([]);
    const text = (path: string) =>
      execFileSync('tar', ['-xzOf', tarball, `package/${path}`], { encoding: 'utf8' });
    expect(text('LICENSE')).toMatch(/^MIT License\n\nCopyright \(c\) /);
    const bundled = bundledPackages(JSON.parse(readFileSync(join(root, 'dist/meta.json'), 'utf8')));
    for (const name of bundled)
      expect(text('THIRD-PARTY-NOTICES.txt')).toMatch(new RegExp(`^${name} \\d`, 'm'));
    const published = JSON.parse(text('package.json'));
    expect(Object.keys(published).filter(key => /ependencies/.test(key))).toEqual(['optionalDependencies']);
    expect(Object.keys(published.scripts)).toEqual(['postinstall']);
    expect(published.version).toBe(package_json.version);
  });

  it('installs with one command, without a build, brings its runtime, and goes again', {
    timeout: 400_000,
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
    const modules = readdirSync(join(installed, 'node_modules')).filter(name => !name.startsWith('.'));
    expect(modules, 'everything else is in the bundles').toEqual(runtimes);
    const mib = (path: string) =>
      Number(execFileSync('du', ['-sk', path], { encoding: 'utf8' }).split('\t')[0]) / 1024;
    const [all, runtime] = [mib(installed), mib(join(installed, 'node_modules'))];
    const [name] = runtimes as [string];
    const parts = readdirSync(join(installed, 'node_modules', name));
    expect(parts, 'no headers, no manual of Node').toEqual(expect.arrayContaining(['LICENSE', 'bin']));
    expect(parts).not.toContain('include');
    expect(parts).not.toContain('share');
    console.log(`installed: ${all.toFixed(1)} MiB, ${(all - runtime).toFixed(1)} MiB without its runtime`);
    expect(all - runtime, 'with the Node of the machine: npm install -g rasen --omit=optional').toBeLessThan(
      12,
    );
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
