/** How Claude Code is told of an MCP server. Pure. */
import { join } from 'node:path';
import { envWords, type McpClient } from '../mcp-client.ts';

export const claudeMcp: McpClient = {
  // The name comes before --env, which takes all words up to the next option.
  argv: entry => [
    ...['claude', 'mcp', 'add', '--scope', 'user', entry.name],
    ...envWords('--env', entry),
    ...['--', entry.command, ...entry.args],
  ],
  told: (env, home, name) => ({
    files: [join(env.CLAUDE_CONFIG_DIR || home, '.claude.json')],
    path: ['mcpServers', name],
  }),
  known: /already exists/i,
  remove: name => ['claude', 'mcp', 'remove', '--scope', 'user', name],
};
