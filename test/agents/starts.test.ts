/** Every agent, in the versions that are installed, shows that it starts and asks nobody for that. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startedAgents } from '../../src/agents/installed.ts';
import { standingOf } from '../../src/agents/tested.ts';
import { AGES, PROGRAMS } from './setup.ts';
import { NOWHERE } from './ways.ts';

test.each(AGES)('they start, %s, with everything that sessions of them need', async age => {
  const folder = mkdtempSync(join(tmpdir(), 'rasen-starts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const installed = PROGRAMS.flatMap(name => {
    const found = inject('agents')[name][age];
    return 'missing' in found ? [] : [{ name, ...found }];
  });
  for (const { name, command } of installed) {
    const words = command.map(word => `'${word}'`).join(' ');
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  }
  const proxies = { HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE, ALL_PROXY: NOWHERE };
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, ...proxies };
  const found = await startedAgents(env);
  expect(found.map(({ name, version, no_start }) => [name, version, no_start])).toEqual(
    installed.map(({ name, version }) => [name, version, null]),
  );
  for (const { name, version } of installed) expect(standingOf(name, version)).toBe('tested');
});
