/**
 * Files that decide what the command of a gate means: which program it finds, with which options, and what it looks at.
 * Those that serve nothing else are named here; package.json and others that also hold the project's own matters are
 * compared key by key, in the files beside this one. Pure.
 */

/** By name, in any folder. */
const WHOLE: readonly RegExp[] = [
  // Package managers and runtimes.
  /^(?:\.npmrc|\.yarnrc(?:\.ya?ml)?|\.pnpmfile\.c?js|bunfig\.toml|\.nvmrc|\.node-version|\.nodeenv|\.python-version|\.ruby-version|\.java-version|\.go-version|\.tool-versions|\.?mise(?:\.\w+)?\.toml|\.envrc|rust-toolchain(?:\.toml)?|global\.json|go\.work|pip\.conf|uv\.toml|nuget\.config)$/i,
  // Loaded by a program before the tests are.
  /^(?:\.env(?:\.(?!example$|sample$|template$|dist$)[\w.-]+)?|sitecustomize\.py|usercustomize\.py|[\w.-]+\.pth)$/i,
  // Runners of tests.
  /^(?:(?:vitest|jest|playwright|cypress|karma|ava|wdio|stryker|web-test-runner|nightwatch)(?:[.-][\w-]+)*\.(?:config|conf|workspace)(?:\.[\w-]+)*\.(?:[cm]?[jt]s|json)|vitest\.workspace\.[\w]+|\.mocharc\.?\w*|\.taprc|\.nycrc(?:\.\w+)?|\.c8rc(?:\.\w+)?|pytest\.ini|\.pytest\.ini|pytest\.toml|\.coveragerc|noxfile\.py|\.rspec|phpunit\.xml(?:\.dist)?|nextest\.toml)$/i,
  // Linters and types.
  /^(?:\.eslintrc(?:\.\w+)?|\.eslintignore|eslint\.config\.[cm]?[jt]s|biome\.jsonc?|\.oxlintrc\.json|\.prettierignore|\.?ruff\.toml|\.flake8|\.pylintrc|mypy\.ini|\.mypy\.ini|pyrightconfig\.json|\.golangci\.(?:ya?ml|toml|json)|\.?clippy\.toml|deny\.toml|\.rubocop(?:_todo)?\.yml|\.stylelintrc(?:\.\w+)?)$/i,
];
/** With the folder that they lie in. */
const PLACED = /(?:^|\/)\.cargo\/config(?:\.toml)?$|(?:^|\/)\.config\/nextest\.toml$|(?:^|\/)\.mvn\//i;
/** Programs and libraries that are installed, not written: what lies there runs in place of the real one. */
const INSTALLED = /(?:^|\/)(?:node_modules|\.?venv|__pypackages__|\.yarn\/(?:releases|plugins|sdks))\//;
/** Modules of the test tools: a file of their name in the project is found first. */
const SHADOWS =
  /(?:^|\/)(?:pytest|_pytest|unittest|doctest|nose2?|hypothesis|coverage|mypy|ruff|pylint|flake8|pluggy|mock)(?:\.py|\/__init__\.py)$/;
/** Found by make before the Makefile that is there. */
const OTHER_MAKEFILE = /(?:^|\/)(?:GNUmakefile|makefile)$/;

/** What the file decides about, or null. */
export function configOf(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (INSTALLED.test(path)) return 'is an installed program or library, which the gates run';
  if (PLACED.test(path) || WHOLE.some(pattern => pattern.test(name))) return 'decides how the gates run';
  return null;
}

/**
 * Other files by which tools are told what to do: whatever is loaded between the command of a gate and the source. Nobody is
 * asked about a change to them alone, only where gates pass with it and not without it.
 */
const TOOLS: readonly RegExp[] = [
  /^\.[a-z][\w-]*rc(?:\.(?:[cm]?[jt]s|jsonc?|json5|ya?ml|toml))?$/i,
  /^(?:babel|webpack|rollup|rspack|tsup|metro|swc|esbuild|nyc|istanbul|commitlint|lint-staged)(?:[.-][\w-]+)*\.(?:config|conf)\.(?:[cm]?[jt]s|json)$/i,
  /^(?:nx|turbo|lerna|rush|deno|import[-_]?map)\.jsonc?$/i,
  /^(?:[Jj]ustfile|\.justfile|Taskfile\.ya?ml)$/,
];
export const isOfTools = (path: string): boolean =>
  TOOLS.some(pattern => pattern.test(path.slice(path.lastIndexOf('/') + 1)));

/** What a new file takes the place of, or null. */
export function shadowOf(path: string): string | null {
  if (SHADOWS.test(path)) return 'has the name of a tool that the gates use, and would be taken for it';
  return OTHER_MAKEFILE.test(path) ? 'would be read in place of the Makefile' : null;
}
