/** Which Unix sockets listen, as Linux tells it to everybody in /proc/net/unix: whether somebody is behind a path. */
import { readFileSync } from 'node:fs';

/** The flag of sockets that listen. */
const LISTENS = '00010000';

/** How many sockets listen that were bound at this path, whether its file is theirs or not. 0 where that cannot be seen. */
export function listenersAt(path: string): number {
  try {
    return listenersIn(readFileSync('/proc/net/unix', 'utf8'), path);
  } catch {
    return 0;
  }
}

/** From the text of /proc/net/unix. */
export function listenersIn(proc_net_unix: string, path: string): number {
  return proc_net_unix.split('\n').filter(line => {
    const [, , , flags, , , , ...rest] = line.split(' ').filter(word => word !== '');
    return flags === LISTENS && rest.join(' ') === path;
  }).length;
}
