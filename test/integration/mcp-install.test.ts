/** `rasen mcp install`: programs are told with their own commands, files are changed and nothing in them is lost. */
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Instance, RASEN } from '../support/instance.ts';

let rasen: Instance;
beforeEach(() => {
  rasen = new Instance();
});
afterEach(() => rasen.close());

const file = (name: string) => join(rasen.folder, name);
const put = (name: string, text: string) => {
  mkdirSync(dirname(file(name)), { recursive: true });
  writeFileSync(file(name), text);
};
/** A program that writes down its words, and then does what it is told. */
const program = (name: string, then: string) => {
  put(
    `bin/${name}`,
    `#!/bin/sh\nfor word; do printf '%s\\n' "$word"; done > '${file(`${name}.words`)}'\n${then}\n`,
  );
  chmodSync(file(`bin/${name}`), 0o755);
};
const words = (name: string) =>
  readFileSync(file(`${name}.words`), 'utf8')
    .split('\n')
    .slice(0, -1);
const install = (...args: string[]) =>
  rasen.rasen(['mcp', 'install', ...args], { env: { PATH: `${file('bin')}:${process.env.PATH}` } });
const OWN = resolve(RASEN);

test('claude, codex, gemini and vscode are told with a command of their own', () => {
  const home = `RASEN_HOME=${rasen.home}`;
  const entry = { name: 'rasen', command: OWN, args: ['mcp'], env: { RASEN_HOME: rasen.home } };
  const expected: Record<string, string[]> = {
    claude: ['mcp', 'add', '--scope', 'user', 'rasen', '--env', home, '--', OWN, 'mcp'],
    codex: ['mcp', 'add', 'rasen', '--env', home, '--', OWN, 'mcp'],
    gemini: ['mcp', 'add', '--scope', 'user', '--env', home, 'rasen', OWN, 'mcp'],
    code: ['--add-mcp', JSON.stringify(entry)],
  };
  for (const [name, argv] of Object.entries(expected)) {
    const client = name === 'code' ? 'vscode' : name;
    program(name, 'echo added');
    const printed = install(client, '--print');
    expect([printed.status, existsSync(file(`${name}.words`))]).toEqual([0, false]);
    expect(printed.stdout).toContain(name === 'code' ? '--add-mcp' : argv.join(' '));
    const done = install(client);
    expect([done.status, words(name)]).toEqual([0, argv]);
    expect(done.stdout).toBe(`${client} knows of rasen. Sessions that begin now have its tools.\n`);
    expect(done.stderr).toContain('added');
  }
});

test('a program that is not there, that refuses, and that knows the server already', () => {
  const missing = rasen.rasen(['mcp', 'install', 'vscode'], { env: { PATH: '/usr/bin:/bin' } });
  expect([missing.status, missing.stdout]).toEqual([127, '']);
  expect(missing.stderr).toContain('There is no program "code" on PATH');
  program('codex', 'echo "config.toml is broken" >&2; exit 1');
  const failed = install('codex');
  expect(failed.status).toBe(5);
  expect(failed.stderr).toMatch(/codex mcp add rasen .* failed: config\.toml is broken/);
  program('claude', 'echo "MCP server rasen already exists in user config" >&2; exit 1');
  const known = install('claude');
  expect([known.status, known.stdout]).toEqual([0, 'claude knows of rasen already; nothing was changed.\n']);
  expect(known.stderr).toContain('claude mcp remove --scope user rasen');
});

test('cursor and opencode are told in their files, which keep all that is in them', () => {
  const env = { RASEN_HOME: rasen.home };
  const made = install('cursor');
  expect([made.status, made.stdout]).toEqual([
    ...[0, `cursor knows of rasen: ${file('.cursor/mcp.json')}. Sessions that begin now have its tools.\n`],
  ]);
  expect(JSON.parse(readFileSync(file('.cursor/mcp.json'), 'utf8'))).toEqual({
    mcpServers: { rasen: { command: OWN, args: ['mcp'], env } },
  });
  const again = install('cursor', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ client: 'cursor', changed: false });
  // The file of comments counts where it is there, also by way of a link.
  put('dotfiles/opencode.jsonc', '{\n  // keep me\n  "model": "x"\n}\n');
  mkdirSync(file('.config/opencode'), { recursive: true });
  symlinkSync(file('dotfiles/opencode.jsonc'), file('.config/opencode/opencode.jsonc'));
  const shown = install('opencode', '--print');
  expect(shown.stdout).toContain(`In ${file('.config/opencode/opencode.jsonc')}:`);
  expect(readFileSync(file('dotfiles/opencode.jsonc'), 'utf8')).not.toContain('rasen');
  expect(install('opencode').status).toBe(0);
  const text = readFileSync(file('dotfiles/opencode.jsonc'), 'utf8');
  expect(text).toContain('  // keep me\n  "model": "x"');
  expect(JSON.parse(text.replace('// keep me', ''))).toEqual({
    model: 'x',
    mcp: { rasen: { type: 'local', command: [OWN, 'mcp'], enabled: true, environment: env } },
  });
});

test('what cannot be read is not written, and nobody is told who cannot be', () => {
  put('.cursor/mcp.json', '{"mcpServers": {');
  const broken = install('cursor');
  expect([broken.status, readFileSync(file('.cursor/mcp.json'), 'utf8')]).toEqual([2, '{"mcpServers": {']);
  expect(broken.stderr).toMatch(
    /mcp\.json was not changed: line 1 is no JSON[\s\S]*Put this in by hand:[\s\S]*"mcp"/,
  );
  put('.cursor/mcp.json', '{"mcpServers": {"rasen": {"command": "mine"}}}');
  expect(install('cursor').stderr).toContain('it has another entry mcpServers.rasen');
  expect(readFileSync(file('.cursor/mcp.json'), 'utf8')).toBe(
    '{"mcpServers": {"rasen": {"command": "mine"}}}',
  );
  const odd = install('claud');
  expect([odd.status, odd.stderr]).toEqual([
    ...[2, expect.stringContaining('Did you mean: rasen mcp install claude')],
  ]);
  expect(install().status).toBe(2);
});

test('a rasen on PATH is named by the name that stays over upgrades', () => {
  mkdirSync(file('bin'));
  symlinkSync(OWN, file('bin/rasen'));
  const { entry } = JSON.parse(install('cursor', '--print', '--json').stdout);
  expect(JSON.parse(entry).mcpServers.rasen.command).toBe(file('bin/rasen'));
});

test('doctor names those that were told, and an entry whose program is gone', () => {
  const seen = () => {
    const { findings } = JSON.parse(rasen.rasen(['doctor', '--json']).stdout);
    return findings.filter(({ check }: { check: string }) => check === 'mcp');
  };
  expect(seen()).toEqual([]);
  install('cursor');
  put('.claude.json', JSON.stringify({ mcpServers: { rasen: { command: OWN, args: ['mcp'] } } }));
  put('.codex/config.toml', '[mcp_servers.rasen]\ncommand = "/gone/rasen"\nargs = ["mcp"]\n');
  put('.config/opencode/opencode.jsonc', '{"mcp": {"rasen": {"command": ["rasen", "mcp"]}, } /* mine */}');
  put('.gemini/settings.json', 'no JSON');
  expect(seen()).toMatchObject([
    { level: 'ok', message: 'claude, opencode, cursor can hand work over (rasen mcp)' },
    {
      level: 'warning',
      message: 'codex would start /gone/rasen as its MCP server "rasen", which is not there',
      fix: 'Remove the entry, and then: rasen mcp install codex',
    },
  ]);
});
