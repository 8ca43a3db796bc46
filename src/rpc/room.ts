/**
 * Who has a place on the server when more want one than there are: a new connection always gets one, as long as another
 * is idle. Whoever is closed is told why. Used by server.ts only.
 */
import { RasenError } from '../contract/errors.ts';
import type { Limits } from './limits.ts';
import type { Log, Peer } from './peer.ts';

/** A client that has just come is about to say something. One that still has not after this time is the first to go. */
const SILENT_MS = 100;
/** A crowd is told of so often. */
const LOG_MS = 10_000;

export class Room {
  readonly #peers: ReadonlySet<Peer>;
  readonly #limits: Limits;
  readonly #log: Log;
  #closed = 0;
  #refused = 0;
  #told_at = Number.NEGATIVE_INFINITY;

  constructor(peers: ReadonlySet<Peer>, limits: Limits, log: Log) {
    this.#peers = peers;
    this.#limits = limits;
    this.#log = log;
  }

  /** Makes room for one more. False: everybody is busy. */
  make(): boolean {
    const { connections } = this.#limits;
    if (this.#peers.size < connections) return true;
    let open = 0;
    let leaving: Peer | undefined;
    for (const peer of this.#peers) {
      if (!peer.finished) open++;
      else leaving ??= peer;
    }
    // Those that were told to go take a while to read it, but no more places than everybody else.
    if (this.#peers.size - open >= connections) leaving?.destroy();
    if (open < connections) return true;
    const idlest = longestIdle(this.#peers, connections);
    if (!idlest) return false;
    idlest.turnAway(
      new RasenError(
        'overloaded',
        'Closing: nothing was asked here for a while, and others need the place.',
        {
          hint: 'Connect again when there is something to ask.',
        },
      ),
    );
    this.#closed++;
    this.#tell();
    return true;
  }

  refuse(peer: Peer): void {
    const { connections } = this.#limits;
    peer.turnAway(
      new RasenError(
        'overloaded',
        `All ${connections} connections have requests that are not answered yet.`,
        {
          hint: 'Try again in a moment, or end a client that follows a task.',
        },
      ),
    );
    this.full();
  }

  /** One more than could be told so. */
  full(): void {
    this.#refused++;
    this.#tell();
  }

  #tell(): void {
    const now = performance.now();
    if (now - this.#told_at < LOG_MS) return;
    this.#told_at = now;
    const facts = { connections: this.#peers.size, closed: this.#closed, refused: this.#refused };
    this.#log.warn(facts, 'too many connections; the longest idle are closed for new ones');
    this.#closed = 0;
    this.#refused = 0;
  }
}

/**
 * Those that come and never say anything go first; then, where such are most of all, the oldest of them, so that a flood
 * does not close those who did ask something; else whoever asked nothing for longest.
 */
function longestIdle(peers: Iterable<Peer>, places: number): Peer | null {
  let [oldest, silent]: [Peer | null, Peer | null] = [null, null];
  let [since, silent_since] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let silents = 0;
  for (const peer of peers) {
    const { idle_since } = peer;
    if (idle_since === null) continue;
    if (idle_since < since) [oldest, since] = [peer, idle_since];
    if (!peer.silent) continue;
    silents++;
    if (idle_since < silent_since) [silent, silent_since] = [peer, idle_since];
  }
  const stale = performance.now() - silent_since > SILENT_MS;
  return stale || silents > places / 2 ? silent : oldest;
}
