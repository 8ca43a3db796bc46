/** What `rasen doctor` says of clients that were told of the MCP server: whether what they would start is still there. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { type ParseError, parse } from 'jsonc-parser';
import { parse as parseToml } from 'smol-toml';
import type { Finding } from '../contract/methods/daemon.doctor.ts';
import { CLIENTS, SERVER } from './install/clients.ts';

/** Nothing where nobody was told. Their files are only looked at. */
export function mcpFindings(env: NodeJS.ProcessEnv): Finding[] {
  const home = env.HOME || homeOf();
  // A user without a home has no clients there.
  if (home === null) return [];
  const told: string[] = [];
  const findings: Finding[] = [];
  for (const [client, { told: place }] of Object.entries(CLIENTS)) {
    const at = place?.(env, home, SERVER);
    const command = at?.files.map(file => commandIn(file, at.path)).find(found => found !== null);
    if (!command) continue;
    if (isProgram(command)) told.push(client);
    else
      findings.push({
        check: 'mcp',
        level: 'warning',
        message: `${client} would start ${command} as its MCP server "${SERVER}", which is not there`,
        fix: `Remove the entry, and then: rasen mcp install ${client}`,
      });
  }
  if (told.length === 0) return findings;
  return [
    { check: 'mcp', level: 'ok', message: `${told.join(', ')} can hand work over (rasen mcp)`, fix: null },
    ...findings,
  ];
}

/** Of the user database; null: it has no entry of this user. */
function homeOf(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}

/** The program of the entry; null: there is none, or the file is not there or cannot be read. */
function commandIn(file: string, path: readonly string[]): string | null {
  try {
    const text = readFileSync(file, 'utf8');
    const errors: ParseError[] = [];
    let value: unknown = file.endsWith('.toml')
      ? parseToml(text)
      : parse(text, errors, { allowTrailingComma: true });
    for (const key of path) value = (value as Record<string, unknown> | null | undefined)?.[key];
    const { command } = value as { command?: unknown };
    const [program] = Array.isArray(command) ? command : [command];
    return typeof program === 'string' ? program : null;
  } catch {
    return null;
  }
}

/** One that is named without a folder is looked for by whoever starts it. */
function isProgram(command: string): boolean {
  if (!command.startsWith('/')) return true;
  try {
    accessSync(command, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
