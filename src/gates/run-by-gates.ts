/** Scripts that a gate runs and that are no tests themselves: changing one changes what is checked. Used by the diff gate. Pure. */
import type { FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';
import { testRules } from './test-rules.ts';

const SCRIPT =
  /\.(?:sh|bash|zsh|bats|mk|ps1)$|(?:^|\/)(?:\.?scripts?|ci|tools?|bin|hack|checks?|build)\/[^/]+$/;
/** A program of the project whose name says that it checks. */
const CHECKS =
  /(?:^|[/._-])(?:check|checks|verify|validate|lint|run|runner|tests?|smoke|e2e|ci|gate)s?(?:[._-][\w.-]*)?$/i;

/** `called`: how the gates name a path of the repository. */
export function judgeRunByGates(
  files: readonly FileChange[],
  gates: readonly (readonly string[])[],
  called: (path: string) => string,
): Finding[] {
  const words = new Set(
    gates
      .flat()
      .flatMap(word => word.split(/[\s;|&()<>'"`]+/))
      .map(word => word.replace(/^\.\//, '')),
  );
  return files.flatMap((file): Finding[] => {
    const path = file.old_path !== null && file.status === 'renamed' ? file.old_path : file.path;
    if (file.status === 'added' || file.status === 'copied' || !words.has(called(path))) return [];
    if (testRules(path)?.named || !(SCRIPT.test(path) || CHECKS.test(path))) return [];
    return [{ kind: 'gate_config', path, line: null, text: 'is run by a gate' }];
  });
}
