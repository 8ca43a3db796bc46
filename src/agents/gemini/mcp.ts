/** How Gemini CLI is told of an MCP server. Pure. */
import { join } from 'node:path';
import { envWords, type McpClient } from '../mcp-client.ts';

export const geminiMcp: McpClient = {
  // A server of that name is replaced.
  argv: entry => [
    ...['gemini', 'mcp', 'add', '--scope', 'user'],
    ...envWords('--env', entry),
    ...[entry.name, entry.command, ...entry.args],
  ],
  told: (_env, home, name) => ({
    files: [join(home, '.gemini', 'settings.json')],
    path: ['mcpServers', name],
  }),
  remove: name => ['gemini', 'mcp', 'remove', '--scope', 'user', name],
};
