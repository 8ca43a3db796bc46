/** What the program between a sandbox and its hosts is told, and how its command line is made. Pure. */

export interface FenceOrder {
  /** Hosts that are reached, as users write them. */
  allow: readonly string[];
  /** Path of the socket between the two sides, as each of them sees it. */
  socket: string;
}

/** In the folder for temporary files. */
export const SOCKET = '.rasen-net';

/** A command behind the program that has it for one side. */
export const fenceArgv = (
  program: readonly string[],
  side: 'outside' | 'inside',
  order: FenceOrder,
  argv: readonly string[],
): string[] => [...program, side, JSON.stringify(order), ...argv];

/** What makes programs ask a proxy; servers of their own they reach as they are. */
export function proxyEnv(port: number): Record<string, string> {
  const url = `http://127.0.0.1:${port}`;
  const own = 'localhost,127.0.0.1,::1';
  const both = (name: string, value: string) => ({ [name]: value, [name.toLowerCase()]: value });
  return {
    ...both('HTTP_PROXY', url),
    ...both('HTTPS_PROXY', url),
    ...both('ALL_PROXY', url),
    ...both('NO_PROXY', own),
    // Node asks a proxy only where it is told so.
    NODE_USE_ENV_PROXY: '1',
  };
}
