/** pyproject.toml, Cargo.toml, pnpm-workspace.yaml, tsconfig.json: the keys that checks go by. Pure. */
import { at, changedKeys, differing, isSame, table, withValue } from './compare.ts';

const PYTHON = [
  ...[
    'build-system',
    'tool.pytest',
    'tool.coverage',
    'tool.tox',
    'tool.nox',
    'tool.ruff',
    'tool.mypy',
    'tool.pyright',
  ],
  ...[
    'tool.basedpyright',
    'tool.pylint',
    'tool.flake8',
    'tool.pytype',
    'tool.ty',
    'tool.hatch.envs',
    'tool.poe',
  ],
  ...[
    'tool.pdm.scripts',
    'tool.taskipy',
    'tool.uv.sources',
    'tool.uv.override-dependencies',
    'tool.rye.scripts',
  ],
];

export function pythonFindings(before: unknown, after: unknown): string[] {
  return PYTHON.filter(key => !isSame(at(before, key), at(after, key))).map(key => `[${key}] was changed`);
}

/** With the keys that checks go by, the plugins of tools and the settings of other tools as they were. */
export function mergedPython(before: unknown, after: unknown): Record<string, unknown> {
  const tools = Object.keys(table(at(before, 'tool'))).map(name => `tool.${name}`);
  const kept = [...PYTHON, ...tools.filter(name => !BUILDS.test(name)), 'project.entry-points.pytest11'];
  return putBack(before, after, kept);
}

/** What else is built, and of what: the change may need that. */
const BUILDS =
  /^tool\.(?:poetry|setuptools|hatch|pdm|flit|maturin|uv|rye|setuptools_scm|bumpversion|commitizen)$/;

/** With the keys that decide what is tested, and with dependencies from where they came. */
export function mergedRust(before: unknown, after: unknown): Record<string, unknown> {
  const deciding = [...RUST, ...RUST_PACKAGE.map(key => `package.${key}`), 'features.default'];
  const moved = RUST_DEPENDENCIES.flatMap(section =>
    changedKeys(at(before, section), at(after, section))
      .filter(name => sourceOf(at(before, section), name) !== sourceOf(at(after, section), name))
      .filter(name => Object.hasOwn(table(at(after, section)), name))
      .map(name => `${section}.${name}`),
  );
  return putBack(before, after, [...deciding, ...moved]);
}

const RUST_DEPENDENCIES = [
  'dependencies',
  'dev-dependencies',
  'build-dependencies',
  'workspace.dependencies',
];
/** Where a dependency comes from: the registry, or a path or repository, under its own name or another's. */
function sourceOf(section: unknown, name: string): string {
  const { path, git, package: other, registry } = table(table(section)[name]);
  return JSON.stringify([path, git, other, registry]);
}

function putBack(before: unknown, after: unknown, keys: readonly string[]): Record<string, unknown> {
  return keys.reduce((value, key) => withValue(value, key, at(before, key)), { ...table(after) } as Record<
    string,
    unknown
  >);
}

const RUST = [
  'profile',
  'lints',
  'workspace.lints',
  'patch',
  'replace',
  'test',
  'bench',
  'lib',
  'cargo-features',
];
const RUST_PACKAGE = ['autotests', 'autobins', 'build', 'default-run', 'rust-version', 'metadata.nextest'];

export function rustFindings(before: unknown, after: unknown): string[] {
  const own = (key: string) => !isSame(at(before, key), at(after, key));
  const members = (value: unknown) =>
    [at(value, 'workspace.members')].flat().filter(item => item !== undefined);
  const now = members(after);
  return [
    ...RUST.filter(own).map(key => `[${key}] was changed`),
    ...RUST_PACKAGE.filter(key => own(`package.${key}`)).map(key => `"${key}" of the package was changed`),
    ...(members(before).every(member => now.includes(member))
      ? []
      : ['a member of the workspace was removed']),
    ...['exclude', 'default-members']
      .filter(key => own(`workspace.${key}`))
      .map(key => `"${key}" of the workspace was changed`),
    ...changedKeys(at(before, 'features'), at(after, 'features'))
      .filter(name => name === 'default')
      .map(() => 'the default features were changed'),
  ];
}

