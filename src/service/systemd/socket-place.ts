/**
 * Whether clients still reach the socket that systemd holds. When its file was removed, rasend binds another one at the
 * path (rpc/endpoint.ts): it serves, but nobody waits in the queue while rasend restarts, until the unit is started anew.
 */
import { existsSync } from 'node:fs';
import { listenersAt } from '../../util/listening.ts';

/** False where that cannot be seen. */
export function isDisplaced(socket: string): boolean {
  const listeners = listenersAt(socket);
  return listeners > 1 || (listeners === 1 && !existsSync(socket));
}
