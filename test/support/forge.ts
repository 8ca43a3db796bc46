/**
 * A forge on loopback: repositories over HTTP by git's own http-backend, behind a password, and the part of GitHub's REST
 * API that pull requests need. It checks each call and remembers it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface Pull {
  number: number;
  html_url: string;
  title: string;
  body: string;
  head: { ref: string };
  base: { ref: string };
}

export class FakeForge {
  readonly root: string;
  readonly token: string;
  readonly pulls: Pull[] = [];
  readonly calls: string[] = [];
  /** The next request for a pull request is carried out, and its answer lost. */
  loses_answer = false;
  url = '';
  #server: Server | null = null;

  constructor(folder: string, token: string) {
    this.root = join(folder, 'forge');
    this.token = token;
  }

  async start(): Promise<void> {
    mkdirSync(this.root, { recursive: true });
    const server = createServer((request, response) => this.#answer(request, response));
    this.#server = server;
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `owner/name`, with what a working tree has committed. */
  add(path: string, from: string): string {
    const bare = join(this.root, `${path}.git`);
    execFileSync('git', ['clone', '-q', '--bare', from, bare]);
    execFileSync('git', ['config', 'http.receivepack', 'true'], { cwd: bare });
    return `${this.url}/${path}.git`;
  }

  git(path: string, ...args: string[]): string {
    return execFileSync('git', args, { cwd: join(this.root, `${path}.git`), encoding: 'utf8' }).trim();
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise(resolve => this.#server?.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.calls.push(`${request.method} ${request.url}`);
    if (request.url?.startsWith('/api/')) return void this.#api(request, response);
    const password = `Basic ${Buffer.from(`x-access-token:${this.token}`).toString('base64')}`;
    if (request.headers.authorization !== password) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="forge"' }).end();
      return;
    }
    this.#backend(request, response);
  }

  #backend(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, this.url);
    const child = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: this.root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: 'x-access-token',
      },
    });
    request.pipe(child.stdin);
    let head: Buffer | null = Buffer.alloc(0);
    child.stdout.on('data', (chunk: Buffer) => {
      if (head === null) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const lines = head.subarray(0, end).toString().split('\r\n');
      const status = lines.find(line => /^Status:/i.test(line));
      response.statusCode = status ? Number(/\d+/.exec(status)![0]) : 200;
      for (const line of lines) {
        const [name, value] = line.split(/: (.*)/);
        if (!/^Status$/i.test(name!)) response.setHeader(name!, value!);
      }
      response.write(head.subarray(end + 4));
      head = null;
    });
    child.once('close', () => response.end());
  }

  async #api(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const say = (status: number, value: unknown) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return void say(401, { message: 'Bad credentials' });
    const url = new URL(request.url!, this.url);
    const repo = /^\/api\/repos\/([\w-]+)\/([\w-]+)(\/pulls)?$/.exec(url.pathname);
    if (!repo) return void say(404, { message: 'Not Found' });
    const path = `${repo[1]}/${repo[2]}`;
    if (!repo[3]) return void say(200, { default_branch: this.git(path, 'symbolic-ref', '--short', 'HEAD') });
    if (request.method === 'GET') {
      const head = url.searchParams.get('head')?.split(':')[1];
      return void say(
        200,
        this.pulls.filter(pull => pull.head.ref === head),
      );
    }
    const { title, body, head, base } = JSON.parse(text);
    const branches = this.git(path, 'for-each-ref', '--format=%(refname:short)').split('\n');
    if (!branches.includes(head) || this.pulls.some(pull => pull.head.ref === head))
      return void say(422, { message: 'Validation Failed' });
    const number = this.pulls.length + 1;
    const pull = {
      number,
      html_url: `${this.url}/${path}/pull/${number}`,
      title,
      body,
      head: { ref: head },
      base: { ref: base },
    };
    this.pulls.push(pull);
    if (this.loses_answer) {
      this.loses_answer = false;
      return void response.destroy();
    }
    say(201, pull);
  }
}
