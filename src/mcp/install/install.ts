/** Tells a client of MCP of this server. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { McpClient, McpServerEntry } from '../../agents/mcp-client.ts';
import { RasenError } from '../../contract/errors.ts';
import { shellLine } from '../../engine/shell-word.ts';
import { CLIENTS, SERVER } from './clients.ts';
import { addEntry, shownEntry } from './json-file.ts';

/** What says where the instance is: agents hand little of their environment on to a server. */
const INSTANCE = ['RASEN_HOME', 'RASEN_RUNTIME_DIR', 'XDG_STATE_HOME', 'XDG_CONFIG_HOME'] as const;
/** They load a lot before they do anything. */
const COMMAND_MS = 120_000;

export interface InstallOptions {
  client: string;
  env: NodeJS.ProcessEnv;
  /** The program of this command, as it lies in its package. */
  program: string;
}

/** What is done, or would be. */
export interface Installation {
  client: string;
  /** Command line that is run; null: a file is changed. */
  command: string[] | null;
  file: string | null;
  /** The entry, as JSON that is put into the file. */
  entry: string | null;
}

export interface Installed extends Installation {
  /** false: it was there already. */
  changed: boolean;
  /** What its command printed. */
  output: string;
  /** What else there is to do; null: nothing. */
  advice: string | null;
}

export function planInstall({ client, env, program }: InstallOptions): Installation {
  const how = CLIENTS[client]!;
  const entry = entryOf(env, program);
  if (how.argv) return { client, command: how.argv(entry), file: null, entry: null };
  const { file, ...shown } = jsonOf(how, entry, env);
  return { client, command: null, file, entry: shownEntry(shown) };
}

/** Throws `program_missing`, `spawn` with what its command said, or `config`; then nothing was changed by us. */
export async function install(options: InstallOptions): Promise<Installed> {
  const { client, env, program } = options;
  const how = CLIENTS[client]!;
  const plan = planInstall(options);
  const { advice = null } = how;
  if (plan.command) return { ...plan, advice, ...(await run(client, plan.command, how, env)) };
  const { file, ...entry } = jsonOf(how, entryOf(env, program), env);
  return { ...plan, advice, changed: addEntry(file, entry), output: '' };
}

function jsonOf(how: McpClient, entry: McpServerEntry, env: NodeJS.ProcessEnv) {
  const files = how.files!(env, env.HOME || homedir());
  const file = files.find(name => existsSync(name)) ?? files[0]!;
  return { file, path: how.path!(entry.name), value: how.value!(entry) };
}

/** By the name that stays over upgrades: editors that a desktop starts do not have the PATH of a shell. */
function entryOf(env: NodeJS.ProcessEnv, program: string): McpServerEntry {
  const own = resolve(program);
  const on_path = (env.PATH ?? '').split(':').map(folder => join(folder || '.', 'rasen'));
  const same = on_path.find(path => path.startsWith('/') && realOf(path) === realOf(own));
  const set = INSTANCE.flatMap(name => (env[name] ? [[name, env[name]] as const] : []));
  return { name: SERVER, command: same ?? own, args: ['mcp'], env: Object.fromEntries(set) };
}

function realOf(path: string): string | null {
  try {
    accessSync(path, constants.X_OK);
    return realpathSync(path);
  } catch {
    return null;
  }
}

async function run(
  client: string,
  argv: readonly string[],
  { known, remove }: McpClient,
  env: NodeJS.ProcessEnv,
): Promise<Pick<Installed, 'changed' | 'output'>> {
  const [file, ...args] = argv as [string, ...string[]];
  const { error, output } = await new Promise<{ error: Error | null; output: string }>(done => {
    const child = execFile(file, args, { env, timeout: COMMAND_MS }, (problem, stdout, stderr) =>
      done({ error: problem, output: `${stdout}${stderr}`.trim() }),
    );
    child.stdin?.end();
  });
  if (!error) return { changed: true, output };
  if ((error as { code?: unknown }).code === 'ENOENT')
    throw new RasenError(
      'program_missing',
      `There is no program "${file}" on PATH, so ${client} was told nothing.`,
      {
        hint: `Install it, or run this where it is: ${shellLine(argv)}`,
        data: { program: file },
      },
    );
  if (known?.test(output))
    return {
      changed: false,
      output: remove ? `To make the entry anew, first: ${shellLine(remove(SERVER))}` : output,
    };
  throw new RasenError('spawn', `${shellLine(argv)} failed: ${output || error.message}`);
}
