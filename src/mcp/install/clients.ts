/** All clients that can be told of the server, by the names that the command line has for them. */
import type { McpClient } from '../../agents/mcp-client.ts';
import { MCP_CLIENTS } from '../../agents/mcp-clients.ts';
import { EDITORS } from './editors.ts';

export const CLIENTS: Readonly<Record<string, McpClient>> = { ...MCP_CLIENTS, ...EDITORS };

/** The name of the entry. */
export const SERVER = 'rasen';
