/** Properties of the source itself, each with its reason. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CORE_STORIES, LONG_UNITS, OWN_PROCESS } from './support/suites.ts';

const root = join(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n');
const sources = tracked.filter(
  path => path.startsWith('src/') && path.endsWith('.ts') && !path.endsWith('.d.ts'),
);
const text = (path: string) => readFileSync(join(root, path), 'utf8');

/** Folder → folders it may import (architecture 4). `root` are the files directly in src/. Everybody but util may import contract. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  util: [],
  // What the machine is: files that others can write, process identity, disk, clock.
  host: ['root', 'util'],
  root: ['util'],
  rpc: ['host', 'util', 'root'],
  engine: [],
  // The leaf: what everybody may know.
  contract: [],
  // Pure: when something is due, and what follows from that.
  triggers: ['engine', 'util'],
  // A program of its own, which looks at the files of a project.
  watch: [],
  config: ['host', 'engine', 'root', 'triggers', 'util', 'agents'],
  store: ['host', 'engine', 'root', 'triggers', 'util'],
  agents: ['host', 'engine', 'root', 'util'],
  session: ['host', 'agents', 'root', 'util', 'runner'],
  gates: ['host', 'engine', 'root', 'util', 'git'],
  git: ['host', 'engine', 'root', 'util'],
  // Programs kept to what they were given.
  sandbox: ['host', 'agents', 'engine', 'root', 'util', 'runner'],
  runner: ['host', 'engine', 'root', 'util'],
  secrets: ['host', 'engine', 'root', 'util'],
  notify: ['host', 'engine', 'root', 'util', 'views'],
  service: ['host', 'root', 'rpc', 'util'],
  views: ['agents', 'host', 'engine', 'root', 'util', 'store'],
  supervisor: [
    'host',
    'agents',
    'config',
    'gates',
    'git',
    'notify',
    'root',
    'rpc',
    'runner',
    'sandbox',
    'secrets',
    'service',
    'session',
    'store',
    'engine',
    'triggers',
    'util',
    'views',
    'watch',
  ],
  // From a wish to an order; config by types alone, since the command line loads it late.
  // agents: where one is installed, a goal needs to name none.
  submit: ['agents', 'config', 'engine', 'host', 'util'],
  // agents: doctor and init look for them.
  cli: [
    ...['submit', 'host', 'agents', 'rpc', 'engine', 'config', 'gateway', 'mcp', 'root', 'service', 'util'],
    'views',
  ],
  // What it does beside speaking, the command line lends it. agents: how each is told of it.
  mcp: ['agents', 'config', 'engine', 'root', 'submit', 'util'],
  // A client of the control socket; runner: which process asks.
  // views: the page reads sessions of agents as `rasen logs` does.
  gateway: ['submit', 'host', 'agents', 'config', 'git', 'root', 'rpc', 'runner', 'util', 'views'],
};

/** Exceptions, each with its reason. */
const EXCEPTIONS: Record<string, string> = {
  'src/cli/context.ts → supervisor': 'the bundle that reads tasks where no supervisor runs; types only',
  'src/paths.ts → host': 'the home of a user is what the machine says',
  'src/index.ts → host': 'a client looks whose the folders are before it sends anything',
  'src/index.ts → rpc': 'the public surface is the typed client of the method table',
};

