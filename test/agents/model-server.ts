/**
 * A model in the place of the real ones: it speaks the protocols of the agents on loopback, and says what a test wrote
 * down. Which line it is at it reads from the request (the tool results in it), so that it keeps nothing about a session
 * and any number of them may run at once. Who asks for anything else than an answer is refused, and remembered.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chat } from './chat-protocol.ts';

/**
 * One answer: words, and perhaps the use of a tool: a command for the shell, a file to be written by the agent's own
 * tool for that, or any tool by its name. `{result}`: the result file that the prompt names.
 */
export interface Turn {
  say: string;
  shell?: string;
  write?: { path: string; text: string };
  tool?: { name: string; input: Record<string, unknown>; namespace?: string };
}

/** An answer that is an error. */
export interface Failure {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  /** Instead of the body, as a stream. */
  events?: readonly { type: string; [key: string]: unknown }[];
}

export const BAD_KEY: Failure = {
  status: 401,
  body: { error: { code: 401, message: 'bad key', status: 'UNAUTHENTICATED', type: 'authentication_error' } },
};

/** Stands for a request that gets no answer, not even its headers, and for one whose answer is cut off in the middle. */
export const NEVER = 'never';
export const CUT = 'cut';

/** The answer to one turn of a session, which stops before its first byte or in its middle until it is let go on. */
export class Hold {
  readonly #reached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly at: 'head' | 'middle';

  constructor(at: 'head' | 'middle') {
    this.at = at;
  }

  /** The request is there, and with `middle` half of an event was sent. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  release(): void {
    this.#released.resolve();
  }

  async wait(): Promise<void> {
    this.#reached.resolve();
    await this.#released.promise;
  }
}

type Trouble = Failure | typeof NEVER | typeof CUT;

/** What an answer used: `input` with what came from a cache. */
export interface Tokens {
  input: number;
  cached: number;
  output: number;
}

/** What was asked. */
export interface Asked {
  path: string;
  /** Tool results in it: 0 where a session begins, and only there. */
  turn: number;
  key: string | undefined;
  /** All of it. */
  text: string;
}

interface Protocol {
  path: RegExp;
  /** Tool results in the request. */
  results(body: any): number;
  /** Pieces of the stream, of a request with these tools. */
  answer(turn: Turn, body: any, tokens: Tokens): { event?: string; data: unknown }[];
}

const all = (node: unknown, found: (object: Record<string, unknown>) => boolean): number => {
  if (typeof node !== 'object' || node === null) return 0;
  const own = !Array.isArray(node) && found(node as Record<string, unknown>) ? 1 : 0;
  return Object.values(node).reduce((sum: number, child) => sum + all(child, found), own);
};

const gemini: Protocol = {
  path: /:(?:streamG|g)enerateContent/,
  results: body => all(body.contents, part => 'functionResponse' in part),
  answer: ({ say, shell, write, tool }, _body, { input, cached, output }) => {
    const functionCall = tool
      ? { name: tool.name, args: tool.input }
      : write
        ? { name: 'write_file', args: { file_path: write.path, content: write.text } }
        : { name: 'run_shell_command', args: { command: shell, description: 'scripted' } };
    const parts = [{ text: say }, ...(shell || write || tool ? [{ functionCall }] : [])];
    const usageMetadata = {
      promptTokenCount: input,
      cachedContentTokenCount: cached,
      candidatesTokenCount: output,
      totalTokenCount: input + output,
    };
    return [
      { data: { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }], usageMetadata } },
    ];
  },
};

const anthropic: Protocol = {
  path: /^\/v1\/messages(?:\?|$)/,
  results: body => all(body.messages, part => part.type === 'tool_result'),
  answer: ({ say, shell, write, tool }, body, tokens) => {
    const usage = {
      input_tokens: tokens.input - tokens.cached,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: tokens.cached,
      output_tokens: 1,
    };
    const message = {
      id: `msg_${Date.now()}`,
      type: 'message',
      role: 'assistant',
      model: body.model,
      content: [],
    };
    const events: { type: string; [key: string]: unknown }[] = [
      { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null, usage } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: say } },
      { type: 'content_block_stop', index: 0 },
    ];
    if (shell || write || tool) {
      const input = JSON.stringify(
        tool?.input ??
          (write
            ? { file_path: write.path, content: write.text }
            : { command: shell, description: 'scripted' }),
      );
      const name = tool?.name ?? (write ? 'Write' : 'Bash');
      const use = { type: 'tool_use', id: `toolu_${Date.now()}`, name, input: {} };
      events.push(
        { type: 'content_block_start', index: 1, content_block: use },
        { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: input } },
        { type: 'content_block_stop', index: 1 },
      );
    }
    const stop_reason = shell || write || tool ? 'tool_use' : 'end_turn';
    events.push(
      {
        type: 'message_delta',
        delta: { stop_reason, stop_sequence: null },
        usage: { output_tokens: tokens.output },
      },
      { type: 'message_stop' },
    );
    return events.map(data => ({ event: data.type, data }));
  },
};

