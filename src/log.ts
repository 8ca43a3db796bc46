/** The supervisor's own log: JSON lines by pino, to a file or to standard error where a service manager keeps it. */
import { renameSync, statSync } from 'node:fs';
import pino from 'pino';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log that has grown beyond this is put aside as `.old` at the next start. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;

/** `destination`: a path, or null for standard error. Written synchronously: the last line before a crash counts most. */
export function openLog(destination: string | null, level: string): Log {
  if (destination !== null && (statSync(destination, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES)
    renameSync(destination, `${destination}.old`);
  const stream = pino.destination({ dest: destination ?? 2, sync: true, mkdir: true, mode: 0o600 });
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: pino.stdSerializers.err },
    },
    stream,
  );
}
