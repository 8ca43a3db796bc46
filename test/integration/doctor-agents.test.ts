/** Agents as `rasen doctor` and `rasen init` find them, from the shell and from inside the supervisor. Stand-ins on PATH. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testedOf } from '../../src/agents/tested.ts';
import type { AgentProgram } from '../../src/contract/backends.ts';
import type { Finding } from '../../src/index.ts';
import { projects } from '../support/projects.ts';
import type { SeedProject } from '../support/scripted-agent.ts';

const project = projects();
const SECRET = 'sk-never-shown';

/** A program that knows its version and its options, and says with its exit code whether it is logged in. */
function standIn(p: SeedProject, name: AgentProgram, version: string, code: number, help?: string): void {
  mkdirSync(p.beside('bin'), { recursive: true });
  const { start, needs } = testedOf(name);
  const script = `#!/bin/sh
[ "$1" = --version ] && { echo "${name} ${version}"; exit; }
[ "$*" = "${start?.join(' ')}" ] && { ${help ?? `echo "  ${needs?.join('\n  ')}" >&2`}; exit; }
echo '{"loggedIn": ${code === 0}, "authMethod": "api_key", "key": "${SECRET}"}'
exit ${code}
`;
  writeFileSync(join(p.beside('bin'), name), script);
  chmodSync(join(p.beside('bin'), name), 0o755);
}

/** A shell with the stand-ins in its PATH, and nothing else that this machine may have. */
const shell = (p: SeedProject, env: Record<string, string> = {}) => ({
  cwd: p.root,
  env: { PATH: `${p.beside('bin')}:/usr/local/bin:/usr/bin:/bin`, ...env },
});

/** As doctor names a version that is one of those that were tested. */
const tested = (name: AgentProgram, version: string) =>
  `${name} ${version} (tested: ${testedOf(name).oldest} to ${testedOf(name).newest})`;

function doctor(p: SeedProject, env: Record<string, string> = {}) {
  const { stdout, stderr, status } = p.instance.rasen(['doctor', '--json'], shell(p, env));
  expect(stdout + stderr).not.toContain(SECRET);
  const findings: Finding[] = JSON.parse(stdout).findings;
  const about = (check: string) =>
    findings.filter(f => f.check === check).map(f => [f.level, f.message, f.fix]);
  return { status, agents: about('agents'), inside: about('agents (supervisor)') };
}

test('doctor tells of each agent whether tasks of this project can log in, and what to type if not', () => {
  const p = project();
  standIn(p, 'claude', '2.1.329', 0);
  standIn(p, 'codex', '0.169.0', 1);
  standIn(p, 'gemini', '0.61.0', 0);
  expect(doctor(p).agents).toEqual([
    ['ok', `${tested('claude', '2.1.329')}, logs in with api_key`, null],
    ['warning', `${tested('codex', '0.169.0')}, not logged in`, 'Log in: codex login'],
    ['warning', `${tested('gemini', '0.61.0')}, not logged in`, expect.stringContaining('/auth')],
  ]);
  // A key that is there and does not reach a task is no login.
  const keys = { GEMINI_API_KEY: SECRET, CODEX_API_KEY: SECRET };
  expect(doctor(p, keys).agents.slice(1)).toEqual([
    [
      ...[
        'warning',
        `${tested('codex', '0.169.0')}, without a login: CODEX_API_KEY is set here, and not handed to tasks unasked`,
      ],
      expect.stringContaining('pass_env: [CODEX_API_KEY]'),
    ],
    ['warning', expect.stringContaining('GEMINI_API_KEY is set here'), expect.any(String)],
  ]);
  const config = JSON.parse(readFileSync(join(p.root, 'rasen.yml'), 'utf8'));
  const secrets = { CODEX_API_KEY: 'env:CODEX_API_KEY' };
  p.write({ 'rasen.yml': JSON.stringify({ ...config, pass_env: ['GEMINI_API_KEY'], secrets }) });
  expect(doctor(p, keys).agents.slice(1)).toEqual([
    ['ok', `${tested('codex', '0.169.0')}, logs in with the secret CODEX_API_KEY`, null],
    [
      'ok',
      `${tested('gemini', '0.61.0')}, logs in with GEMINI_API_KEY; for backend: acp, its command is gemini --acp`,
      null,
    ],
  ]);
});

test('doctor misses an agent that the configuration names', () => {
  const p = project({ config: { agent: { backend: 'codex' } } });
  standIn(p, 'claude', '2.1.329', 0);
  const { status, agents } = doctor(p);
  expect(status).toBe(5);
  expect(agents[0]).toEqual([
    ...['error', 'the configuration names codex, which is not on PATH'],
    expect.stringContaining('command: [/path/to/codex]'),
  ]);
});

