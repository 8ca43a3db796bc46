/** Build files that are programs of their own and cannot be parsed here: lines of them that are about tests. Pure. */
import type { FileChange } from '../../git/changes.ts';

export const LINES: readonly { name: RegExp; about: RegExp }[] = [
  {
    name: /(?:^|\/)(?:build|settings)\.gradle(?:\.kts)?$|(?:^|\/)gradle\.properties$/,
    about:
      /\b(?:tasks?\s*[.(<].*[Tt]est|test\s*\{|useJUnit|ignoreFailures|enabled\s*=|exclude|onlyIf|filter\s*\{|setFailOnNoMatchingTests|isIgnoreFailures|failOnNoDiscoveredTests|skipTests)\b/,
  },
  {
    name: /(?:^|\/)pom\.xml$/,
    about:
      /<(?:skip\w*|maven\.test\.\w+|testFailureIgnore|testSourceDirectory|excludes?|includes?|excludedGroups|failIfNoTests|argLine)>/,
  },
  {
    name: /(?:^|\/)vite\.config\.[cm]?[jt]s$/,
    about:
      /\b(?:test|include|exclude|setupFiles|globalSetup|passWithNoTests|alias|coverage|thresholds?|retry)\b\s*:/,
  },
  { name: /(?:^|\/)go\.mod$/, about: /^\s*(?:replace\b|toolchain\b)|=>/ },
  {
    name: /(?:^|\/)(?:[Jj]ustfile|Taskfile\.ya?ml|Rakefile|CMakeLists\.txt|meson\.build|mix\.exs|build\.sbt)$/,
    about: /\b(?:test|tests|check|lint|pytest|vitest|jest|ctest|enable_testing|add_test|rspec)\b/,
  },
  {
    name: /(?:^|\/)conftest\.py$/,
    about:
      /\bdef\s+pytest_(?!addoption\b|configure_node\b)\w+|\bcollect_ignore|\bautouse\s*=\s*True|\b(?:sys\.exit|os\._exit|exitstatus|atexit|deselect|importlib\.reload)\b|\.(?:xfail|skip)\b|\bpytest_plugins\b|^\s*(?:[\w.]+\.)?(?:setattr|patch)\(|sys\.modules\[/,
  },
];

/** Changed lines that are about tests. A file that is new is judged as a whole. */
export function lineFindings(file: FileChange): string[] {
  const rule = LINES.find(({ name }) => name.test(file.path));
  if (!rule || file.status === 'deleted') return rule && file.status === 'deleted' ? ['was deleted'] : [];
  const isNewRecipes =
    file.status === 'added' && !/(?:conftest\.py|vite\.config\.[cm]?[jt]s)$/.test(file.path);
  if (isNewRecipes) return [];
  const hit = [...file.added, ...file.removed].find(({ text }) => rule.about.test(text));
  return hit ? [`decides how tests run: ${hit.text.trim().slice(0, 100)}`] : [];
}
