/** Scripts that a gate runs and that are no tests themselves: changing one changes what is checked. Used by the diff gate. Pure. */
import type { FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';
import { testRules } from './test-rules.ts';

const SCRIPT =
  /\.(?:sh|bash|zsh|bats|mk|ps1)$|(?:^|\/)(?:\.?scripts?|ci|tools?|bin|hack|checks?|build)\/[^/]+$/;
/** A program of the project whose name says that it checks. */
const CHECKS =
  /(?:^|[/._-])(?:check|checks|verify|validate|lint|run|runner|tests?|smoke|e2e|ci|gate)s?(?:[._-][\w.-]*)?$/i;

/** Tests that are one program, as `node test.js` runs them. */
const TESTS_ALONE = /(?:^|\/)(?:tests?|specs?)\.(?:[cm]?[jt]sx?|py|rb|php|pl)$/;

export const isCheckScript = (path: string): boolean => SCRIPT.test(path) || CHECKS.test(path);

/**
 * @param called how the gates name a path of the repository.
 * @param reached what they run by way of others (reached.ts).
 */
export function judgeRunByGates(
  files: readonly FileChange[],
  gates: readonly (readonly string[])[],
  called: (path: string) => string,
  reached: ReadonlySet<string> = new Set(),
): Finding[] {
  const words = new Set(
    gates
      .flat()
      .flatMap(word => word.split(/[\s;|&()<>'"`]+/))
      .map(word => word.replace(/^\.\//, '')),
  );
  return files.flatMap((file): Finding[] => {
    const path = file.old_path !== null && file.status === 'renamed' ? file.old_path : file.path;
    if (file.status === 'added' || file.status === 'copied') return [];
    if (testRules(path)?.named) return [];
    // Whoever adds a check leaves the others; what ends the program early is looked for elsewhere (tampering.ts).
    if (TESTS_ALONE.test(path) && onlyAdds(file)) return [];
    if (!reached.has(called(path)) && !(isCheckScript(path) && words.has(called(path)))) return [];
    return [{ kind: 'gate_config', path, line: null, text: 'is run by a gate' }];
  });
}

/** A last line without its end is taken away and added again. */
function onlyAdds({ status, added, removed }: FileChange): boolean {
  const there = new Set(added.map(({ text }) => text));
  return status === 'modified' && removed.every(({ text }) => there.has(text));
}
