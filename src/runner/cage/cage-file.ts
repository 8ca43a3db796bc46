/**
 * The file `cage` of an attempt's directory: which cage it was started in. Written before the start, since a supervisor
 * with another cage may have to stop it. Absent: the `group` cage.
 */
import { join } from 'node:path';
import { syncDirectory, writeSynced } from '../durable.ts';
import { readSmall } from '../small-file.ts';

export interface UnitRecord {
  kind: 'unit';
  /** Name of the transient unit. */
  unit: string;
}

export async function writeCage(dir: string, record: UnitRecord): Promise<void> {
  await writeSynced(join(dir, 'cage'), `${JSON.stringify({ v: 1, ...record })}\n`);
  await syncDirectory(dir);
}

/** Null: none, or one that cannot be read. */
export function readCage(dir: string): UnitRecord | null {
  try {
    const json = JSON.parse(readSmall(join(dir, 'cage'))?.text ?? 'null');
    return json?.v === 1 && json.kind === 'unit' && typeof json.unit === 'string' ? json : null;
  } catch {
    return null;
  }
}
