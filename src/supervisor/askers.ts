/**
 * Who asks: the process at the other end of a connection, and whether it belongs to an attempt. A person decides; what
 * runs inside an attempt does not, whatever it says of itself. It is known by what it cannot take off (host/mark.ts), by the
 * control group of its unit, by the session of a live runner, by the marker in its environment, and by all of these of its
 * ancestors. What asks a service manager, at(1) or another user's program to start something for it is not seen here;
 * that takes a sandbox.
 */

import type { Origin } from '../contract/origin.ts';
import { hardLimitOf } from '../host/mark.ts';
import { markFor } from '../host/mark-of-task.ts';
import { newestStartAt, terminalOf } from '../host/process-stat.ts';
import { type PeerIds, SocketPeers } from '../host/socket-peer.ts';
import { asTrouble } from '../host/trouble.ts';
import { userEntry } from '../host/user.ts';
import type { PeerSocket } from '../rpc/server.ts';
import { cgroupOf } from '../runner/cage/cgroup.ts';
import { taskOfUnit } from '../runner/cage/unit-command.ts';
import type { ProcessRow } from '../runner/platform/host.ts';
import { host } from '../runner/platform/this-host.ts';
import type { Registry } from './registry.ts';

export interface Asker {
  origin: Origin;
  /** Why it cannot be told who that is, although this machine has the means; null: it is known, or there are none. */
  unknown: string | null;
}

/** Parents that are looked at. */
const ANCESTORS_MAX = 64;

type Tasks = Pick<Registry, 'all' | 'get' | 'size'>;

export class Askers {
  readonly #tasks: Tasks;
  readonly #peers: SocketPeers;
  readonly #known = new WeakMap<PeerSocket, Promise<Asker>>();
  /** Its own limit: where a supervisor was started from inside an attempt, all of its clients may have that. */
  readonly #own_limit = hardLimitOf('self');
  /** Tasks by their marks. */
  readonly #marks = new Map<string, string>();

  constructor(tasks: Tasks, peers = new SocketPeers()) {
    this.#tasks = tasks;
    this.#peers = peers;
  }

  /** False: this machine has no means to tell who asks. */
  get able(): boolean {
    return this.#peers.able;
  }

  /**
   * Looked up once for each connection. Throws `storage` or `overloaded` where the machine is in trouble: that is no proof
   * of a person, and another look may tell.
   */
  who(peer: PeerSocket): Promise<Asker> {
    const known = this.#known.get(peer) ?? this.#look(peer);
    this.#known.set(peer, known);
    return known.catch(error => {
      this.#known.delete(peer);
      const trouble = asTrouble(error, 'It cannot be told who asks');
      if (trouble) throw trouble;
      return {
        origin: { via: peer.program ?? 'socket' },
        unknown: 'the process that connected could not be looked at',
      };
    });
  }

  async #look(peer: PeerSocket): Promise<Asker> {
    const via = peer.program ?? 'socket';
    if (!this.able) return { origin: { via }, unknown: null };
    const ids = await this.#peers.peerOf(() => peer.fd);
    if (!ids) return { origin: { via }, unknown: 'its connection could not be looked at' };
    if (ids.pid === 0)
      return {
        origin: { via, ...userOf(ids) },
        unknown: 'it runs in a PID namespace that is not seen from here',
      };
    const origin: Origin = { via, pid: ids.pid, ...userOf(ids) };
    const row = host.row(ids.pid);
    // Its number may be another's by now.
    if (!row || row.zombie || Number(row.start) > newestStartAt(peer.since_s))
      return { origin, unknown: 'the process that connected has ended' };
    return { origin: { ...origin, ...ttyOf(ids.pid), ...this.#insideOf(row) }, unknown: null };
  }

  #insideOf(first: ProcessRow): Pick<Origin, 'task' | 'inside'> {
    let doubtful = false;
    let row: ProcessRow | null = first;
    for (let i = 0; row && row.pid > 1 && i < ANCESTORS_MAX; i++) {
      // A notice, a secret, a hook of git: its files may be an agent's, and nobody sits before it.
      if (row.pid === process.pid) return { inside: true };
      const limit = hardLimitOf(row.pid);
      const task = this.#named(row.pid) ?? this.#marked(limit) ?? this.#inSession(row.group);
      if (task !== null) return { task };
      // Nobody but an attempt has lowered it below ours; one that it lowered further says no task.
      doubtful ||= limit !== null && (this.#own_limit === null || limit < this.#own_limit);
      row = host.row(row.ppid);
    }
    return doubtful ? { inside: true } : {};
  }

  /** By unit or environment. No proof where no task has that name: a rasen in a task of another finds the names of both. */
  #named(pid: number): string | null {
    const cgroup = cgroupOf(pid);
    const named = [
      cgroup === null ? null : taskOfUnit(cgroup),
      host.markers([pid]).get(pid)?.split('/')[0] ?? null,
    ];
    return named.find(task => task !== null && this.#tasks.get(task) !== null) ?? null;
  }

  #marked(limit: bigint | null): string | null {
    if (limit === null) return null;
    if (this.#marks.size !== this.#tasks.size) {
      this.#marks.clear();
      for (const { id } of this.#tasks.all()) this.#marks.set(markFor(id), id);
    }
    return this.#marks.get(String(limit)) ?? null;
  }

  /** The session of a runner is its own as long as it lives. */
  #inSession(group: number): string | null {
    for (const { id, state } of this.#tasks.all())
      if (state?.steps.some(({ attempt }) => attempt?.pid === group && attempt.ended_at === null)) return id;
    return null;
  }
}

function userOf({ uid }: PeerIds): Pick<Origin, 'user'> {
  if (uid !== process.getuid?.()) return { user: uid === 0 ? 'root' : `uid ${uid}` };
  const { name, home } = userEntry();
  return { user: home === null ? `uid ${uid}` : name };
}

function ttyOf(pid: number): Pick<Origin, 'tty'> {
  const tty = terminalOf(pid);
  return tty === null ? {} : { tty };
}