test('the supervisor looks for itself: another PATH and another home show what differs from the shell', async () => {
  const p = project();
  standIn(p, 'claude', '2.1.329', 0);
  mkdirSync(p.beside('system'));
  const path = p.beside('system/codex');
  writeFileSync(
    path,
    '#!/bin/sh\n[ "$1" = --version ] && { echo 0.169.0; exit; }; echo --config; [ "$HOME" != /none ]\n',
  );
  chmodSync(path, 0o755);
  const { env } = p.instance;
  const before = { PATH: env.PATH!, HOME: env.HOME! };
  Object.assign(env, { PATH: `${p.beside('system')}:/usr/bin:/bin`, HOME: '/none' });
  await p.instance.start();
  Object.assign(env, before);
  const { agents, inside } = doctor(p, { PATH: `${p.beside('bin')}:${p.beside('system')}:/usr/bin:/bin` });
  expect(agents.map(([, message]) => message)).toEqual([
    `${tested('claude', '2.1.329')}, logs in with api_key`,
    `${tested('codex', '0.169.0')}, logs in with a login of its own`,
  ]);
  expect(inside).toEqual([
    [
      ...['warning', `codex 0.169.0 in ${path}, not logged in as the supervisor sees it`],
      expect.stringContaining('codex login'),
    ],
    ['ok', expect.stringContaining('the supervisor does not find claude in its own PATH'), null],
  ]);
});

test('doctor starts each agent once, without a request, and tells which version is one that was not tested', async () => {
  const p = project({ config: { agent: { backend: 'claude' } } });
  standIn(p, 'claude', '2.1.332', 0, 'exit 7');
  standIn(p, 'codex', '0.160.0', 0, 'echo --version');
  standIn(p, 'gemini', '0.1.0', 0);
  standIn(p, 'opencode', '99.0.0', 0);
  const { status, agents } = doctor(p);
  // The configuration names claude, so that no task could begin.
  expect(status).toBe(5);
  expect(agents).toEqual([
    [
      ...['error', 'claude 2.1.332 does not start: `claude --help` ends with exit code 7'],
      expect.stringMatching(/: claude --help$/),
    ],
    [
      ...['warning', 'codex 0.160.0 does not start: it does not know --config'],
      expect.stringMatching(/: codex app-server --help$/),
    ],
    [
      ...[
        'warning',
        expect.stringMatching(/^gemini 0\.1\.0 \(older than tested: \S+ to \S+\), not logged in/),
      ],
      expect.any(String),
    ],
    ['ok', expect.stringMatching(/^opencode 99\.0\.0 \(newer than tested: \S+ to \S+\); whether/), null],
    ['warning', expect.stringMatching(/^gemini 0\.1\.0 is older than any version/), 'Update gemini.'],
  ]);
  writeFileSync(join(p.beside('bin'), 'opencode'), '#!/bin/sh\nexit 1\n');
  expect(doctor(p).agents[3]).toEqual([
    'warning',
    'opencode (it does not say which version) does not start: `opencode --version` tells none',
    expect.stringMatching(/: opencode --version$/),
  ]);
});

test('the supervisor tells of an agent that does not run in its own environment', async () => {
  const p = project();
  standIn(p, 'claude', '2.1.329', 0);
  const file = join(p.beside('bin'), 'claude');
  writeFileSync(file, `#!/bin/sh\n[ "$HOME" = /none ] && exit 3\n${readFileSync(file, 'utf8')}`);
  const { env } = p.instance;
  const before = { PATH: env.PATH!, HOME: env.HOME! };
  Object.assign(env, { PATH: `${p.beside('bin')}:/usr/bin:/bin`, HOME: '/none' });
  await p.instance.start();
  Object.assign(env, before);
  const { agents, inside } = doctor(p);
  expect(agents).toEqual([['ok', `${tested('claude', '2.1.329')}, logs in with api_key`, null]]);
  expect(inside).toEqual([
    [
      ...[
        'warning',
        expect.stringMatching(/^claude .* in \S+\/claude: it does not run as the supervisor starts it$/),
      ],
      expect.stringContaining('/claude --version'),
    ],
  ]);
});

test('init chooses the only agent that is there, and offers where there are more', () => {
  const init = (p: SeedProject) => p.instance.rasen(['init', '--task', 'do it'], shell(p));
  const bare = () => {
    const p = project({ config: { agent: undefined } });
    standIn(p, 'codex', '0.169.0', 1);
    return p;
  };
  const one = bare();
  const made = init(one);
  expect(made.status).toBe(0);
  expect(made.stderr).toContain(
    'codex 0.169.0 does the work (backend: codex in .rasen/config.yaml); it is not logged in yet: codex login',
  );
  expect(one.read('.rasen/config.yaml')).toMatch(/^backend: codex$/m);
  expect(one.instance.rasen(['config', 'check'], shell(one)).status).toBe(0);

  const two = bare();
  standIn(two, 'gemini', '0.61.0', 0);
  standIn(two, 'claude', '2.1.329', 0);
  expect(init(two).stderr).toMatch(
    /no agent is configured \(here are claude 2\.1\.329, codex 0\.169\.0, gemini 0\.61\.0\).*backend: claude; over ACP: .*\[gemini, --acp\]/,
  );
  expect(two.read('.rasen/config.yaml')).toContain('# backend: claude');

  const chosen = project();
  standIn(chosen, 'codex', '0.169.0', 0);
  expect(init(chosen).stderr).toBe('');
  expect(chosen.read('.rasen/config.yaml')).toContain('# backend: claude');
});
