/** A real gateway beside a real supervisor, and clients of it: with a token, without one, raw, and following a stream. */
import { type ChildProcess, spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { Instance, RASEN, until } from './instance.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many kinds.
  json: any;
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** Bytes in place of a body. */
  raw?: string | Buffer;
  /** In place of the token of the rig; null: none. */
  token?: string | null;
  unix?: boolean;
}

export class GatewayRig {
  readonly instance: Instance;
  child: ChildProcess | null = null;
  url = '';
  unix = '';
  token = '';
  said = '';
  readonly #args: string[];

  /** `instance`: one that is there already. */
  constructor(env: Record<string, string> | Instance = {}, args: string[] = []) {
    this.instance = env instanceof Instance ? env : new Instance(env);
    this.#args = args;
  }

  async start(): Promise<void> {
    if (!this.instance.daemon) await this.instance.start();
    if (this.token === '') this.token = this.newToken('test', 'all');
    await this.startGateway();
  }

  newToken(name: string, scope: string): string {
    const { stdout, stderr } = this.instance.rasen(['token', 'create', name, '--scope', scope]);
    if (stdout.trim() === '') throw new Error(stderr);
    return stdout.trim();
  }

  /** On the port of before, where there was one. */
  async startGateway(): Promise<void> {
    const listen = this.url === '' ? '127.0.0.1:0' : this.url.replace('http://', '');
    const child = spawn(RASEN, ['gateway', '--listen', listen, '--unix', '--json', ...this.#args], {
      env: this.instance.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    let out = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', text => {
      this.said += text;
    });
    const line = await until('the gateway listens', () => {
      if (child.exitCode !== null)
        throw new Error(`the gateway ended with ${child.exitCode}: ${this.said}${out}`);
      return out.includes('\n') ? out.split('\n')[0] : undefined;
    });
    ({ url: this.url, unix: this.unix } = JSON.parse(line));
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise(resolve => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  ask(path: string, asked: Asked = {}): Promise<Answer> {
    const { method = asked.body === undefined ? 'GET' : 'POST', headers = {}, body, raw, unix } = asked;
    const token = asked.token === undefined ? this.token : asked.token;
    const url = new URL(this.url);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          ...(unix ? { socketPath: this.unix } : { host: url.hostname, port: url.port }),
          ...{ path, method, setHost: !('Host' in headers) && !unix },
          headers: {
            ...(unix ? { Host: 'rasen' } : token === null ? {} : { Authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
            ...headers,
          },
        },
        response => {
          const chunks: Buffer[] = [];
          response.on('data', chunk => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            let json: unknown;
            try {
              json = JSON.parse(text);
            } catch {
              json = undefined;
            }
            resolve({ status: response.statusCode!, headers: response.headers, text, json });
          });
        },
      );
      request.on('error', reject);
      request.end(raw ?? (body === undefined ? undefined : JSON.stringify(body)));
    });
  }

  follow(path: string, lastEventId?: string): Follower {
    return new Follower(this, path, lastEventId);
  }

  async close(): Promise<void> {
    await this.kill('SIGTERM');
    await this.instance.close();
  }
}

export interface Seen {
  id: string;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: data of many kinds.
  data: any;
}

/** A reader of a stream as a browser is one: it comes back with the last id when it was cut off. */
export class Follower {
  readonly seen: Seen[] = [];
  status = 0;
  last: string | undefined;
  connections = 0;
  #stopped = false;
  #request: ReturnType<typeof httpRequest> | null = null;
  readonly done: Promise<void>;

  constructor(rig: GatewayRig, path: string, lastEventId?: string) {
    this.last = lastEventId;
    this.done = this.#run(rig, path);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#request?.destroy();
    return this.done;
  }

  /** The connection is cut, and made again. */
  cut(): void {
    this.#request?.destroy();
  }

  async #run(rig: GatewayRig, path: string): Promise<void> {
    while (!this.#stopped) {
      await this.#once(rig, path);
      if (this.status === 204 || this.seen.at(-1)?.event === 'end') return;
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  #once(rig: GatewayRig, path: string): Promise<void> {
    const url = new URL(rig.url);
    return new Promise(resolve => {
      const request = httpRequest(
        {
          ...{ host: url.hostname, port: url.port, path },
          headers: {
            Accept: 'text/event-stream',
            Authorization: `Bearer ${rig.token}`,
            ...(this.last === undefined ? {} : { 'Last-Event-ID': this.last }),
          },
        },
        response => {
          this.status = response.statusCode!;
          this.connections++;
          let rest = '';
          response.setEncoding('utf8').on('data', (text: string) => {
            const blocks = (rest + text).split('\n\n');
            rest = blocks.pop()!;
            for (const block of blocks) this.#take(block);
          });
          response.on('close', () => resolve());
          response.on('error', () => resolve());
        },
      );
      this.#request = request;
      request.on('error', () => resolve());
      request.end();
    });
  }

  #take(block: string): void {
    const fields = new Map(
      block
        .split('\n')
        .filter(line => line !== '' && !line.startsWith(':'))
        .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    if (!fields.has('data')) return;
    if (fields.has('id')) this.last = fields.get('id');
    this.seen.push({
      id: fields.get('id') ?? '',
      event: fields.get('event') ?? 'message',
      data: JSON.parse(fields.get('data')!),
    });
  }
}
