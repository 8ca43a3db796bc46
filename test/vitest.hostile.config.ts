import { defineConfig } from 'vitest/config';
import { LONG } from './support/long.ts';

/** What an adversary, a broken disk and a crowd do to it. RASEN_TEST_LONG=1 asks for the whole counts. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/hostile/**/*.test.ts'],
    setupFiles: ['test/support/users-path.ts'],
    pool: 'forks',
    // They wait as much as they compute.
    maxWorkers: 3,
    testTimeout: LONG ? 3_600_000 : 240_000,
    hookTimeout: 180_000,
  },
});
