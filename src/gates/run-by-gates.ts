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

/** Data that a script reads to know what it runs, or what it leaves out. */
const LIST =
  /(?:^|[/._-])(?:tests?|checks?|specs?|suites?|cases)(?:[._-][\w-]+)*\.(?:jsonc?|ya?ml|toml|txt|lst)$/i;
const LEFT_OUT =
  /(?:^|[/._-])(?:skip(?:ped)?|ignored?|excluded?s?|quarantined?|flaky|known[._-]failures)(?:[._-][\w-]+)*\.(?:jsonc?|ya?ml|toml|txt|lst)$/i;

export const isCheckList = (path: string): boolean => LIST.test(path) || LEFT_OUT.test(path);

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
    if (isCheckList(path))
      return reached.has(called(path)) || words.has(called(path)) ? judgeList(file, path) : [];
    if (!reached.has(called(path)) && !(isCheckScript(path) && words.has(called(path)))) return [];
    return [{ kind: 'gate_config', path, line: null, text: 'is run by a gate' }];
  });
}

/** Who adds to what is run takes nothing away; who adds to what is left out does. */
function judgeList({ status, added, removed }: FileChange, path: string): Finding[] {
  const entries = (lines: readonly { text: string }[]) =>
    lines.flatMap(({ text }) => text.match(/[\w./@:*-]*\w[\w./@:*-]*/g) ?? []);
  const [before, after] = LEFT_OUT.test(path) ? [added, removed] : [removed, added];
  const there = new Set(entries(after));
  if (status === 'modified' && entries(before).every(entry => there.has(entry))) return [];
  return [
    { kind: 'gate_config', path, line: null, text: 'is a list of what a gate runs, which became less' },
  ];
}

/** A last line without its end is taken away and added again. */
function onlyAdds({ status, added, removed }: FileChange): boolean {
  const there = new Set(added.map(({ text }) => text));
  return status === 'modified' && removed.every(({ text }) => there.has(text));
}
