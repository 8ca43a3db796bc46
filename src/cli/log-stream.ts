/**
 * Reads the log of a task over restarts of the supervisor: the cursor of the last records that were shown is where the
 * next connection goes on, so nothing is missing and nothing comes twice. Where no supervisor runs and the task does not
 * go on by itself, the rest comes from the disk, and that is the end.
 */

import type { Params } from '../contract/methods/index.ts';
import type { LogCursor, LogRecord } from '../contract/methods/log.follow.ts';
import type { Client } from '../index.ts';
import type { Link } from './link.ts';

export interface LogRequest extends Omit<Params<'log.follow'>, 'cursor'> {
  /** Shows one record; nothing more is read until it is done. */
  show(record: LogRecord): Promise<void> | undefined;
  signal?: AbortSignal;
}

export interface LogEnd {
  cursor: LogCursor | undefined;
  /** The task is over and there will be no more. False where it was followed: no supervisor runs, and it is stopped. */
  ended: boolean;
}

/** Throws what the supervisor answers, and `cancelled` when the signal ends it. */
export async function readLog(link: Link, request: LogRequest, from?: LogCursor): Promise<LogEnd> {
  const { show, signal, lines, ...params } = request;
  let cursor = from;
  const attempt = async (client: Pick<Client, 'stream'>, alive: () => void): Promise<LogEnd> => {
    const where = cursor ? { cursor } : lines === undefined ? {} : { lines };
    return await client.stream(
      'log.follow',
      { ...params, ...where },
      async (_method, data: { records: LogRecord[]; cursor: LogCursor }) => {
        alive();
        for (const record of data.records) await show(record);
        cursor = data.cursor;
      },
      signal ? { signal } : {},
    );
  };
  try {
    const end = await link.persist<LogEnd>(attempt, {
      ...(params.follow
        ? {
            settled: async disk => (disk.goesOn([params.task]) ? undefined : await attempt(disk, () => {})),
          }
        : { reads: true }),
      patience_ms: link.limits.stream_patience_ms,
    });
    return { cursor: end.cursor ?? cursor, ended: end.ended };
  } catch (error) {
    if (signal?.aborted) return { cursor, ended: false };
    throw error;
  }
}
