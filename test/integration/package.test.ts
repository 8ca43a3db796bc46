/** What is shipped: bundles, launchers, runtime. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const meta = JSON.parse(readFileSync(join(root, 'dist/meta.json'), 'utf8')) as Record<
  string,
  {
    inputs: Record<string, unknown>;
    outputs: Record<string, { imports: { path: string; external?: boolean }[] }>;
  }
>;
const importsOf = (bundle: string) =>
  Object.values(meta[bundle]!.outputs).flatMap(output => output.imports.map(i => i.path));

let folder = '';
afterEach(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
  folder = '';
});

describe('31 · the bundle of the client', () => {
  it('holds neither zod, yaml, node-ipc nor pino: its start is what users feel', () => {
    const inputs = Object.keys(meta['rasen.cjs']!.inputs);
    expect(inputs.length).toBeGreaterThan(10);
    expect(
      inputs.filter(path =>
        /node_modules\/(zod|yaml|node-ipc|pino|pino-roll|write-file-atomic)\//.test(path),
      ),
    ).toEqual([]);
    expect(
      inputs
        .filter(path => path.startsWith('node_modules/'))
        .every(path => path.startsWith('node_modules/commander/')),
    ).toBe(true);
  });

  it('loads no tls, http or dgram', () => {
    expect(
      importsOf('rasen.cjs').filter(path => /^(node:)?(tls|https?|http2|dgram|crypto)$/.test(path)),
    ).toEqual([]);
  });

  it('is one file; only what few commands need is beside it', () => {
    expect(importsOf('rasen.cjs').filter(path => path.startsWith('.'))).toEqual([
      './rasen-config.cjs',
      './rasen-reader.cjs',
      './rasen-service.cjs',
      './rasen-gateway.cjs',
      './rasen-mcp.cjs',
    ]);
  });
});

describe('30 · the runtime', () => {
  it('that is shipped is the one in use', () => {
    const { dependencies: _d, optionalDependencies } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    );
    const name = Object.keys(optionalDependencies).find(n =>
      n.endsWith(`${process.platform}-${process.arch}`),
    )!;
    const version = execFileSync(join(root, 'node_modules', name, 'bin/node'), ['--version'], {
      encoding: 'utf8',
    }).trim();
    expect(version).toBe(`v${optionalDependencies[name]}`);
    expect(process.version, 'npm scripts run under it').toBe(version);
  });

  it('is found by the launchers directly, through a symlink, through PATH and from another folder', () => {
    folder = mkdtempSync(join(tmpdir(), 'rs-'));
    symlinkSync(join(root, 'bin/rasen'), join(folder, 'rasen'));
    const env = { ...process.env, PATH: `${folder}:/usr/bin:/bin` };
    const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
    for (const program of [join(root, 'bin/rasen'), join(folder, 'rasen'), 'rasen']) {
      expect(execFileSync(program, ['--version'], { cwd: folder, env, encoding: 'utf8' })).toContain(version);
    }
    expect(
      execFileSync(join(root, 'bin/rasend'), ['--version'], { cwd: '/', env, encoding: 'utf8' }),
    ).toContain(version);
  });

  it('that is missing, with an old node on PATH: a message that says what to do, and status 69', () => {
    folder = mkdtempSync(join(tmpdir(), 'rs-'));
    mkdirSync(join(folder, 'pkg/bin'), { recursive: true });
    cpSync(join(root, 'dist'), join(folder, 'pkg/dist'), { recursive: true });
    copyFileSync(join(root, 'bin/rasen'), join(folder, 'pkg/bin/rasen'));
    // An old node: the same program, told by a preload that it is another version.
    writeFileSync(
      join(folder, 'old.cjs'),
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } });\n",
    );
    writeFileSync(
      join(folder, 'node'),
      `#!/bin/sh\nexec "${process.execPath}" --require "${join(folder, 'old.cjs')}" "$@"\n`,
    );
    chmodSync(join(folder, 'node'), 0o755);
    const run = (path: string) =>
      spawnSync(join(folder, 'pkg/bin/rasen'), ['--version'], { env: { PATH: path }, encoding: 'utf8' });
    const old = run(`${folder}:/usr/bin:/bin`);
    expect(old.status).toBe(69);
    expect(old.stderr).toMatch(/needs Node 24\.15 or newer.*runtime package/s);
    rmSync(join(folder, 'node'));
    symlinkSync(process.execPath, join(folder, 'node'));
    expect(run(`${folder}:/usr/bin:/bin`).status, 'a new enough node on PATH is taken').toBe(0);
  });
});
