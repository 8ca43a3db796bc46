// The tests that boot real systemds (test/boot): `npm run test:boot`, as root. Apart from the others because they need
// root, tools of the operating system and, the first time, a download.
import { defineConfig } from 'vitest/config';
import { longestFirst } from './support/longest-first.ts';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/boot/**/*.test.ts'],
    globalSetup: ['test/boot/setup.ts'],
    pool: 'forks',
    sequence: { sequencer: longestFirst([/power-cuts-/, /clients/, /service/]) },
    // Machines wait more than they compute.
    maxWorkers: 4,
    // Nothing here is given up because a computer is slow; `until` names what did not come.
    testTimeout: 900_000,
    hookTimeout: 600_000,
    teardownTimeout: 300_000,
  },
});
