/** How Gemini CLI is told of an MCP server. Pure. */
import { envWords, type McpClient } from '../mcp-client.ts';

export const geminiMcp: McpClient = {
  // A server of that name is replaced.
  argv: entry => [
    ...['gemini', 'mcp', 'add', '--scope', 'user'],
    ...envWords('--env', entry),
    ...[entry.name, entry.command, ...entry.args],
  ],
  remove: name => ['gemini', 'mcp', 'remove', '--scope', 'user', name],
};
