/**
 * The server: tools over standard input and output, for as long as the client keeps its end open. It keeps nothing: what
 * was answered is durable with the supervisor, so that its end is no task's.
 */
import { McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type * as z from 'zod';
import { VERSION } from '../version.ts';
import type { Door } from './door.ts';
import { type Asking, resultOf } from './tool.ts';
import { TOOLS } from './tools/index.ts';

const INSTRUCTIONS =
  'rasen runs work that outlives this session. Use `run` for commands that take more than a minute and for work that goes on when you are done; then `wait`, or go on. What a person decides (answers, approvals, merges) is not here.';

export interface ServeOptions {
  door: Door;
  /** What goes wrong beside the answers; standard output belongs to the protocol. */
  problem(text: string): void;
}

/** Resolves when the client has closed its end, or a signal has ended this. */
export async function serveMcp({ door, problem }: ServeOptions): Promise<void> {
  const over = new Promise<void>(resolve => {
    process.stdin
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  const handle = serveStdio(() => serverOf(door), { onerror: error => problem(error.message) });
  await over;
  await handle.close();
}

function serverOf(door: Door): McpServer {
  const server = new McpServer(
    { name: 'rasen', title: 'rasen', version: VERSION },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );
  for (const { name, title, description, annotations, input, answer } of TOOLS)
    server.registerTool(
      name,
      { title, description, annotations: { title, ...annotations }, inputSchema: input as z.ZodObject },
      async (params: unknown, context: ServerContext) =>
        await resultOf(() => answer(params, door, askingOf(context))),
    );
  return server;
}

function askingOf({ mcpReq }: ServerContext): Asking {
  const token = mcpReq._meta?.progressToken;
  let progress = 0;
  return {
    signal: mcpReq.signal,
    progress: message => {
      if (token === undefined || mcpReq.signal.aborted) return;
      const params = { progressToken: token, progress: ++progress, message };
      // A client that is gone hears nothing.
      mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
    },
  };
}
