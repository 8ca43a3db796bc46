/**
 * The gate `diff`: what an attempt must not do unseen. Protected paths, tests that went or were loosened, secrets, sheer
 * size. Pure; the input comes from git/changes.ts. A hit is no failure of the agent's to repair but something for a
 * person to look at.
 */
import type { Changes, FileChange } from '../git/changes.ts';
import { pathProblem } from '../util/plain-path.ts';
import { judgeConfig } from './config/judge.ts';
import { judgeEvasions } from './evasions.ts';
import { type Finding, type GateResult, resultOf } from './gate.ts';
import { judgeLinks } from './links.ts';
import { judgeLoosened } from './loosened.ts';
import { type PathMatcher, pathMatcher } from './pathspec.ts';
import { pathsOf, protectedReason } from './protected-paths.ts';
import { judgeRunByGates } from './run-by-gates.ts';
import { judgeSecrets } from './secrets.ts';
import { judgeTampering } from './tampering.ts';
import { judgeTests } from './tests.ts';

export interface SizeCap {
  /** Added and removed lines of all files together, lock files of package managers not counted. */
  changed_lines: number;
  /** Size of one file after the change. */
  file_bytes: number;
}

export const DEFAULT_CAP: SizeCap = { changed_lines: 20_000, file_bytes: 5 * 1024 * 1024 };

export interface DiffInput {
  changes: Changes;
  /** What the patterns are relative to; absent: the top of the repository. */
  folder?: string | null;
  /** Git pathspecs of the project. */
  protected: readonly string[];
  /** Test files that the subtask may add or change: paths, and globs that begin with a folder. Others permit nothing. */
  tests: readonly string[];
  /** Paths of the checks' own configuration that may change, each by its whole name: what the user's own plan lists. */
  given?: readonly string[];
  /** Commands of the gates that judge this work. */
  gates?: readonly (readonly string[])[];
  /** Files that these run by way of others, as the gates call them. */
  reached?: ReadonlySet<string>;
  cap?: SizeCap;
}

const LOCK_FILE =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|Cargo\.lock|poetry\.lock|uv\.lock|Pipfile\.lock|Gemfile\.lock|composer\.lock|go\.sum)$/;

export function judgeDiff(input: DiffInput): GateResult {
  const { files, complete } = input.changes;
  const folder = input.folder ?? '';
  const { gates = [], given = [] } = input;
  const isListed = pathMatcher(
    input.tests.filter(path => pathProblem(path) === null),
    folder,
  );
  /** As the gates and the plan call it. */
  const called = (path: string) =>
    folder !== '' && path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
  const findings = [
    // First, so that the cap on findings never drops it.
    ...judgeSecrets(files),
    ...judgePaths(files, protectedMatcher(input.protected, folder)),
    ...judgeLinks(files),
    ...judgeConfig(files, gates, path => given.includes(called(path))),
    ...judgeRunByGates(files, gates, called, input.reached),
    ...judgeTests(files, isListed),
    ...judgeLoosened(files, isListed),
    ...judgeEvasions(files, isListed),
    ...judgeTampering(files),
    ...judgeSize(files, input.cap ?? DEFAULT_CAP),
  ];
  if (!complete) {
    findings.push({ kind: 'size', path: null, line: null, text: 'the diff is too long to be inspected' });
  }
  return resultOf('diff', findings, { reason: reasonOf(findings), needs_person: true });
}

/**
 * In a package of a repository, a plain path means that of the package and that of the repository: `.github/workflows` is at
 * the top of it. A pattern means the package alone.
 */
function protectedMatcher(patterns: readonly string[], folder: string): PathMatcher {
  const own = pathMatcher(patterns, folder);
  if (folder === '') return own;
  const at_top = pathMatcher(patterns.filter(pattern => /^\.?[^.:*?[\\/][^:*?[\\]*$/.test(pattern)));
  return path => own(path) || at_top(path);
}

function judgePaths(files: readonly FileChange[], isProtected: PathMatcher): Finding[] {
  return files.flatMap((file): Finding[] => {
    const at = { path: pathsOf(file).find(isProtected) ?? file.path, line: null };
    const reason = protectedReason(file, isProtected);
    if (reason !== null) return [{ kind: 'protected', ...at, text: reason }];
    if (file.mode === '160000') {
      return [{ kind: 'repository', ...at, text: 'is a link to another repository, not its files' }];
    }
    return [];
  });
}

function judgeSize(files: readonly FileChange[], cap: SizeCap): Finding[] {
  const findings: Finding[] = files
    .filter(file => file.bytes > cap.file_bytes)
    .map(file => ({
      kind: 'size',
      path: file.path,
      line: null,
      text: `is ${file.bytes} bytes, more than ${cap.file_bytes}`,
    }));
  const lines = files
    .filter(file => !file.binary && !LOCK_FILE.test(file.path))
    .reduce((sum, file) => sum + file.added.length + file.removed.length, 0);
  if (lines > cap.changed_lines) {
    const text = `${lines} lines were changed, more than ${cap.changed_lines}`;
    findings.push({ kind: 'size', path: null, line: null, text });
  }
  return findings;
}

const REASONS: Record<string, string> = {
  protected: 'A protected path was changed',
  repository: 'A link to another repository was added',
  link: 'A link that leads out of the tree was added',
  git_name: 'A name that stands for .git was added',
  gate_config: 'What decides about the gates was changed',
  test_deleted: 'A test was deleted',
  test_emptied: 'A test was emptied',
  test_cases_removed: 'Test cases were removed',
  test_skipped: 'A test was switched off',
  test_hollow: 'A test was made to pass',
  test_loosened: 'A test was loosened',
  test_script: 'A check was made to succeed whatever it finds',
  check_silenced: 'A check was switched off for a file',
  tampering: 'Source was made to pass its own checks',
  test_aware: 'A program behaves differently while it is tested',
  secret: 'A secret was added',
  size: 'The change is larger than allowed',
};

function reasonOf(findings: readonly Finding[]): string {
  const first = findings[0];
  if (first === undefined) return '';
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  return `${REASONS[first.kind] ?? 'The diff needs a look'}${first.path ? `: ${first.path}` : ''}${more}.`;
}
