/** Procfile: `release` is run once and ends, before every other process, each of which stays up as a service. */
import { plainId } from '../plan-id.ts';
import { entryAt, type Imported } from './imported.ts';

export const PROCESS = /^([A-Za-z0-9_-]+):\s*(\S.*)$/;

export function importProcfile(text: string): Imported {
  const result: Imported = { kind: 'Procfile', gives: 'plan', taken: [], left: [], file: null };
  const subtasks: Record<string, Record<string, unknown>> = {};
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    const line = full.trim();
    if (line === '' || line.startsWith('#')) continue;
    const process = PROCESS.exec(line);
    const entry = entryAt(process?.[1] ?? line.slice(0, 40), { line: index + 1 });
    const id = process && plainId(process[1]!);
    if (!process || !id) result.left.push({ ...entry, why: 'it is not written as NAME: COMMAND' });
    else if (subtasks[id]) result.left.push({ ...entry, why: 'there is another one of the name before it' });
    else {
      const is_release = process[1] === 'release';
      subtasks[id] = is_release ? { shell: true, run: process[2] } : service(process[2]!);
      result.taken.push({ ...entry, as: `${is_release ? 'subtask' : 'service'} ${id}` });
    }
  }
  if (subtasks.release)
    for (const [id, subtask] of Object.entries(subtasks)) if (id !== 'release') subtask.needs = ['release'];
  return result.taken.length === 0 ? result : { ...result, file: { subtasks } };
}

/** What asks for a port gets one, as those who run such files give it. */
function service(command: string): Record<string, unknown> {
  return { shell: true, keep: command, ...(/\$\{?PORT\b/.test(command) ? { port: 'auto' } : {}) };
}
