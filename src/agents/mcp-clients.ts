/** The list of agents that can be told of an MCP server. */
import type { AgentProgram } from '../contract/backends.ts';
import { claudeMcp } from './claude/mcp.ts';
import { codexMcp } from './codex/mcp.ts';
import { geminiMcp } from './gemini/mcp.ts';
import type { McpClient } from './mcp-client.ts';
import { opencodeMcp } from './opencode/mcp.ts';

export const MCP_CLIENTS: Readonly<Record<AgentProgram, McpClient>> = {
  claude: claudeMcp,
  codex: codexMcp,
  gemini: geminiMcp,
  opencode: opencodeMcp,
};
