/**
 * A seal: one JSON object on one line that ends with a checksum of everything before it. Lines of the journal,
 * snapshots and env.json are sealed, so that a change of any byte is seen. The layout is frozen over all formats.
 *
 *   {"any":"thing","crc":"1f0c66ab"}
 */
import { crc32 } from 'node:zlib';

/** `,"crc":"1f0c66ab"}`, at the end of a line. */
const TAIL = /^,"crc":"([0-9a-f]{8})"\}$/;
const TAIL_BYTES = 18;
/** Closes the object that the checksum is of. */
const CLOSE = '}';

/** A checksum as it is written. */
export const hex = (crc: number) => crc.toString(16).padStart(8, '0');

/** `value` must have a field at least. Without the line end. */
export function seal(value: object): string {
  const body = JSON.stringify(value);
  return `${body.slice(0, -1)},"crc":"${hex(crc32(body))}"${CLOSE}`;
}

/** What was sealed, or null when it is not exactly that any more. */
export function unseal(line: Buffer): Record<string, unknown> | null {
  const end = line.length - TAIL_BYTES;
  if (end < 1) return null;
  const crc = TAIL.exec(line.toString('latin1', end))?.[1];
  const body = line.subarray(0, end);
  if (crc === undefined || crc !== hex(crc32(CLOSE, crc32(body)))) return null;
  try {
    const value: unknown = JSON.parse(body.toString('utf8') + CLOSE);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
