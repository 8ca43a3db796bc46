/**
 * The page: a handful of files that were built with the gateway, read once and served from memory, so that no path of a
 * request ever becomes a path of the disk.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

interface File {
  type: string;
  body: Buffer;
  gzip: Buffer;
  etag: string;
}

export class PageFiles {
  readonly #files = new Map<string, File>();

  constructor(folder: string) {
    for (const name of readdirSync(folder)) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      const body = readFileSync(join(folder, name));
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 20)}"`;
      this.#files.set(name === 'index.html' ? '/' : `/${name}`, { type, body, gzip: gzipSync(body), etag });
    }
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  serve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { type, body, gzip, etag } = this.#files.get(path)!;
    // Asked again each time, which is one small answer on loopback, so that an upgrade shows at once.
    response.setHeader('Cache-Control', 'no-cache');
    response.setHeader('ETag', etag);
    response.setHeader('Vary', 'Accept-Encoding');
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end();
      return;
    }
    const packed = (request.headers['accept-encoding'] ?? '').includes('gzip');
    if (packed) response.setHeader('Content-Encoding', 'gzip');
    const bytes = packed ? gzip : body;
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }
}
