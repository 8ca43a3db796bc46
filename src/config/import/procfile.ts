/** Procfile: `release` is run once and ends, every other process stays up. */
import { entryAt, type Imported, STAYS_UP } from './imported.ts';

export const PROCESS = /^([A-Za-z0-9_-]+):\s*(\S.*)$/;

export function importProcfile(text: string): Imported {
  const result: Imported = { kind: 'Procfile', gives: 'plan', taken: [], left: [], file: null };
  const subtasks: Record<string, unknown> = {};
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    const line = full.trim();
    if (line === '' || line.startsWith('#')) continue;
    const process = PROCESS.exec(line);
    const entry = entryAt(process?.[1] ?? line.slice(0, 40), { line: index + 1 });
    if (process === null) result.left.push({ ...entry, why: 'it is not written as NAME: COMMAND' });
    else if (process[1] !== 'release') result.left.push({ ...entry, why: STAYS_UP });
    else if (subtasks.release)
      result.left.push({ ...entry, why: 'there is another one of the name before it' });
    else {
      subtasks.release = { shell: true, run: process[2] };
      result.taken.push({ ...entry, as: 'subtask release' });
    }
  }
  return result.taken.length === 0 ? result : { ...result, file: { subtasks } };
}
