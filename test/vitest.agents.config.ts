// The tests with the real agents (test/agents): `npm run test:agents`. Apart from the others because most of the agents
// are downloaded the first time, about a gigabyte in all, and because not each of them may be handed on.
import { defineConfig } from 'vitest/config';
import { longestFirst } from './support/longest-first.ts';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/agents/**/*.test.ts'],
    globalSetup: ['test/agents/setup.ts'],
    pool: 'forks',
    sequence: { sequencer: longestFirst([/acp\.test/, /gemini\.test/, /claude\.test/, /codex\.test/]) },
    maxWorkers: 3,
    // The tests of a file side by side: most of a session is waiting.
    maxConcurrency: 2,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
