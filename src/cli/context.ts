/**
 * What a command may use of the world around it, made once by main.ts and handed down. Tests make their own.
 */
import type * as config from '../config/index.ts';
import type * as gateway from '../gateway/index.ts';
import type * as mcp from '../mcp/index.ts';
import type { Paths } from '../paths.ts';
import type * as service from '../service/index.ts';
import type * as reader from '../supervisor/disk.ts';
import type { AnyCommand } from './command.ts';
import type { Link, LinkOptions } from './link.ts';
import type { Output } from './output.ts';

/** The part that reads configuration and plans; it brings zod and yaml, so it is loaded only where it is needed. */
export type ConfigBundle = typeof config;

/** The part that reads tasks from the disk where no supervisor runs. */
export type ReaderBundle = typeof reader;

/** The part that knows service managers. */
export type ServiceBundle = typeof service;

/** The HTTP API and what belongs to it. */
export type GatewayBundle = typeof gateway;

/** The MCP server. */
export type McpBundle = typeof mcp;

export interface Context {
  /** Absolute. Reading it throws `no_folder` where it was removed, or has no name in UTF-8. */
  readonly cwd: string;
  env: NodeJS.ProcessEnv;
  /** The words after `rasen`; those of a command byte for byte (util/exact-text.ts). */
  argv: readonly string[];
  /** The table that this command is in, for what is made from it. */
  commands: readonly AnyCommand[];
  paths: Paths;
  out: Output;
  /** The connection to the supervisor; made when it is first used. */
  link: Link;
  /** Another one, of another client; whoever makes it closes it. */
  linkAs(more: Partial<LinkOptions>): Link;
  loadConfigBundle(): ConfigBundle | Promise<ConfigBundle>;
  loadServiceBundle(): ServiceBundle | Promise<ServiceBundle>;
  loadGatewayBundle(): GatewayBundle | Promise<GatewayBundle>;
  loadMcpBundle(): McpBundle | Promise<McpBundle>;
}
