/**
 * Who is at the other end of a connection, and whether that is inside an attempt. What runs there may ask the supervisor
 * for little (supervisor/guard.ts), and must not get more by way of the gateway, whose own process is a person's. The
 * process is looked up when its connection is accepted, and its parents: by the mark that none can take off, by the marker
 * in the environment and by the control group. Who cannot be found although this machine has the means is `unknown`, and
 * may change nothing. From another machine nothing runs inside an attempt of this one.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { uptime } from 'node:os';
import { hardLimitOf } from '../host/mark.ts';
import { newestStartAt } from '../host/process-stat.ts';
import { SocketPeers } from '../host/socket-peer.ts';
import {
  type End,
  type Holders,
  holdersOf,
  isOwnAddress,
  type TcpRow,
  tcpRow,
  uidOf,
} from '../host/tcp-peer.ts';
import { cgroupOf } from '../runner/cage/cgroup.ts';
import { taskOfUnit } from '../runner/cage/unit-command.ts';
import { host } from '../runner/platform/this-host.ts';

/** Parents that are looked at. */
const ANCESTORS_MAX = 64;

export type Place = { is: 'inside' } | { is: 'outside' } | { is: 'unknown'; why: string };

export interface Peer {
  /** By the listener that has accepted it: a TCP connection that was reset has no address any more. */
  unix: boolean;
  /** Of the process that made the connection, where it is one of this machine and TCP; null: not known. */
  uid: number | null;
  place: Promise<Place>;
}

const OUTSIDE: Place = { is: 'outside' };
const ENDED: Place = { is: 'unknown', why: 'the process that connected has ended' };
const UNSEEN: Place = { is: 'unknown', why: 'the process that connected could not be looked at' };
const STRANGER: Peer = { unix: false, uid: null, place: Promise.resolve(UNSEEN) };

export class Insiders {
  readonly #peers = new SocketPeers();
  /** Our own place: a gateway that was started inside an attempt sees nothing odd in others from there. */
  readonly #own_limit = hardLimitOf('self');
  readonly #known = new WeakMap<Socket, Peer>();
  readonly #search = new HolderSearch();

  /** To be called when a connection is accepted, before anything of it is read. */
  accept(socket: Socket, { unix }: { unix: boolean }): void {
    this.#known.set(socket, unix ? this.#unixPeer(socket) : this.#tcpPeer(socket));
  }

  peerOf(socket: Socket): Peer {
    return this.#known.get(socket) ?? STRANGER;
  }

  #unixPeer(socket: Socket): Peer {
    // Where a machine has no means (macOS, neither perl nor python3), the supervisor refuses nothing either.
    const place = this.#peers.able
      ? this.#placeOfUnix(socket, uptime()).catch(() => UNSEEN)
      : Promise.resolve(OUTSIDE);
    return { unix: true, uid: null, place };
  }

  async #placeOfUnix(socket: Socket, since_s: number): Promise<Place> {
    const handle = (socket as unknown as { _handle?: { fd?: number } })._handle;
    const ids = await this.#peers.peerOf(() => (socket.destroyed ? null : (handle?.fd ?? null)));
    if (!ids) return { is: 'unknown', why: 'its connection could not be looked at' };
    if (ids.pid === 0) return { is: 'unknown', why: 'it runs in a PID namespace that is not seen from here' };
    // Its number may be another's by now.
    const row = host.row(ids.pid);
    return row && Number(row.start) <= newestStartAt(since_s) ? this.#placeOf(ids.pid) : ENDED;
  }

  #tcpPeer(socket: Socket): Peer {
    if (process.platform !== 'linux') return { unix: false, uid: null, place: Promise.resolve(OUTSIDE) };
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    // Reset before it was accepted.
    if (!remoteAddress || !localAddress || remotePort === undefined || localPort === undefined)
      return { ...STRANGER, place: Promise.resolve(ENDED) };
    const ends = [
      { address: remoteAddress, port: remotePort },
      { address: localAddress, port: localPort },
    ] as const;
    const row = tcpRow(...ends);
    if (!row) {
      const place = isOwnAddress(remoteAddress) ? ENDED : OUTSIDE;
      return { unix: false, uid: null, place: Promise.resolve(place) };
    }
    return { unix: false, uid: row.uid, place: this.#placeOfTcp(row, ends).catch(() => UNSEEN) };
  }

  async #placeOfTcp({ inode, uid }: TcpRow, ends: readonly [End, End]): Promise<Place> {
    if (inode === '0') return ENDED;
    const { found, closed } = await this.#search.holder(inode);
    const pid = found.get(inode);
    if (pid !== undefined) return this.#placeOf(pid);
    const own = process.getuid?.();
    if (uid !== own) return OUTSIDE;
    if (tcpRow(...ends)?.inode !== inode) return ENDED;
    // It is held by one of ours that hides its descriptors, as sshd does for a tunnel. A mark is seen all the same.
    const hiding = closed.filter(it => uidOf(it) === own);
    const places = hiding.map(it => this.#placeOf(it));
    return places.length > 0 && places.every(({ is }) => is === 'outside') ? OUTSIDE : UNSEEN;
  }

  #placeOf(first: number): Place {
    const begun = host.row(first);
    if (!begun || begun.zombie) return ENDED;
    let row: typeof begun | null = begun;
    for (let i = 0; row && row.pid > 1 && i < ANCESTORS_MAX; i++) {
      if (row.pid === process.pid) return OUTSIDE;
      const limit = hardLimitOf(row.pid);
      if (limit !== null && (this.#own_limit === null || limit < this.#own_limit)) return { is: 'inside' };
      if (host.markers([row.pid]).has(row.pid)) return { is: 'inside' };
      const cgroup = cgroupOf(row.pid);
      if (cgroup !== null && taskOfUnit(cgroup) !== null) return { is: 'inside' };
      row = host.row(row.ppid);
    }
    // One that ends while it is looked at shows no mark.
    const now = host.row(first);
    return now && !now.zombie && now.start === begun.start ? OUTSIDE : ENDED;
  }
}

/** Descriptors of all processes are gone through once for all connections that came together. */
class HolderSearch {
  #next: { inodes: Set<string>; holders: Promise<Holders> } | null = null;

  holder(inode: string): Promise<Holders> {
    this.#next ??= this.#plan();
    this.#next.inodes.add(inode);
    return this.#next.holders;
  }

  #plan() {
    const inodes = new Set<string>();
    const holders = new Promise<Holders>((resolve, reject) => {
      setImmediate(() => {
        this.#next = null;
        try {
          resolve(holdersOf(inodes));
        } catch (error) {
          reject(error);
        }
      });
    });
    return { inodes, holders };
  }
}

/** Users that tailscaled runs as: its word about a login of the tailnet is taken. */
export function tailscaleUids(passwd = readPasswd()): ReadonlySet<number> {
  const named = [...passwd.matchAll(/^tailscaled?:[^:\n]*:(\d+):/gm)].map(([, uid]) => Number(uid));
  return new Set([0, ...named]);
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
