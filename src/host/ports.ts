/** TCP ports of this machine: which one is free, and who holds one that is not. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { holdersOf } from './tcp-peer.ts';

/** Above what is usually served, below what the system gives out by itself. */
const FIRST = 20_000;
const COUNT = 12_000;
/** As many as are taken in a row before something else is wrong. */
const TRIES = 200;
const LISTENS = '0A';

/** The first free port from that one on which a name leads to: the same name, the same port, where nobody has taken it. */
export async function freePortFor(name: string, taken: ReadonlySet<number>): Promise<number | null> {
  const start = hashOf(name) % COUNT;
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + ((start + i) % COUNT);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  return null;
}

/** Whether nobody listens there, on any address of this machine. */
export async function isFree(port: number): Promise<boolean> {
  for (const host of ['0.0.0.0', '::']) if ((await bound(port, host)) === 'taken') return false;
  // On systems that let one address be bound beside all of them.
  return (await bound(port, '127.0.0.1')) !== 'taken';
}

function bound(port: number, host: string): Promise<'free' | 'taken' | 'unknown'> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', error => {
      // Without IPv6, or without the right to that port, nothing is known.
      resolve((error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'taken' : 'unknown');
    });
    server.listen({ port, host, exclusive: true, ipv6Only: host === '::' }, () => {
      server.close(() => resolve('free'));
    });
  });
}

export interface Holder {
  pid: number;
  /** Name of its program, where that can be seen. */
  name: string | null;
}

/** Who listens on a port; null: nobody whom we may see. */
export function holderOf(port: number): Holder | null {
  try {
    const pid = process.platform === 'linux' ? linuxHolder(port) : lsofHolder(port);
    return pid === null ? null : { pid, name: nameOf(pid) };
  } catch {
    return null;
  }
}

function linuxHolder(port: number): number | null {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path => listening(path, port)));
  return inodes.size === 0 ? null : ([...holdersOf(inodes).found.values()][0] ?? null);
}

function listening(path: string, port: number): string[] {
  let table: string;
  try {
    table = readFileSync(path, 'latin1');
  } catch {
    // No IPv6 here.
    return [];
  }
  return table
    .split('\n')
    .slice(1)
    .flatMap(line => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      return state === LISTENS && Number.parseInt(local.split(':')[1] ?? '', 16) === port ? [inode] : [];
    });
}

function lsofHolder(port: number): number | null {
  const options = { encoding: 'utf8' as const, timeout: 5000, stdio: ['ignore', 'pipe', 'ignore'] as const };
  const said = execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'], {
    ...options,
    stdio: [...options.stdio],
  });
  const pid = Number(said.split('\n')[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : null;
}

function nameOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  return hash;
}
