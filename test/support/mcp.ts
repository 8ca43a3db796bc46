/** The SDK's own client of MCP, over standard input and output of a real `rasen mcp`. */
import { readFileSync } from 'node:fs';
import { Client, type ClientOptions } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { type Instance, RASEN } from './instance.ts';

/** What a tool has answered, with its structured content in short. */
export interface ToolAnswer {
  text: string;
  is_error: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: each tool has its own.
  said: any;
}

// biome-ignore lint/suspicious/noExplicitAny: of either generation of the protocol.
const answerOf = ({ content, isError, structuredContent, thrown }: any): ToolAnswer =>
  thrown === undefined
    ? {
        text: content.map(({ text }: { text: string }) => text).join('\n'),
        is_error: isError === true,
        said: structuredContent,
      }
    : { text: thrown, is_error: true, said: { error: { kind: 'thrown' } } };

export class McpClient {
  readonly client: Client;
  readonly #transport: StdioClientTransport;
  readonly #stderr: string[] = [];

  private constructor(client: Client, transport: StdioClientTransport) {
    this.client = client;
    this.#transport = transport;
    transport.stderr?.on('data', chunk => this.#stderr.push(String(chunk)));
  }

  static async connect(
    instance: Instance,
    options: { cwd?: string } & ClientOptions = {},
  ): Promise<McpClient> {
    const { cwd = instance.folder, ...more } = options;
    const env = Object.fromEntries(
      Object.entries(instance.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    );
    const transport = new StdioClientTransport({ command: RASEN, args: ['mcp'], env, cwd, stderr: 'pipe' });
    const client = new Client({ name: 'test', version: '1' }, more);
    const mine = new McpClient(client, transport);
    await client.connect(transport);
    return mine;
  }

  get pid(): number {
    return this.#transport.pid!;
  }

  /** What the server has said beside the protocol. */
  get stderr(): string {
    return this.#stderr.join('');
  }

  async call(
    name: string,
    args: Record<string, unknown> = {},
    heard?: (message: string) => void,
  ): Promise<ToolAnswer> {
    const onprogress = heard && { onprogress: ({ message }: { message?: string }) => heard(message ?? '') };
    return answerOf(await this.client.callTool({ name, arguments: args }, onprogress));
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

/** What a client inside of an attempt was answered (mcp-ask.mjs). */
export const answersIn = (file: string): ToolAnswer[] => JSON.parse(readFileSync(file, 'utf8')).map(answerOf);
