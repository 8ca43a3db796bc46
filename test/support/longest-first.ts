/** The order of test files for vitest: the named ones first, the longest of them first, so that nothing is left to wait for at the end. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** vitest itself goes by the size of a file, and the longest ones here are small. */
export function longestFirst(first: readonly RegExp[]) {
  const rank = ({ moduleId }: TestSpecification) =>
    (first.findIndex(name => name.test(moduleId)) + first.length + 1) % (first.length + 1);
  return class extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
      return [...files].sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
    }
  };
}