const responses: Protocol = {
  path: /\/responses$/,
  results: body => all(body.input, item => /_call_output$/.test(String(item.type))),
  answer: ({ say, shell, write, tool }, _body, { input, cached, output }) => {
    // It has no tool of its own for a file that every model knows.
    const cmd = write ? `printf %s '${write.text}' > '${write.path}'` : shell;
    const id = `resp_${Date.now()}`;
    const message = {
      type: 'message',
      role: 'assistant',
      id: `msg_${id}`,
      content: [{ type: 'output_text', text: say }],
    };
    const call = {
      type: 'function_call',
      id: `fc_${id}`,
      call_id: `call_${id}`,
      name: tool?.name ?? 'exec_command',
      arguments: JSON.stringify(tool?.input ?? { cmd }),
      ...(tool?.namespace === undefined ? {} : { namespace: tool.namespace }),
    };
    const items = [message, ...(cmd === undefined && !tool ? [] : [call])];
    const details = {
      input_tokens_details: { cached_tokens: cached },
      output_tokens_details: { reasoning_tokens: 0 },
    };
    const usage = {
      input_tokens: input,
      output_tokens: output,
      total_tokens: input + output,
      ...details,
    };
    const events = [
      { type: 'response.created', response: { id } },
      ...items.map((item, output_index) => ({ type: 'response.output_item.done', output_index, item })),
      { type: 'response.completed', response: { id, usage } },
    ];
    return events.map(data => ({ event: data.type, data }));
  },
};

const PROTOCOLS: readonly Protocol[] = [gemini, anthropic, responses, chat];

export class ModelServer {
  /** Answers of a session, in their order; the last one stands for all that follow. */
  turns: Turn[] = [];
  /** Taken from the front before any turn. */
  failures: Trouble[] = [];
  /** Instead of any answer, as long as it is there. */
  down: Trouble | (() => Trouble) | null = null;
  /** For the next answer alone. */
  hold: Hold | null = null;
  /** What an answer uses, by how many there were before it. */
  tokens: (answers: number) => Tokens = () => ({ input: 1000, cached: 0, output: 40 });
  /** What all answers used that were given to their end. */
  readonly spent: Tokens = { input: 0, cached: 0, output: 0 };
  answers = 0;
  /** Keys that are not taken are refused. */
  accepts: (key: string) => boolean = () => true;
  /** Requests for an answer. */
  readonly requests: Asked[] = [];
  /** Requests for anything else, by method and path. */
  readonly strange: string[] = [];
  readonly #server: Server;
  /** Named last; a session whose beginning was forgotten does not say it again. */
  #result: string | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ModelServer> {
    const server = createServer((request, response) => void model.#serve(request, response));
    const model = new ModelServer(server);
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    return model;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many sessions were begun, and not gone on with. */
  get begun(): number {
    return this.requests.filter(request => request.turn === 0).length;
  }

  async close(): Promise<void> {
    this.hold?.release();
    this.#server.closeAllConnections();
    await new Promise(done => this.#server.close(done));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const path = request.url!;
    const protocol = PROTOCOLS.find(known => known.path.test(path));
    const json = (status: number, body: unknown, headers = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    if (!protocol || request.method !== 'POST') {
      this.strange.push(`${request.method} ${path}`);
      return void json(404, { error: { message: `nothing at ${path}` } });
    }
    const body = JSON.parse(text);
    const { headers } = request;
    const key = headers['x-goog-api-key'] ?? headers['x-api-key'] ?? headers.authorization;
    const turn = protocol.results(body);
    this.requests.push({ path, turn, key: key?.toString(), text });
    const failure = (typeof this.down === 'function' ? this.down() : this.down) ?? this.failures.shift();
    if (!this.accepts(key?.toString() ?? '')) return void json(BAD_KEY.status, BAD_KEY.body);
    if (failure === NEVER) return;
    if (failure && failure !== CUT && failure.events)
      return void stream(response, failure.events.map(asEvent));
    if (failure && failure !== CUT) return void json(failure.status, failure.body, failure.headers);

    // The last one: a session that is gone on with was told of another one before.
    const result = [...text.matchAll(/write one JSON file to (\S+)/gi)].at(-1)?.[1] ?? this.#result;
    if (result === undefined) {
      this.strange.push(`no result file in a prompt: ${path}`);
      return void json(500, { error: { message: 'no result file' } });
    }
    this.#result = result;
    const line = JSON.stringify(this.turns[Math.min(turn, this.turns.length - 1)]!);
    const said: Turn = JSON.parse(line.replaceAll('{result}', result));
    if (failure === CUT) {
      const [first] = protocol.answer(said, body, this.tokens(this.answers)).map(pieceOf);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(first!.slice(0, first!.length / 2), () => response.destroy());
      return;
    }
    const { hold } = this;
    this.hold = null;
    const tokens = this.tokens(this.answers);
    const pieces = protocol.answer(said, body, tokens).map(pieceOf).join('');
    const half = hold?.at === 'middle' ? pieces.length / 2 : 0;
    if (half > 0)
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(pieces.slice(0, half));
    await hold?.wait();
    // Whoever asked may be gone.
    if (response.destroyed) return;
    this.answers++;
    for (const key of ['input', 'cached', 'output'] as const) this.spent[key] += tokens[key];
    if (half === 0) response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(pieces.slice(half));
  }
}

const asEvent = (data: { type: string }) => ({ event: data.type, data });

const pieceOf = ({ event, data }: { event?: string; data: unknown }) =>
  `${event ? `event: ${event}\n` : ''}data: ${JSON.stringify(data)}\n\n`;

function stream(response: ServerResponse, events: readonly { event?: string; data: unknown }[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(pieceOf(event));
  response.end();
}
