/**
 * A registry with the packages of this checkout's node_modules, so that an installation is the real one and needs no
 * network. What the lockfile names and this platform lacks (the other runtimes) is listed without content.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface Locked {
  version: string;
  [field: string]: unknown;
}

export interface NpmRegistry {
  url: string;
  close(): Promise<void>;
}

export async function npmRegistry(root: string): Promise<NpmRegistry> {
  const lock: Record<string, Locked> = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  ).packages;
  const tarballs = new Map<string, Buffer>();
  const tarball = (name: string) => {
    const known = tarballs.get(name);
    if (known) return known;
    // Level 1: the runtime is large and is unpacked at once.
    const args = [
      '-c',
      '-I',
      'gzip -1',
      '--transform',
      's,^\\.,package,',
      '-C',
      join(root, 'node_modules', name),
      '.',
    ];
    const made = execFileSync('tar', args, { maxBuffer: 1 << 30 });
    tarballs.set(name, made);
    return made;
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.slice(1));
    const [name, file] = path.split('/-/') as [string, string | undefined];
    const locked = lock[`node_modules/${name}`];
    if (!locked) return response.writeHead(404).end('{}');
    if (file) return response.end(tarball(name));
    const there = existsSync(join(root, 'node_modules', name));
    const integrity = there && `sha512-${createHash('sha512').update(tarball(name)).digest('base64')}`;
    const { version } = locked;
    const dist = { tarball: `${url}${name}/-/${version}.tgz`, ...(integrity && { integrity }) };
    response.setHeader('content-type', 'application/json');
    return response.end(
      JSON.stringify({
        name,
        'dist-tags': { latest: version },
        versions: { [version]: { ...locked, integrity: undefined, name, dist } },
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
