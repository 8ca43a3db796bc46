/**
 * Log lines as entries of the systemd journal, with their fields, in its native protocol: one datagram an entry, over a
 * socket that the service manager connected. See https://systemd.io/JOURNAL_NATIVE_PROTOCOL/.
 */
import { writeSync } from 'node:fs';
import type { LogStream } from '../../log.ts';
import { logEntry } from './log-entry.ts';
import { prefixedText, writeAll } from './log-stderr.ts';

const NAME_CHARS_MAX = 64;

/** What the journal does not take (too long, not there) goes to standard error, which ends in the journal as well. */
export function journalStream(fd: number): LogStream {
  return {
    write(line) {
      try {
        writeSync(fd, journalDatagram(journalFields(line)));
      } catch {
        writeAll(prefixedText(line));
      }
    },
    reopen: () => {},
  };
}

/** Our fields get the prefix RASEN_: `journalctl RASEN_TASK=…` finds what was said about a task. */
export function journalFields(line: string): [name: string, value: string][] {
  const { priority, text, stack, fields } = logEntry(line);
  return [
    ['MESSAGE', text],
    ['PRIORITY', String(priority)],
    ['SYSLOG_IDENTIFIER', 'rasend'],
    ...(stack ? [['STACK', stack] as [string, string]] : []),
    ...[...fields].map(([name, value]): [string, string] => [fieldName(name), value]),
  ];
}

export function journalDatagram(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => encodeField(name, value)));
}

/** A value with a line end must say how long it is. */
function encodeField(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

/** The journal drops fields whose names have other characters. */
function fieldName(name: string): string {
  return `RASEN_${name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')}`.slice(0, NAME_CHARS_MAX);
}
