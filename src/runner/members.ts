/**
 * Finds the living processes of many attempts in one look at the process table. Used by the cage and by the supervisor
 * for its sweeps; it never signals.
 *
 * A process belongs to an attempt when it carries the attempt's marker, or is in the session that the runner made. The
 * number of a session can be reused after the runner and all others in it are gone, so it counts only while one of
 * these proves that it is still the runner's:
 *   - the runner itself is there (also as a zombie: its number is taken);
 *   - somebody in the session carries the marker;
 *   - somebody in the session started before the runner recorded the end.
 * What clears its environment *and* leaves the session escapes; the `unit` cage has no such hole.
 */
import type { Identity } from './identity.ts';
import type { ProcessRow } from './platform/host.ts';
import { host } from './platform/this-host.ts';

export interface Member {
  pid: number;
  start: string;
}

export interface MemberQuery {
  marker: string;
  /** Of the runner; null when it never reported. */
  identity: Identity | null;
  /** `up` of the exit record, when there is one. */
  up?: string | null;
}

/** Members by marker, without the runners themselves and without zombies; every marker asked for has an entry. */
export function findMembers(queries: readonly MemberQuery[]): Map<string, Member[]> {
  const found = new Map<string, Member[]>(queries.map(query => [query.marker, []]));
  // Nothing of an earlier boot lives.
  const live = queries.filter(({ identity }) => !identity || identity.boot === host.bootId());
  if (live.length === 0) return found;

  const table = host.table().filter(row => row.pid !== process.pid);
  const sessions = Map.groupBy(table, row => row.group);
  const proven = new Map<MemberQuery, ProcessRow[]>();
  const doubtful = new Map<MemberQuery, ProcessRow[]>();
  for (const query of live) {
    const rows = sessionOf(query, sessions);
    (isProven(query, rows) ? proven : doubtful).set(query, rows);
  }

  const settled = new Set([...proven.values()].flat());
  const oldest = oldestStart(live);
  const asked = table.filter(
    row =>
      !settled.has(row) && !row.zombie && (oldest === null || host.compareStarts(row.start, oldest) >= 0),
  );
  const markers = host.markers(asked.map(row => row.pid));
  const byMarker = Map.groupBy(asked, row => markers.get(row.pid));
  for (const query of live) {
    const marked = (byMarker.get(query.marker) ?? []).filter(row => !isOlder(row, query));
    const rows = new Set(marked);
    const session = proven.get(query) ?? doubtful.get(query)!;
    if (proven.has(query) || session.some(row => rows.has(row))) for (const row of session) rows.add(row);
    for (const row of rows) {
      if (!row.zombie && row.pid !== query.identity?.pid) {
        found.get(query.marker)!.push({ pid: row.pid, start: row.start });
      }
    }
  }
  return found;
}

function sessionOf({ identity }: MemberQuery, sessions: Map<number, ProcessRow[]>): ProcessRow[] {
  if (!identity) return [];
  return (sessions.get(identity.pid) ?? []).filter(row => host.compareStarts(row.start, identity.start) >= 0);
}

function isProven({ identity, up }: MemberQuery, session: readonly ProcessRow[]): boolean {
  if (session.some(row => row.pid === identity?.pid)) {
    return session.some(row => row.pid === identity?.pid && row.start === identity.start);
  }
  const end = up ? host.startOfUptime(up) : null;
  return end !== null && session.some(row => host.compareStarts(row.start, end) <= 0);
}

function isOlder(row: ProcessRow, { identity }: MemberQuery): boolean {
  return identity !== null && host.compareStarts(row.start, identity.start) < 0;
}

/** Null: one runner never reported, so there is no bound. */
function oldestStart(queries: readonly MemberQuery[]): string | null {
  let oldest: string | null = null;
  for (const { identity } of queries) {
    if (!identity) return null;
    if (oldest === null || host.compareStarts(identity.start, oldest) < 0) oldest = identity.start;
  }
  return oldest;
}
