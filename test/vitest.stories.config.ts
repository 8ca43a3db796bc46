// The stories that `npm test` leaves out, and the units that take long: `npm run test:stories`.
import { defineConfig } from 'vitest/config';
import { CORE_STORIES, LONG_UNITS } from './support/suites.ts';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/integration/**/*.test.ts', 'test/crash/**/*.test.ts', ...LONG_UNITS],
    exclude: CORE_STORIES,
    setupFiles: ['test/support/users-path.ts'],
    pool: 'forks',
    // They wait as much as they compute.
    maxWorkers: 3,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
