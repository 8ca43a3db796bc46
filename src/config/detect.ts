/**
 * Finds the test and lint commands of a project from the files that every tool of its kind has. Used where the user
 * wrote no gates. It reads a few small files and runs nothing; when in doubt it finds nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Problems } from './problems.ts';
import { readText } from './read-text.ts';

export interface Detected {
  test: string[] | null;
  lint: string[] | null;
}

/** What one kind of project tells; null: not this kind. */
type Detector = (folder: string) => Partial<Detected> | null;

/** npm's own placeholder, which always fails. */
const NPM_STUB = /no test specified/;

const detectors: readonly Detector[] = [
  folder => {
    const text = read(folder, 'package.json');
    if (text === null) return null;
    const { test, lint } = scriptsOf(text);
    return {
      test: test !== undefined && !NPM_STUB.test(test) ? ['npm', 'test'] : null,
      lint: lint === undefined ? null : ['npm', 'run', 'lint'],
    };
  },
  folder => {
    const pyproject = read(folder, 'pyproject.toml') ?? '';
    const setup = read(folder, 'setup.cfg') ?? '';
    const pytest =
      existsSync(join(folder, 'pytest.ini')) ||
      /^\[tool\.pytest\b/m.test(pyproject) ||
      /^\[tool:pytest\]/m.test(setup);
    const ruff = existsSync(join(folder, 'ruff.toml')) || /^\[tool\.ruff\b/m.test(pyproject);
    return { test: pytest ? ['pytest'] : null, lint: ruff ? ['ruff', 'check', '.'] : null };
  },
  folder => {
    const makefile =
      read(folder, 'GNUmakefile') ?? read(folder, 'Makefile') ?? read(folder, 'makefile') ?? '';
    const target = (name: string) => (hasTarget(makefile, name) ? ['make', name] : null);
    return { test: target('test'), lint: target('lint') };
  },
  folder =>
    existsSync(join(folder, 'Cargo.toml'))
      ? { test: ['cargo', 'test'], lint: ['cargo', 'clippy', '--', '-D', 'warnings'] }
      : null,
  folder =>
    existsSync(join(folder, 'go.mod'))
      ? { test: ['go', 'test', './...'], lint: ['go', 'vet', './...'] }
      : null,
];

/** The first test command and the first lint command that the files of the folder tell of. */
export function detectCommands(folder: string): Detected {
  const found: Detected = { test: null, lint: null };
  for (const detector of detectors) {
    const commands = detector(folder);
    found.test ??= commands?.test ?? null;
    found.lint ??= commands?.lint ?? null;
  }
  return found;
}

/** A file that cannot be read tells nothing. */
function read(folder: string, name: string): string | null {
  return readText(join(folder, name), new Problems(name));
}

/** A rule `a b: …`; not an assignment, not a line of a recipe. */
function hasTarget(makefile: string, name: string): boolean {
  return makefile.split('\n').some(line => {
    const colon = line.indexOf(':');
    if (colon < 0 || line.startsWith('\t') || /^::?:?=/.test(line.slice(colon))) return false;
    return line.slice(0, colon).split(/\s/).includes(name);
  });
}

function scriptsOf(text: string): { test?: string; lint?: string } {
  try {
    const scripts: unknown = (JSON.parse(text) as { scripts?: unknown } | null)?.scripts;
    const of = (name: string) => {
      const script = (scripts as Record<string, unknown> | null)?.[name];
      return typeof script === 'string' && script.trim() !== '' ? { [name]: script } : {};
    };
    return typeof scripts === 'object' ? { ...of('test'), ...of('lint') } : {};
  } catch {
    return {};
  }
}
