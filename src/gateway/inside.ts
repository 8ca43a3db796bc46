/**
 * Whether a request comes from inside an attempt. What runs there may ask the supervisor for little (supervisor/guard.ts),
 * and must not get more by way of the gateway, whose own process is a person's. The process at the other end of a local
 * connection is looked up, and its parents: by the mark that none can take off, by the marker in the environment and by
 * the control group. From another machine nothing runs inside an attempt of this one.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { hardLimitOf } from '../host/mark.ts';
import { SocketPeers } from '../host/socket-peer.ts';
import { cgroupOf } from '../runner/cage/cgroup.ts';
import { taskOfUnit } from '../runner/cage/unit-command.ts';
import { host } from '../runner/platform/this-host.ts';

/** Parents that are looked at. */
const ANCESTORS_MAX = 64;

export class Insiders {
  readonly #peers = new SocketPeers();
  readonly #own_limit = hardLimitOf('self');
  /** Our own place: a gateway that was started inside an attempt sees nothing odd in others from there. */
  readonly #known = new WeakMap<Socket, Promise<boolean>>();

  /** Looked up once for each connection. */
  isInside(socket: Socket): Promise<boolean> {
    const known = this.#known.get(socket) ?? this.#look(socket);
    this.#known.set(socket, known);
    return known;
  }

  async #look(socket: Socket): Promise<boolean> {
    if (process.platform !== 'linux') return false;
    const pid = socket.remoteAddress === undefined ? await this.#unixPeer(socket) : tcpPeer(socket);
    return pid !== null && this.#descends(pid);
  }

  async #unixPeer(socket: Socket): Promise<number | null> {
    const handle = (socket as unknown as { _handle?: { fd?: number } })._handle;
    const ids = await this.#peers.peerOf(() => (socket.destroyed ? null : (handle?.fd ?? null)));
    return ids?.pid ?? null;
  }

  #descends(first: number): boolean {
    let row = host.row(first);
    for (let i = 0; row && row.pid > 1 && i < ANCESTORS_MAX; i++) {
      if (row.pid === process.pid) return false;
      const limit = hardLimitOf(row.pid);
      if (limit !== null && (this.#own_limit === null || limit < this.#own_limit)) return true;
      if (host.markers([row.pid]).has(row.pid)) return true;
      const cgroup = cgroupOf(row.pid);
      if (cgroup !== null && taskOfUnit(cgroup) !== null) return true;
      row = host.row(row.ppid);
    }
    return false;
  }
}

/** The process that holds the other end of a loopback connection; null: it is on another machine, or another user's. */
function tcpPeer({ remotePort, localPort }: Socket): number | null {
  if (remotePort === undefined || localPort === undefined) return null;
  const inode = inodeOf(remotePort, localPort);
  return inode === null ? null : holderOf(inode);
}

function inodeOf(local: number, remote: number): string | null {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    try {
      for (const line of readFileSync(table, 'latin1').split('\n').slice(1)) {
        const [, from = '', to = '', , , , , , , inode] = line.trim().split(/\s+/);
        if (from.endsWith(`:${hex(local)}`) && to.endsWith(`:${hex(remote)}`)) return inode ?? null;
      }
    } catch {
      // No IPv6 here.
    }
  }
  return null;
}

function holderOf(inode: string): number | null {
  const wanted = `socket:[${inode}]`;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`))
        if (readlinkSync(`/proc/${pid}/fd/${fd}`) === wanted) return Number(pid);
    } catch {
      // Gone, or not ours to look at.
    }
  }
  return null;
}
