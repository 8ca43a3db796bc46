/** How Codex is told of an MCP server. Pure. */
import { join } from 'node:path';
import { envWords, type McpClient } from '../mcp-client.ts';

export const codexMcp: McpClient = {
  // A server of that name is replaced.
  argv: entry => [
    ...['codex', 'mcp', 'add', entry.name],
    ...envWords('--env', entry),
    ...['--', entry.command, ...entry.args],
  ],
  told: (env, home, name) => ({
    files: [join(env.CODEX_HOME || join(home, '.codex'), 'config.toml')],
    path: ['mcp_servers', name],
  }),
  advice:
    'codex asks before it hands work over, and where nobody can be asked, as in tasks of rasen, it refuses. To allow it there: default_tools_approval_mode = "approve" below [mcp_servers.rasen] in ~/.codex/config.toml',
  remove: name => ['codex', 'mcp', 'remove', name],
};
