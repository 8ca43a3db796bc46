/** Which agents are there, and which of them are logged in. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentText, installedAgents } from '../../../src/agents/installed.ts';

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

/** The login of the only program, in an environment. */
const loginOf = async (env: Record<string, string> = {}) =>
  (await installedAgents({ PATH: `${folder}:/usr/bin:/bin`, HOME: folder, ...env }))[0]!.login;
const inHome = (path: string) => {
  mkdirSync(join(folder, dirname(path)), { recursive: true });
  writeFileSync(join(folder, path), 'never read', { mode: 0 });
};

test('opencode: a key, the presence of its file, or nobody knows', async () => {
  program('opencode', 'echo 1.18.33');
  expect(await loginOf()).toMatchObject({ state: 'unknown' });
  expect(await loginOf({ OPENCODE_API_KEY: 'x' })).toEqual({ state: 'in', by: 'OPENCODE_API_KEY' });
  inHome('.local/share/opencode/auth.json');
  expect(await loginOf()).toEqual({ state: 'in', by: '~/.local/share/opencode/auth.json' });
});

test('claude: what it says itself; an older one is not asked, since it would take the question for a prompt', async () => {
  const claude = (version: string, loggedIn: boolean) =>
    program(
      'claude',
      `case "$*" in --version) echo ${version};; "auth status") echo '{"loggedIn": ${loggedIn}, "authMethod": "oauth_token", "email": "me@example"}'; exit ${loggedIn ? 0 : 1};; *) touch "$HOME/prompted";; esac`,
    );
  claude('2.1.329', true);
  expect(await loginOf()).toEqual({ state: 'in', by: 'oauth_token' });
  expect(await loginOf({ ANTHROPIC_API_KEY: 'sk-1' })).toEqual({ state: 'in', by: 'ANTHROPIC_API_KEY' });
  claude('2.1.329', false);
  expect(await loginOf()).toEqual({ state: 'out', fix: 'claude auth login' });
  program('claude', 'case "$*" in --version) echo 2.1.50;; *) exit 3;; esac');
  expect(await loginOf()).toMatchObject({ state: 'unknown' });
  program('claude', 'case "$*" in --version) echo 2.1.9;; *) touch "$HOME/prompted";; esac');
  expect(await loginOf()).toMatchObject({ state: 'unknown' });
  inHome('.claude/.credentials.json');
  expect(await loginOf()).toEqual({ state: 'in', by: '~/.claude/.credentials.json' });
  expect(existsSync(join(folder, 'prompted'))).toBe(false);
});

test('codex: its status, whose words have a part of the key; one with a provider of its own may need no login', async () => {
  const codex = (code: number) =>
    program('codex', `[ "$*" = --version ] && { echo 0.169.0; exit; }; echo "API key sk-1***"; exit ${code}`);
  codex(0);
  expect(await loginOf()).toEqual({ state: 'in', by: 'a login of its own' });
  codex(1);
  expect(await loginOf()).toEqual({ state: 'out', fix: 'codex login' });
  expect(await loginOf({ CODEX_API_KEY: 'sk-1' })).toEqual({ state: 'in', by: 'CODEX_API_KEY' });
  expect(await loginOf({ OPENAI_API_KEY: 'sk-1' })).toMatchObject({ state: 'unknown' });
  codex(2);
  expect(await loginOf()).toMatchObject({ state: 'unknown' });
});

test('gemini: a key, or a file that is there and is not read', async () => {
  program('gemini', 'echo 0.61.0');
  expect(await loginOf()).toMatchObject({ state: 'out' });
  expect(await loginOf({ GEMINI_API_KEY: 'k' })).toEqual({ state: 'in', by: 'GEMINI_API_KEY' });
  expect(await loginOf({ GOOGLE_GENAI_USE_VERTEXAI: '1' })).toEqual({ state: 'in', by: 'Google Cloud' });
  inHome('.gemini/.env');
  expect(await loginOf()).toMatchObject({ state: 'unknown' });
  inHome('.gemini/oauth_creds.json');
  expect(await loginOf()).toEqual({ state: 'in', by: '~/.gemini/oauth_creds.json' });
});