const folderOf = (path: string) => (path.split('/').length > 2 ? path.split('/')[1]! : 'root');
const IMPORT = /^\s*(?:import|export)\b[^'"]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|import\('([^']+)'\)/gm;

function importsOf(path: string): string[] {
  return [...text(path).matchAll(IMPORT)].map(m => m[1] ?? m[2] ?? m[3]!);
}

describe('imports', () => {
  it('go only where the table allows, so that each folder can be understood alone', () => {
    const wrong: string[] = [];
    const used = new Set<string>();
    for (const path of sources) {
      const from = folderOf(path);
      for (const name of importsOf(path).filter(n => n.startsWith('.'))) {
        const to = folderOf(normalize(join(dirname(path), name)));
        if (to === from || MAY_IMPORT[from]?.includes(to) || (to === 'contract' && from !== 'util')) continue;
        const exception = `${path} → ${to}`;
        if (exception in EXCEPTIONS) used.add(exception);
        else wrong.push(`${path} imports ${name}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([...used].sort(), 'an exception that is not needed any more').toEqual(
      Object.keys(EXCEPTIONS).sort(),
    );
  });

  it('of node-ipc are in rpc/transport.ts alone: its hazards are handled in one place', () => {
    expect(sources.filter(path => importsOf(path).includes('node-ipc'))).toEqual(['src/rpc/transport.ts']);
  });

  it('of the driver of the store are where the supervisor is wired, and nowhere else: another driver is a driver', () => {
    const KNOWN: Record<string, string> = {
      'src/supervisor/supervisor.ts': 'makes the store',
      'src/supervisor/disk.ts': 'makes one that only reads',
      'src/supervisor/places.ts': 'where runners find the files of a task',
    };
    const found = sources.filter(
      path =>
        !path.startsWith('src/store/') &&
        importsOf(path).some(name => /store\/file\/(?!trigger-store)/.test(name)),
    );
    expect(found.sort()).toEqual(Object.keys(KNOWN).sort());
    // Nor is one reached by way of another name.
    const named = sources.filter(path => /^src\/(?!store\/)/.test(path) && /\bFileStore\b/.test(text(path)));
    expect(named.filter(path => !(path in KNOWN))).toEqual([]);
  });

  it('of packages in contract/ and engine/ are zod alone: they are pure', () => {
    const packages = sources
      .filter(p => /^src\/(contract|engine)\//.test(p))
      .flatMap(p => importsOf(p).filter(n => !n.startsWith('.')));
    expect([...new Set(packages)]).toEqual(['zod']);
  });

  it('of packages are among the dependencies, pinned exactly', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text('package.json'));
    const packages = new Set(
      sources.flatMap(p =>
        importsOf(p)
          .filter(n => !n.startsWith('.') && !n.startsWith('node:'))
          // `preact/hooks` is a part of `preact`.
          .map(n => n.split('/', n.startsWith('@') ? 2 : 1).join('/')),
      ),
    );
    expect([...packages].filter(name => !(name in dependencies))).toEqual([]);
    const versions: string[] = Object.values({
      ...dependencies,
      ...devDependencies,
      ...optionalDependencies,
    });
    expect(versions.filter(v => !/^\d+\.\d+\.\d+$/.test(v))).toEqual([]);
    expect(
      Object.keys(dependencies).filter(name => !packages.has(name)),
      'a dependency that nothing imports',
    ).toEqual([]);
  });
});

/** Who else may name an agent in its code, with the reason: its folder, the lists of agents, and these. */
const NAMES_AGENTS: Record<string, string> = {
  'src/contract/backends.ts': 'the names',
  'src/agents/index.ts': 'the list: how they are started, and what their sessions come to',
  'src/agents/readers.ts': 'the list: how their output is read',
  'src/agents/dialogues.ts': 'the list: how they are spoken with',
  'src/agents/programs.ts': 'the list: how it is looked whether they are there',
  'src/agents/mcp-clients.ts': 'the list: how they are told of an MCP server',
  'src/cli/commands/mcp.ts': 'documentation: which of them have a command that tells them of a server',
  'src/config/keys-limits.ts': 'documentation: who says what a session costs',
  'src/config/rules.ts': 'an example of a command over ACP',
  'src/config/import/long-running-tasks.ts': 'a key of the file of another tool',
  'src/engine/recipient.ts': 'whose the variables are that agents log in with; the engine imports no agent',
  'src/submit/captured-env.ts': 'which variables are captured, of any program',
};

describe('what is known of an agent', () => {
  const backends = /AGENT_PROGRAMS = \[([^\]]*)\]/.exec(text('src/contract/backends.ts'))![1]!;
  const agents = [...backends.matchAll(/'(\w+)'/g)].map(([, name]) => name!);
  const code = (path: string) => text(path).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const named = (path: string) =>
    agents.filter(name => !path.startsWith(`src/agents/${name}/`) && new RegExp(name, 'i').test(code(path)));

  it('is in its folder: a new one is that folder and a line in each list', () => {
    expect(agents.length).toBeGreaterThan(3);
    // Over ACP, programs are spoken with that have a folder of their own.
    const others = sources.filter(path => !path.startsWith('src/agents/acp/') && named(path).length > 0);
    expect(others.filter(path => !(path in NAMES_AGENTS))).toEqual([]);
    expect(Object.keys(NAMES_AGENTS).filter(path => !others.includes(path))).toEqual([]);
  });

  it('is said by one reader: nothing but an agent’s folder takes the objects of its output apart', () => {
    const lists = [
      'src/agents/index.ts',
      'src/agents/readers.ts',
      'src/agents/dialogues.ts',
      'src/agents/programs.ts',
      'src/agents/mcp-clients.ts',
    ];
    const inside = /agents\/(?:[a-z]+)\/|^\.\/(?:acp|command|claude|codex|gemini|opencode)\//;
    const reaching = sources.filter(
      path =>
        !/^src\/agents\/[a-z]+\//.test(path) &&
        !lists.includes(path) &&
        importsOf(path).some(name => inside.test(name)),
    );
    expect(reaching).toEqual([]);
  });
});

/**
 * What an agent can write (below an attempt, a worktree, a project, a repository) is opened by host/ alone, which follows
 * no link, waits for no FIFO and reads within limits. So the rooms that know where such files are import what opens
 * files only where it is something else, by name and with the reason; `constants` and types are free.
 */
const OPENS: Record<string, { names: string; reason: string }> = {
  'src/agents/installed.ts': { names: 'accessSync existsSync statSync', reason: 'programs on PATH' },
  'src/runner/activity.ts': { names: 'readFileSync', reason: '/proc' },
  'src/runner/attempt-dir.ts': { names: 'mkdir rename', reason: 'the folder, before anything runs in it' },
  'src/runner/cage/bell.ts': { names: 'mkdirSync readdirSync rmSync watch', reason: 'the runtime folder' },
  'src/runner/cage/cgroup.ts': {
    names: 'existsSync readdirSync readFileSync writeFileSync',
    reason: '/sys/fs/cgroup',
  },
  'src/runner/cage/choose.ts': { names: 'existsSync', reason: 'what the machine has' },
  'src/runner/cage/unit-members.ts': { names: 'readFileSync', reason: '/proc' },
  'src/runner/cage/unit.ts': {
    names: 'existsSync mkdir readFileSync rm writeFile',
    reason: 'what units start from, in the runtime folder; our own scripts; whether the manager runs',
  },
  'src/runner/durable.ts': { names: 'open', reason: 'folders, to be synced: O_DIRECTORY' },
  'src/runner/monitor.ts': { names: 'readFileSync', reason: '/proc' },
  'src/runner/platform/linux.ts': {
    names: 'closeSync openSync readdirSync readlinkSync readSync',
    reason: '/proc',
  },
  'src/runner/start.ts': { names: 'mkdirSync', reason: 'the fence: made or not, nothing is opened' },
  'src/runner/stop.ts': { names: 'readFileSync', reason: '/proc' },
  'src/sandbox/choose.ts': { names: 'accessSync', reason: 'programs on PATH' },
  'src/sandbox/fence/main.ts': { names: 'writeSync', reason: 'its standard error' },
  'src/sandbox/look.ts': {
    names: 'lstat mkdir realpath stat writeFile',
    reason: 'names in the home, which are looked at and made where they are missing',
  },
  'src/session/lock.ts': {
    names: 'mkdirSync readdirSync readlinkSync rmSync symlinkSync',
    reason: 'locks are links that nobody follows',
  },
  'src/session/main.ts': { names: 'readFileSync writeSync', reason: 'its standard input and error' },
  'src/session/notes.ts': { names: 'mkdirSync watch', reason: 'the folder; what is in it is read by host' },
  'src/session/output.ts': { names: 'writeSync', reason: 'its standard output' },
  'src/supervisor/cage.ts': {
    names: 'existsSync readFileSync readdirSync rmSync statSync',
    reason: 'the runtime folder; our own script',
  },
  'src/supervisor/doors/confine.ts': {
    names: 'realpath',
    reason: 'where a command would run: names are resolved, nothing is opened',
  },
  'src/supervisor/effects/working-folder.ts': {
    names: 'realpath',
    reason: 'where a command would run: names are resolved, nothing is opened',
  },
  'src/supervisor/disk.ts': { names: 'existsSync', reason: 'the runtime folder' },
  'src/supervisor/doctor.ts': { names: 'statfsSync statSync', reason: 'our own folders' },
  'src/supervisor/effects/temporary-folder.ts': { names: 'mkdirSync', reason: 'made or not, never opened' },
  'src/supervisor/main.ts': { names: 'existsSync writeSync', reason: 'our own folders and output' },
  'src/supervisor/settings.ts': { names: 'statSync', reason: 'rasend.yml of the user: whether it is a file' },
  'src/util/listening.ts': { names: 'readFileSync', reason: '/proc' },
};
/** Rooms whose files are not those of agents, or that have rules of their own. */
const OTHER_ROOMS: Record<string, string> = {
  host: 'it is who opens them',
  git: 'the repository, with its own rules',
  store: 'the state, which is checked by its hashes',
  cli: 'a process of the user, who may wait for himself',
  config: 'read by the command line; read-text.ts opens without blocking',
  rpc: 'the runtime folder',
  secrets: 'files of the user',
  service: 'files of the service manager and our own log',
  submit: 'a process of whoever submits, who may wait for himself',
  mcp: 'a process of the user, who may wait for himself',
  gateway: 'its own state, sockets and page; a project is read by git and config',
  root: 'our own folders',
  watch:
    'a process of its own, which looks at files of the user and opens none but .gitignore and its own record',
};
const OPENERS = ['node:fs', 'node:fs/promises', 'fs', 'fs/promises', 'write-file-atomic', 'pino-roll'];
const OPENER = new RegExp(`import\\s+(?:type\\s+)?([^'"]*?)\\s+from\\s+'(?:${OPENERS.join('|')})'`, 'g');

describe('files that others can write', () => {
  const opening = (path: string) =>
    [...text(path).matchAll(OPENER)].flatMap(([, names]) =>
      names!
        .replaceAll(/[{}]/g, '')
        .split(',')
        .map(name => name.trim())
        .filter(name => name !== '' && name !== 'constants' && !/^(type |[A-Z])/.test(name)),
    );
  const watched = sources.filter(path => !(folderOf(path) in OTHER_ROOMS));

  it('are opened in host/ alone', () => {
    const found = watched
      .map(path => ({ path, names: [...new Set(opening(path))].sort() }))
      .filter(({ names }) => names.length > 0);
    const sorted = (names: string) => names.split(' ').sort();
    expect(Object.fromEntries(found.map(({ path, names }) => [path, names]))).toEqual(
      Object.fromEntries(Object.entries(OPENS).map(([path, { names }]) => [path, sorted(names)])),
    );
  });

  it('are not opened by a roundabout way', () => {
    const ways = /\b(?:require|getBuiltinModule|import)\(\s*'(?:node:)?fs|process\.binding/;
    expect(watched.filter(path => ways.test(text(path)))).toEqual([]);
  });

  it('on the disk of a project are worked on by the helper process: views have no other way', () => {
    const views = sources.filter(path => path.startsWith('src/views/'));
    const local = /from '\.\.\/host\/(?!far-files|file-work)|\bnearFiles\b/;
    // Types of outcomes and places are no way.
    const ways = views.filter(path => local.test(text(path).replaceAll(/import type [^;]*;/g, '')));
    expect(ways).toEqual([]);
  });
});

describe('files', () => {
  it('open with what they are', () => {
    expect(sources.filter(path => !/^(#!.*\n)?\/(\*\*|\/)/.test(text(path)))).toEqual([]);
  });

  it('use no console: stdout is the answer of a command and belongs to cli/output.ts', () => {
    expect(sources.filter(path => /\bconsole\.(log|error|warn|info)\(/.test(text(path)))).toEqual([]);
  });

  it('have no export *: what is public is a list', () => {
    expect(sources.filter(path => /^export \* from/m.test(text(path)))).toEqual([]);
  });

  it('name no path of the machine they were written on', () => {
    const marks = new RegExp(
      ['wo' + 'rk', 'fa' + 'rm', 'ro' + 'ot'].map(word => `(?<![\\w.$}])/${word}/`).join('|'),
    );
    const files = tracked.filter(
      path => /\.(ts|mjs|cjs|sh|md|json|yml)$/.test(path) && path !== 'package-lock.json',
    );
    expect(files.filter(path => marks.test(text(path)))).toEqual([]);
  });

  it('of packages run at `npm ci` only what is allowed to: the others would compile, or fetch from elsewhere', () => {
    const { allowScripts } = JSON.parse(text('package.json')) as { allowScripts: Record<string, boolean> };
    const { packages } = JSON.parse(text('package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: true }>;
    };
    const scripts = Object.keys(packages).filter(path => packages[path]!.hasInstallScript);
    expect(scripts.map(path => path.replace(/^.*node_modules\//, '')).sort()).toEqual(
      Object.keys(allowScripts).sort(),
    );
  });

  it('in the lockfile name no registry', () => {
    expect(text('package-lock.json')).not.toMatch(/"resolved":/);
  });

  it('that suites name one by one are there', () => {
    const named = [...CORE_STORIES, ...LONG_UNITS, ...OWN_PROCESS];
    expect(named.filter(path => !tracked.includes(path))).toEqual([]);
  });

  it('change modules for their whole process only where they have one', () => {
    const mocks = tracked.filter(
      path => /^test\/unit\/.*\.test\.ts$/.test(path) && /\bvi\.(?:mock|doMock)\(/.test(text(path)),
    );
    expect(mocks.filter(path => !OWN_PROCESS.includes(path))).toEqual([]);
  });
});
