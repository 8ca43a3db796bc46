// `npm test`, the inner loop: every unit test, and the stories that matter most. `npm run test:stories` has the others.
import { defineConfig } from 'vitest/config';
import { CORE_STORIES, LONG_UNITS, OWN_PROCESS } from './support/suites.ts';

const shared = {
  root: new URL('..', import.meta.url).pathname,
  setupFiles: ['test/support/users-path.ts'],
  pool: 'forks' as const,
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

export default defineConfig({
  test: {
    root: shared.root,
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/tidy.test.ts', 'test/unit/**/*.test.ts'],
          exclude: [...OWN_PROCESS, ...LONG_UNITS],
          // A new process for each file would cost more than most of the files.
          isolate: false,
        },
      },
      {
        test: {
          ...shared,
          name: 'stories',
          include: [...OWN_PROCESS, ...CORE_STORIES],
        },
      },
    ],
  },
});
