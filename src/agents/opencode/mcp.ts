/** How opencode is told of an MCP server: its own command asks questions, so its configuration is edited. Pure. */
import { join } from 'node:path';
import type { McpClient } from '../mcp-client.ts';

const files = (env: NodeJS.ProcessEnv, home: string) => {
  const folder = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'opencode');
  return ['opencode.json', 'opencode.jsonc', 'config.json'].map(name => join(folder, name));
};

export const opencodeMcp: McpClient = {
  files,
  told: (env, home, name) => ({ files: files(env, home), path: ['mcp', name] }),
  path: name => ['mcp', name],
  value: ({ command, args, env }) => ({
    type: 'local',
    command: [command, ...args],
    enabled: true,
    ...(Object.keys(env).length > 0 ? { environment: env } : {}),
  }),
};
