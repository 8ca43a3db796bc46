// The tests that boot real systemds (test/boot): `npm run test:boot`, as root. Apart from the others because they need
// root, tools of the operating system and, the first time, a download.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/boot/**/*.test.ts'],
    globalSetup: ['test/boot/setup.ts'],
    pool: 'forks',
    // Machines wait more than they compute.
    maxWorkers: 3,
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
