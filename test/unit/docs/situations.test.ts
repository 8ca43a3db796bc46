/** The list of situations names stories that are there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SITUATIONS } from '../../field/situations.ts';

test.each(SITUATIONS)('%s', (_what, file, story) => {
  const text = readFileSync(join(import.meta.dirname, `../../field/${file}.test.ts`), 'utf8');
  const named = [...text.matchAll(/(?:test|it)(?:\.\w+)*\(\s*'([^']+)'|\]\)\(\s*'([^']+)'/g)];
  expect(named.map(([, one, each]) => one ?? each).filter(name => name!.startsWith(story))).toHaveLength(1);
});
