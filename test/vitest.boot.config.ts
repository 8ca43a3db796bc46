// The tests that boot real systemds (test/boot): `npm run test:boot`, as root. Apart from the others because they need
// root, tools of the operating system and, the first time, a download.
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The longest files, which are the smallest ones, come first: nothing is left to wait for at the end. */
const FIRST = [/power-cuts-/, /clients/, /service/];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      (FIRST.findIndex(name => name.test(moduleId)) + FIRST.length + 1) % (FIRST.length + 1);
    return [...files].sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/boot/**/*.test.ts'],
    globalSetup: ['test/boot/setup.ts'],
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // Machines wait more than they compute.
    maxWorkers: 4,
    // Nothing here is given up because a computer is slow; `until` names what did not come.
    testTimeout: 900_000,
    hookTimeout: 600_000,
    teardownTimeout: 300_000,
  },
});
