/**
 * The gateway as a bundle of its own: the command line loads it for `rasen gateway`, `web`, `token`, `pr` and `metrics`,
 * and for nothing else. Everything that it offers is listed here.
 */
export { renderUnicodeCompact as qrText } from 'uqr';
export { Forge } from './forge.ts';
export { type HookInfo, HookSecrets } from './hook-secrets.ts';
export { Metrics } from './metrics.ts';
export { parseRepository, Repositories } from './repositories.ts';
export { DEFAULT_LISTEN, type Gateway, type GatewayOptions, serveGateway } from './server.ts';
export { type SessionInfo, Sessions } from './sessions.ts';
export { type GatewayPaths, gatewayPaths } from './state.ts';
export { type TokenInfo, Tokens } from './tokens.ts';
export { Upstream } from './upstream.ts';
export { parseScopes, SCOPES, type Scope } from './who.ts';
