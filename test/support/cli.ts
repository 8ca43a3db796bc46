/** The command line as users start it: the bundles, built once for each test process, run as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { instancePaths } from '../../src/paths.ts';
import { until } from './runner-rig.ts';

export interface CliBuild {
  folder: string;
  entry: string;
  metafile: Metafile;
  remove(): void;
}

/**
 * As packaging/build.mjs builds them. `rasend`: the real supervisor too, or the text of another in its place; without
 * one no command can start any.
 */
export async function buildCli(rasend?: { text: string } | 'real'): Promise<CliBuild> {
  const place = mkdtempSync(join(tmpdir(), 'rasen-build-'));
  const folder = join(place, 'dist');
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'error',
    metafile: true,
    // As in packaging/build.mjs: the other form of it cannot be bundled.
    alias: { 'jsonc-parser': './node_modules/jsonc-parser/lib/esm/main.js' },
    absWorkingDir: new URL('../..', import.meta.url).pathname,
  } as const;
  const entry = join(folder, 'rasen.cjs');
  const supervisor = join(folder, 'rasend.cjs');
  const external = ['config', 'reader', 'service', 'gateway', 'mcp'].map(name => `./rasen-${name}.cjs`);
  const [cli] = await Promise.all([
    build({ ...common, minify: true, entryPoints: ['src/cli/main.ts'], external, outfile: entry }),
    build({ ...common, entryPoints: ['src/config/index.ts'], outfile: join(folder, 'rasen-config.cjs') }),
    build({ ...common, entryPoints: ['src/service/index.ts'], outfile: join(folder, 'rasen-service.cjs') }),
    build({
      ...common,
      ...IMPORT_META,
      entryPoints: ['src/supervisor/disk.ts'],
      outfile: join(folder, 'rasen-reader.cjs'),
    }),
    build({
      ...common,
      ...IMPORT_META,
      entryPoints: ['src/mcp/index.ts'],
      outfile: join(folder, 'rasen-mcp.cjs'),
    }),
    rasend === 'real' &&
      build({ ...common, ...IMPORT_META, entryPoints: ['src/supervisor/main.ts'], outfile: supervisor }),
    rasend === 'real' &&
      build({
        ...common,
        entryPoints: ['src/session/main.ts'],
        outfile: join(folder, 'rasen-session.cjs'),
      }),
    rasend === 'real' &&
      build({
        ...common,
        ...IMPORT_META,
        entryPoints: ['src/watch/main.ts'],
        outfile: join(folder, 'rasen-watch.cjs'),
      }),
    rasend === 'real' &&
      build({
        ...common,
        entryPoints: ['src/host/far-helper.ts'],
        outfile: join(folder, 'rasen-files.cjs'),
      }),
  ]);
  if (typeof rasend === 'object') writeFileSync(supervisor, rasend.text);
  else if (rasend) cpSync(join(common.absWorkingDir, 'src/runner/runner.sh'), join(folder, 'runner.sh'));
  if (rasend) {
    cpSync(join(common.absWorkingDir, 'bin/rasend'), join(place, 'bin/rasend'));
    symlinkSync(join(common.absWorkingDir, 'node_modules'), join(place, 'node_modules'));
  }
  const remove = () => rmSync(place, { recursive: true, force: true });
  return { folder, entry, metafile: cli.metafile, remove };
}

/** CommonJS has no import.meta. */
const IMPORT_META = {
  define: { 'import.meta.url': '__rasen_url', 'import.meta.dirname': '__dirname' },
  banner: { js: "const __rasen_url = require('node:url').pathToFileURL(__filename).href;" },
};

export interface RunOptions {
  home: string;
  cwd?: string;
  env?: Record<string, string>;
}

export interface Ran {
  code: number | null;
  signal: string | null;
  stdout: string;
  stdout_bytes: Buffer;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** What it said until now. */
  stdout(): string;
  stderr(): string;
  ended: Promise<Ran>;
}

export function startCli(cli: CliBuild, args: readonly string[], { home, cwd, env }: RunOptions): Running {
  const child = spawn(process.execPath, [cli.entry, ...args], {
    cwd: cwd ?? home,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      RASEN_HOME: home,
      RASEN_CAGE: 'group',
      RASEN_SANDBOX: 'off',
      TZ: 'UTC',
      NO_COLOR: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', chunk => out.push(chunk));
  child.stderr.on('data', chunk => err.push(chunk));
  const ended = new Promise<Ran>(resolve => {
    child.once('close', (code, signal) => {
      const stdout_bytes = Buffer.concat(out);
      const stderr = Buffer.concat(err).toString();
      resolve({ code, signal, stdout: stdout_bytes.toString(), stdout_bytes, stderr });
    });
  });
  return {
    child,
    stdout: () => Buffer.concat(out).toString(),
    stderr: () => Buffer.concat(err).toString(),
    ended,
  };
}

export function runCli(cli: CliBuild, args: readonly string[], options: RunOptions): Promise<Ran> {
  return startCli(cli, args, options).ended;
}

const OVER = ['completed', 'failed', 'cancelled'];

/** Cancels what is left in an instance, so that no process stays, and ends the supervisor that a command has started. */
export async function endSupervisor(cli: CliBuild, home: string): Promise<void> {
  const { pid } = instancePaths({ RASEN_HOME: home });
  if (!existsSync(pid)) return;
  const { stdout } = await runCli(cli, ['list', '--json'], { home });
  for (const { id, status } of JSON.parse(stdout))
    if (!OVER.includes(status)) await runCli(cli, ['cancel', id, '--force'], { home });
  const supervisor = Number(readFileSync(pid, 'utf8'));
  process.kill(supervisor, 'SIGTERM');
  await until('the supervisor to end', () => !isThere(supervisor));
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
