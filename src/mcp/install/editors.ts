/** Editors that are clients of MCP and no agents that rasen starts. Pure. */
import { join } from 'node:path';
import type { McpClient, McpServerEntry } from '../../agents/mcp-client.ts';

const entryOf = ({ command, args, env }: McpServerEntry) => ({
  ...{ command, args },
  ...(Object.keys(env).length > 0 ? { env } : {}),
});

export const EDITORS = {
  cursor: {
    files: (_env, home) => [join(home, '.cursor', 'mcp.json')],
    told: (_env, home, name) => ({ files: [join(home, '.cursor', 'mcp.json')], path: ['mcpServers', name] }),
    path: name => ['mcpServers', name],
    value: entryOf,
  },
  vscode: {
    argv: entry => ['code', '--add-mcp', JSON.stringify({ name: entry.name, ...entryOf(entry) })],
  },
} as const satisfies Record<string, McpClient>;
