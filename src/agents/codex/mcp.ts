/** How Codex is told of an MCP server. Pure. */
import { envWords, type McpClient } from '../mcp-client.ts';

export const codexMcp: McpClient = {
  // A server of that name is replaced.
  argv: entry => [
    ...['codex', 'mcp', 'add', entry.name],
    ...envWords('--env', entry),
    ...['--', entry.command, ...entry.args],
  ],
  remove: name => ['codex', 'mcp', 'remove', name],
};
