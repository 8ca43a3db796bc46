import { defineConfig } from 'vitest/config';
import { LONG } from './support/long.ts';

/** Situations from the field: ordinary repositories, shells and half-configured machines. RASEN_TEST_LONG=1 asks for whole counts. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/field/**/*.test.ts'],
    setupFiles: ['test/support/users-path.ts'],
    pool: 'forks',
    // They wait as much as they compute.
    maxWorkers: 3,
    testTimeout: LONG ? 3_600_000 : 240_000,
    hookTimeout: 180_000,
    passWithNoTests: true,
  },
});
