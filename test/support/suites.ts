/** Which test files `npm test` runs, and how. Whatever is named here is checked by test/tidy.test.ts to be there. */

/** Stories of `npm test`: what a change breaks first, on real parts. `npm run test:stories` has the others. */
export const CORE_STORIES = [
  'test/integration/cli-run.test.ts',
  'test/integration/cli-restart.test.ts',
  'test/integration/commands.test.ts',
  'test/integration/lifecycle.test.ts',
];

/** Units that cut files at every byte or kill at every call: with the stories. */
export const LONG_UNITS = [
  'test/unit/git/crash.test.ts',
  'test/unit/git/dead-locks.test.ts',
  'test/unit/git/power-cut.test.ts',
  'test/unit/service/launchd-lint.test.ts',
  'test/unit/store/crash.test.ts',
  'test/unit/store/journal-images.test.ts',
  'test/unit/store/start.test.ts',
  'test/unit/store/task-images.test.ts',
];

/** Units that change their process for good, such as its modules or its limits: each in one of its own. */
export const OWN_PROCESS = ['test/unit/supervisor/patience.test.ts'];
