/**
 * How a program that is a client of MCP is told of a server: by a command of its own where it has one, else by an entry
 * in its configuration. Pure.
 */

/** A server that a client starts and speaks with over standard input and output. */
export interface McpServerEntry {
  name: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

export interface McpClient {
  /** Command line of its own that adds the server for this user. */
  argv?(entry: McpServerEntry): string[];
  /** What that prints, and fails, where the server is known already. */
  known?: RegExp;
  /** Command line that takes it away again, for advice. */
  remove?(name: string): string[];
  /** What else there is to do, said when it was told. */
  advice?: string;
  /** Files that say so when it was told, JSON or TOML, and where in them. Only looked at. */
  told?(env: NodeJS.ProcessEnv, home: string, name: string): { files: string[]; path: string[] };
  /** A file of JSON, which may have comments; the first that is there, else the first. Absolute. */
  files?(env: NodeJS.ProcessEnv, home: string): string[];
  /** Where in the file the entry stands, and what it is. */
  path?(name: string): string[];
  value?(entry: McpServerEntry): unknown;
}

/** `--env NAME=VALUE` for each, as most of them take it. */
export const envWords = (flag: string, { env }: McpServerEntry): string[] =>
  Object.entries(env).flatMap(([name, value]) => [flag, `${name}=${value}`]);
