/**
 * Whether clients still reach the socket that systemd holds. When its file was removed, rasend binds another one at the
 * path (rpc/endpoint.ts): it serves, but nobody waits in the queue while rasend restarts, until the unit is started anew.
 */
import { existsSync, readFileSync } from 'node:fs';

/** Of /proc/net/unix: the flag of sockets that listen. */
const LISTENS = '00010000';

/** False where that cannot be seen. */
export function isDisplaced(socket: string): boolean {
  try {
    const listeners = listenersIn(readFileSync('/proc/net/unix', 'utf8'), socket);
    return listeners > 1 || (listeners === 1 && !existsSync(socket));
  } catch {
    return false;
  }
}

/** How many sockets listen that were bound at this path, whether its file is theirs or not. */
export function listenersIn(proc_net_unix: string, path: string): number {
  return proc_net_unix.split('\n').filter(line => {
    const [, , , flags, , , , ...rest] = line.split(' ').filter(word => word !== '');
    return flags === LISTENS && rest.join(' ') === path;
  }).length;
}
