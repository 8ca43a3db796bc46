/**
 * The scripts of package.json: checks become gates, and the installation becomes `setup`. What deploys, publishes or stays up
 * is left, and so is everything else of which nobody can tell whether it checks.
 */
import type { MapNode, Node } from '../node.ts';
import type { Problems } from '../problems.ts';
import { entryAt, type Imported } from './imported.ts';

const CHECK =
  /^(?:test|tests|lint|typecheck|type-check|types|check|verify|validate|build|format|fmt)(?:[:.-](?:ci|unit|types?|all|check|run|once))?$/;
/** Formats, and does not say whether it is right. */
const WRITES = /^(?:format|fmt)$/;
const LIFECYCLE =
  /^(?:(?:pre|post)?(?:install|uninstall|prepare|publish|pack|version)|prepublishOnly|prepublish|dependencies)$/;
const STAYS =
  /^(?:dev|start|serve|server|watch|preview|storybook|develop)(?:[:.-].*)?$|[:.-](?:watch|dev|serve)$/;
const STAYING =
  /(?:^|\s)--watch(?:All)?(?:\s|$)|\b(?:nodemon|vite(?:\s+(?:dev|serve|preview))?\s*$|next (?:dev|start)|webpack serve|http-server|tsx watch)/;
const STUB = /no test specified/;

/** File → program and its installation. */
const MANAGERS: readonly [string, string, string[]][] = [
  ['pnpm-lock.yaml', 'pnpm', ['pnpm', 'install', '--frozen-lockfile']],
  ['yarn.lock', 'yarn', ['yarn', 'install', '--frozen-lockfile']],
  ['bun.lock', 'bun', ['bun', 'install', '--frozen-lockfile']],
  ['bun.lockb', 'bun', ['bun', 'install', '--frozen-lockfile']],
  ['package-lock.json', 'npm', ['npm', 'ci']],
  ['npm-shrinkwrap.json', 'npm', ['npm', 'ci']],
];

/** `has`: a file of that name lies beside it. */
export function importPackageScripts(
  top: MapNode,
  has: (name: string) => boolean,
  problems: Problems,
): Imported {
  const result: Imported = { kind: 'package.json', gives: 'configuration', taken: [], left: [], file: null };
  const scripts = top.entries.get('scripts')?.value;
  if (scripts?.kind !== 'map') {
    problems.add(scripts ?? top, 'scripts', 'has no scripts');
    return result;
  }
  const lock = MANAGERS.find(([file]) => has(file));
  const manager = lock?.[1] ?? 'npm';
  const gates: string[][] = [];
  for (const [name, { key, value }] of scripts.entries) {
    const entry = entryAt(name, key);
    const why = whyLeft(name, textOf(value), scripts, manager);
    if (why !== null) result.left.push({ ...entry, why });
    else {
      gates.push(name === 'test' ? [manager, 'test'] : [manager, 'run', name]);
      result.taken.push({ ...entry, as: `gate [${gates.at(-1)!.join(', ')}]` });
    }
  }
  if (gates.length === 0) return result;
  return { ...result, file: { ...(lock ? { setup: lock[2] } : {}), gates } };
}

function whyLeft(name: string, command: string, scripts: MapNode, manager: string): string | null {
  const around = /^(?:pre|post)(.+)$/.exec(name)?.[1];
  if (command === '') return 'it is no command';
  if (LIFECYCLE.test(name)) return `${manager} runs it by itself`;
  if (around !== undefined && scripts.entries.has(around)) return `it runs with ${around}`;
  if (STAYS.test(name) || STAYING.test(command))
    return `it stays up, which is no check; to have it: rasen ensure ${name.replaceAll(/[^a-z0-9-]/g, '-')} -- ${manager} run ${name}`;
  if (STUB.test(command)) return 'it is the placeholder of npm';
  if (CHECK.test(name) && !WRITES.test(name)) return null;
  return `it is not known as a check; add it to the gates if it is one, or run it: rasen run -- ${manager} run ${name}`;
}

const textOf = (node: Node): string =>
  node.kind === 'scalar' && typeof node.value === 'string' ? node.value.trim() : '';
