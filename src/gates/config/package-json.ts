/** package.json: what its scripts, its loaders and the sources of its tools mean for the gates. Pure. */
import { at, changedKeys, differing, isSame, table } from './compare.ts';

/** Scripts that are checks, whatever the gates call. */
const CHECK =
  /^(?:pre|post)?(?:test|tests|lint|check|typecheck|type-check|types|verify|ci|unit|e2e|coverage|spec)(?:[:.-][\w:.-]+)?$/;
/** Any change counts. */
const WHOLE = [
  ...[
    'type',
    'jest',
    'vitest',
    'mocha',
    'ava',
    'tap',
    'nyc',
    'c8',
    'eslintConfig',
    'eslintIgnore',
    'babel',
    'ts-node',
  ],
  ...[
    'tsx',
    'config',
    'packageManager',
    'volta',
    'overrides',
    'resolutions',
    'pnpm',
    'wireit',
    'nx',
    'lint-staged',
  ],
];
/** New entries are free, those that were there are not. */
const KEPT = ['imports', 'exports', 'workspaces', 'engines', 'browser'];
const DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
/** Not from the registry, or under another's name. */
const ELSEWHERE = /^(?:file:|link:|portal:|patch:|npm:|git|github:|https?:|\.{0,2}\/)/;
const CALLS =
  /\b(?:npm|pnpm|yarn|bun)\s+(?:--?[\w=-]+\s+)*(?:run(?:-script)?\s+)?(?:--?[\w=-]+\s+)*([\w:.-]+)/g;

/** What was changed in the meaning of checks, one sentence part each. */
export function packageFindings(
  before: unknown,
  after: unknown,
  gates: readonly (readonly string[])[],
): string[] {
  const own = (key: string) => !isSame(at(before, key), at(after, key));
  const [scripts, now] = [table(at(before, 'scripts')), table(at(after, 'scripts'))];
  const run = calledScripts(scripts, gates);
  const isCheck = (name: string) =>
    CHECK.test(name) || run.has(name) || run.has(name.replace(/^(?:pre|post)/, ''));
  return [
    ...changedKeys(scripts, now)
      .filter(isCheck)
      .map(name => `the script "${name}" was changed or removed`),
    ...differing(scripts, now)
      .filter(name => !Object.hasOwn(scripts, name) && /^(?:pre|post)/.test(name) && isCheck(name))
      .filter(name => Object.hasOwn(scripts, name.replace(/^(?:pre|post)/, '')))
      .map(name => `the script "${name}" runs with a check now`),
    ...WHOLE.filter(own).map(key => `"${key}" was changed`),
    ...KEPT.flatMap(key =>
      keptOf(at(before, key), at(after, key)).map(inner => `"${key}" was changed${inner}`),
    ),
    ...DEPENDENCIES.flatMap(key => sourcesOf(at(before, key), at(after, key))),
  ];
}

/** What is the package's own, and says nothing to tools that check. */
const OWN = [
  ...['name', 'version', 'description', 'keywords', 'homepage', 'bugs', 'license', 'author', 'contributors'],
  ...['funding', 'files', 'main', 'module', 'types', 'typings', 'bin', 'man', 'directories', 'repository'],
  ...['private', 'publishConfig', 'sideEffects', 'os', 'cpu', 'style', 'unpkg', 'jsdelivr'],
];

/** The package.json of before, with the dependencies of today, what is the package's own, and what is new in scripts and names. */
export function mergedPackage(before: unknown, after: unknown): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(table(after)), ...Object.keys(table(before))])) {
    const [was, is] = [at1(before, key), at1(after, key)];
    let value: unknown = was;
    if (OWN.includes(key)) value = is;
    else if (DEPENDENCIES.includes(key)) value = dependenciesOf(was, is);
    else if (key === 'scripts') value = { ...freshScripts(was, is), ...table(was) };
    else if (KEPT.includes(key)) value = was === undefined ? is : grown(was, is);
    if (value !== undefined) merged[key] = value;
  }
  return merged;
}

const at1 = (value: unknown, key: string): unknown => {
  const here = table(value);
  return Object.hasOwn(here, key) ? here[key] : undefined;
};

/** Those of today, but nothing that was there comes from elsewhere. */
function dependenciesOf(was: unknown, is: unknown): unknown {
  if (was === undefined || is === undefined) return is;
  const moved = Object.entries(table(is)).map(([name, range]) =>
    Object.hasOwn(table(was), name) && typeof range === 'string' && ELSEWHERE.test(range)
      ? [name, table(was)[name]]
      : [name, range],
  );
  return Object.fromEntries(moved);
}

/** New ones, without those that run with one that was there. */
function freshScripts(was: unknown, is: unknown): Record<string, unknown> {
  const hooks = (name: string) => Object.hasOwn(table(was), name.replace(/^(?:pre|post)/, ''));
  return Object.fromEntries(
    Object.entries(table(is)).filter(([name]) => !(/^(?:pre|post)/.test(name) && hooks(name))),
  );
}

/** With new entries, and those of before as they were. */
function grown(was: unknown, is: unknown): unknown {
  if (Array.isArray(was) && Array.isArray(is))
    return [...was, ...is.filter(item => !was.some(other => isSame(item, other)))];
  const isMap = [was, is].every(value => Object.keys(table(value)).length > 0);
  return isMap ? { ...table(is), ...table(was) } : was;
}

function keptOf(before: unknown, after: unknown): string[] {
  if (before === undefined || isSame(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after))
    return before.every(item => after.some(other => isSame(item, other))) ? [] : [''];
  const isMap = Object.keys(table(before)).length > 0 && Object.keys(table(after)).length > 0;
  return isMap ? changedKeys(before, after).map(key => ` at "${key}"`) : [''];
}

function sourcesOf(before: unknown, after: unknown): string[] {
  return differing(before, after).flatMap(name => {
    const [was, is] = [table(before)[name], table(after)[name]];
    if (typeof is !== 'string' || !ELSEWHERE.test(is)) return [];
    return was === undefined && !is.startsWith('npm:') ? [] : [`"${name}" comes from elsewhere now`];
  });
}

/** The scripts that the gates run, and those that these run. */
function calledScripts(
  scripts: ReturnType<typeof table>,
  gates: readonly (readonly string[])[],
): Set<string> {
  const called = new Set<string>();
  const follow = (command: string) => {
    for (const [, name] of command.matchAll(CALLS)) {
      const script = name === 't' ? 'test' : name!;
      if (called.has(script) || !Object.hasOwn(scripts, script)) continue;
      for (const each of [`pre${script}`, script, `post${script}`]) {
        if (!Object.hasOwn(scripts, each) || called.has(each)) continue;
        called.add(each);
        follow(String(scripts[each]));
      }
    }
  };
  for (const gate of gates) follow(gate.join(' '));
  return called;
}
