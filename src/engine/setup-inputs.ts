/**
 * The files that `setup` reads, as far as their names tell: lock files and manifests of package managers, and what its own
 * words name. When one of them changes, what was set up is not that any more. Pure.
 */

/** Lock files, manifests and the settings beside them, by name. */
const READ = new Set([
  ...['package.json', 'package-lock.json', 'npm-shrinkwrap.json', '.npmrc', '.nvmrc', '.node-version'],
  ...['yarn.lock', '.yarnrc', '.yarnrc.yml', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', '.pnpmfile.cjs'],
  ...['bun.lock', 'bun.lockb', 'bunfig.toml', 'deno.json', 'deno.lock'],
  ...[
    'pyproject.toml',
    'setup.py',
    'setup.cfg',
    'uv.lock',
    'uv.toml',
    'poetry.lock',
    'poetry.toml',
    'pdm.lock',
  ],
  ...['Pipfile', 'Pipfile.lock', 'pylock.toml', '.python-version', 'environment.yml'],
  ...['Cargo.toml', 'Cargo.lock', 'rust-toolchain', 'rust-toolchain.toml'],
  ...['go.mod', 'go.sum', 'go.work', 'go.work.sum'],
  ...['Gemfile', 'Gemfile.lock', 'gems.rb', 'gems.locked', '.ruby-version'],
  ...['composer.json', 'composer.lock', 'mix.exs', 'mix.lock', '.tool-versions', 'mise.toml'],
]);
/** requirements.txt and its like, also in a folder of them; the specification of a gem. */
const READ_PATTERN =
  /(?:^|\/)(?:(?:requirements|constraints)[^/]*\.(?:txt|in)|requirements\/[^/]+\.(?:txt|in)|[^/]+\.gemspec)$/;
/** What a program reads that is told to do something by a file of its own. */
const TOLD_BY: Readonly<Record<string, readonly string[]>> = {
  make: ['Makefile', 'makefile', 'GNUmakefile'],
  just: ['justfile', 'Justfile', '.justfile'],
  task: ['Taskfile.yml', 'Taskfile.yaml'],
  rake: ['Rakefile'],
};
/** Installed packages have manifests of their own, which change with what is set up. */
const INSTALLED = /(?:^|\/)(?:node_modules|vendor|\.venv|venv)\//;

/**
 * Tells whether a path of the repository is read by `setup`.
 * @param folder where it runs, relative to the top of the repository; '' is the top.
 */
export function setupInputs(setup: readonly string[], folder: string): (path: string) => boolean {
  const below = folder === '' ? '' : `${folder}/`;
  // Also of a script in the words: sh -c "./bootstrap.sh && make deps".
  const words = setup.flatMap(word => word.split(/[\s;&|()'"`<>=]+/)).filter(word => word !== '');
  const named = new Set(words.map(word => `${below}${word.replace(/^(?:\.\/)+/, '')}`));
  const told = words.flatMap(word => (Object.hasOwn(TOLD_BY, word) ? TOLD_BY[word]! : []));
  const names = new Set([...READ, ...told]);
  return path => {
    if (named.has(path)) return true;
    if (INSTALLED.test(path)) return false;
    const slash = path.lastIndexOf('/') + 1;
    if (!names.has(path.slice(slash)) && !READ_PATTERN.test(path)) return false;
    // Its own, those below, and those that are looked up for above.
    return path.startsWith(below) || below.startsWith(path.slice(0, slash));
  };
}
