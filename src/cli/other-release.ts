/**
 * A supervisor of another release than this command, as after an upgrade that did not restart it. What it does not know is
 * left out of an order where that changes nothing (submit.ts); all else is refused in words, and not as a bad request.
 */
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { Client } from '../index.ts';
import { VERSION } from '../version.ts';

/** A parameter that the other side does not know. */
export interface UnknownKey {
  /** Of the object that holds it, from the params of the request on. */
  path: readonly string[];
  key: string;
}

const UNKNOWN = /^Unrecognized keys?: (.+)$/;
/** From the answer to an order that was too large for a line, which has no list of issues. */
const UNKNOWN_IN_ORDER = /is not what task\.run takes: ([^:\s]+): (Unrecognized keys?: .+)\.$/;

/** What of a request was refused because it is not known; empty where the answer says anything else. */
export function unknownKeys(error: unknown): UnknownKey[] {
  if (!isRasenError(error) || error.kind !== 'usage') return [];
  return issuesOf(error).flatMap(({ path, message }) => {
    const names = UNKNOWN.exec(message)?.[1] ?? '';
    return [...names.matchAll(/"([^"]+)"/g)].map(([, key]) => ({ path, key: key! }));
  });
}

/**
 * The error to show for one that a supervisor of another release gave: `incompatible`, with both versions and the command
 * that ends the difference. Any other error is returned as it is.
 */
export async function explainMisfit(
  error: unknown,
  client: Pick<Client, 'hello'>,
  howToRestart: () => Promise<string>,
): Promise<unknown> {
  const what = misunderstood(error);
  if (what === null) return error;
  const { server } = await client.hello;
  const hint = `Restart it, which no task notices: ${await howToRestart()}`;
  return new RasenError('incompatible', `rasend ${server.version} ${comparison(server.version)}: ${what}.`, {
    hint,
    data: { client: VERSION, server: server.version },
    cause: error,
  });
}

/** What a supervisor of the same release would have understood; null: the answer is about something else. */
function misunderstood(error: unknown): string | null {
  const keys = unknownKeys(error);
  if (keys.length > 0)
    return `it does not know ${keys.map(({ path, key }) => [...path, key].join('.')).join(', ')}`;
  if (!isRasenError(error) || error.kind !== 'usage') return null;
  const method = /^Method not found: "([^"]+)"/.exec(error.message)?.[1];
  return method === undefined ? null : `it does not know ${method}`;
}

function comparison(server: string): string {
  const order = server.localeCompare(VERSION, 'en', { numeric: true });
  if (order === 0) return 'is another build than this rasen';
  return `is ${order < 0 ? 'older' : 'newer'} than this rasen (${VERSION})`;
}

function issuesOf({ message, data }: RasenError): { path: string[]; message: string }[] {
  const order = UNKNOWN_IN_ORDER.exec(message);
  if (order) return [{ path: order[1]!.split('.'), message: order[2]! }];
  const issues: unknown = data?.issues;
  if (!Array.isArray(issues)) return [];
  return issues.filter(
    issue => Array.isArray(issue?.path) && typeof issue.message === 'string',
  ) as ReturnType<typeof issuesOf>;
}
