/** The MCP server as a bundle of its own: the command line loads it for `rasen mcp` alone. */
export type { Door, LogQuestion, TriggerDraft } from './door.ts';
export { mcpFindings } from './findings.ts';
export { type Installation, type Installed, install, planInstall } from './install/install.ts';
export { type ServeOptions, serveMcp } from './server.ts';
