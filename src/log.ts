/**
 * The supervisor's own log: JSON lines by pino, into a stream that decides where they go and in which form. The streams
 * are in service/runtime/log-stream.ts, which chooses one.
 */
import pino from 'pino';
import { safeJson } from './util/terminal-text.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Takes the lines. Writes before it returns: the last line before a crash counts most. Never throws. */
export interface LogStream {
  /** One line, with its end. */
  write(line: string): void;
  /** Somebody has moved the file away. */
  reopen(): void;
}

/** A log whose level can be changed while it is in use. */
export type LeveledLog = Log & { level: string };

export function makeLog(stream: LogStream, level: LogLevel): LeveledLog {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: pino.stdSerializers.err },
    },
    { write: line => stream.write(safeJson(line)) },
  );
}
