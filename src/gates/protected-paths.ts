/**
 * Paths that no attempt may change unseen, whatever the project says: what decides about gates, what runs on its own
 * (hooks, CI), and what changes how git reads files. Compared without regard to case, as some file systems do.
 */
import type { FileChange } from '../git/changes.ts';
import { pathMatcher } from './pathspec.ts';

const ALWAYS = [
  '.rasen',
  'rasen.yml',
  'rasen.yaml',
  '.git',
  '.githooks',
  '.husky',
  '.gitmodules',
  'lefthook.yml',
  '.pre-commit-config.yaml',
  '.github/workflows',
  '.github/actions',
  '.gitea/workflows',
  '.forgejo/workflows',
  '.gitlab-ci.yml',
  '.gitlab/ci',
  '.circleci',
  '.ci',
  '.buildkite',
  '.teamcity',
  '.woodpecker',
  '.woodpecker.yml',
  '.drone.yml',
  '.travis.yml',
  'Jenkinsfile',
  'azure-pipelines.yml',
  'bitbucket-pipelines.yml',
  'appveyor.yml',
  '.appveyor.yml',
];
/** Also in folders below the top, where git obeys them too. */
const ANYWHERE = /(?:^|\/)\.gitmodules$/i;
const ATTRIBUTES = /(?:^|\/)\.gitattributes$/i;

const isAlways = pathMatcher(ALWAYS.map(path => `:(icase)${path}`));

/** Why the change needs a person, or null. Both names of a renamed file count. */
export function protectedReason(change: FileChange, isProtected: (path: string) => boolean): string | null {
  for (const path of pathsOf(change)) {
    if (isProtected(path)) return 'is protected by the configuration';
    if (isAlways(path) || ANYWHERE.test(path)) return 'decides about gates, hooks or CI';
    // Filters run programs; a merge driver does too. Line ends and languages are harmless.
    if (ATTRIBUTES.test(path) && [...change.added, ...change.removed].some(l => runsProgram(l.text))) {
      return 'makes git run a filter or merge driver';
    }
  }
  return null;
}

/** The paths a change touches: a copy leaves its source as it was. */
export function pathsOf(change: FileChange): string[] {
  return change.old_path !== null && change.status === 'renamed'
    ? [change.path, change.old_path]
    : [change.path];
}

function runsProgram(line: string): boolean {
  return !/^\s*#/.test(line) && /\s(?:filter|merge|diff)=\S/.test(line);
}
