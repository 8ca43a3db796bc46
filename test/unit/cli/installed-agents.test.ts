/** Which agents are there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentText, installedAgents } from '../../../src/cli/installed-agents.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-agents-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const program = (name: string, script: string, mode = 0o755) =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode });

test('each with the version that it says, in whatever words', async () => {
  program('claude', 'echo "2.1.329 (Claude Code)"');
  program('codex', '[ "$1" = --version ] && echo "codex-cli 0.170.0-alpha.2"');
  program('gemini', 'echo broken >&2; exit 3');
  const found = await installedAgents({ PATH: `:/nowhere:${folder}` });
  expect(found.map(agentText)).toEqual([
    'claude 2.1.329',
    'codex 0.170.0-alpha.2',
    'gemini (it does not say which version)',
  ]);
});

test('what cannot be run is not there', async () => {
  program('claude', 'echo 1.0.0', 0o644);
  mkdirSync(join(folder, 'codex'));
  expect(await installedAgents({ PATH: folder })).toEqual([]);
  expect(await installedAgents({})).toEqual([]);
});