/** Packages and catalogs may grow; everything else decides which programs are installed. */
export function workspaceFindings(before: unknown, after: unknown): string[] {
  const grows = (key: string) => {
    const [was, is] = [at(before, key), at(after, key)];
    if (Array.isArray(was) && Array.isArray(is)) return was.every(item => is.includes(item));
    return changedKeys(was, is).length === 0 || key === 'catalog' || key === 'catalogs';
  };
  return differing(before, after)
    .filter(key => !(['packages', 'catalog', 'catalogs'].includes(key) && grows(key)))
    .map(key => `"${key}" was changed`);
}

/** Options that find mistakes: off, or away, they find fewer. */
const STRICT =
  /^(?:strict|strict\w+|no(?:Implicit|Unchecked|Unused|Fallthrough|PropertyAccess)\w+|alwaysStrict|exactOptionalPropertyTypes|noEmitOnError|allowUnreachableCode|allowUnusedLabels|isolatedModules|verbatimModuleSyntax|forceConsistentCasingInFileNames|checkJs|useUnknownInCatchVariables)$/;
/** Options that make the compiler look away. */
const LENIENT = [
  'noCheck',
  'skipLibCheck',
  'skipDefaultLibCheck',
  'suppressImplicitAnyIndexErrors',
  'noResolve',
  'noLib',
];
/** A new name that is no alias of the project's own is one that a package has. */
const OWN_ALIAS = /^(?:@\/|[~#$]|\.|\*$)/;

export function typescriptFindings(before: unknown, after: unknown): string[] {
  const [was, is] = ['compilerOptions', 'compilerOptions'].map((key, i) =>
    table(at(i === 0 ? before : after, key)),
  ) as [ReturnType<typeof table>, ReturnType<typeof table>];
  const names = (value: unknown, key: string) => [at(value, key)].flat().filter(item => item !== undefined);
  const paths = [table(was.paths), table(is.paths)] as const;
  const shadows = differing(...paths).filter(name => !Object.hasOwn(paths[0], name) && !OWN_ALIAS.test(name));
  return [
    ...changedKeys(was, is)
      .filter(key => STRICT.test(key) && is[key] !== true)
      .map(key => `"${key}" is not on any more`),
    ...differing(was, is)
      .filter(key => STRICT.test(key) && !Object.hasOwn(was, key) && is[key] === false)
      .map(key => `"${key}" was switched off`),
    ...LENIENT.filter(key => is[key] === true && was[key] !== true).map(key => `"${key}" was switched on`),
    ...changedKeys(...paths).map(name => `"paths" has another "${name}"`),
    ...shadows.map(name => `"paths" leads "${name}" elsewhere`),
    ...['baseUrl', 'rootDirs', 'plugins', 'typeRoots']
      .filter(key => Object.hasOwn(was, key) && !isSame(was[key], is[key]))
      .map(key => `"${key}" was changed`),
    ...(names(after, 'exclude').every(item => names(before, 'exclude').includes(item))
      ? []
      : ['"exclude" leaves out more']),
    ...['include', 'files', 'references']
      .filter(key => !names(before, key).every(item => names(after, key).some(other => isSame(item, other))))
      .map(key => `"${key}" has less in it`),
    ...(at(before, 'include') === undefined &&
    at(before, 'files') === undefined &&
    (at(after, 'include') !== undefined || at(after, 'files') !== undefined)
      ? ['"include" narrows what is looked at']
      : []),
    ...(at(before, 'extends') !== undefined && !isSame(at(before, 'extends'), at(after, 'extends'))
      ? ['"extends" was changed']
      : []),
  ];
}
