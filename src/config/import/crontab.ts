/** A crontab: every line of it is a schedule, and this version has none. What is run can be run once. */
import { entryAt, type Imported, shellWord } from './imported.ts';

const FIELD = '(?:[\\d*/,LW#?-]+|(?:[a-z]{3}[,-]?)+(?:/\\d+)?)';
export const SCHEDULE = new RegExp(
  `^(?:@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly|every \\S+)|${FIELD}(?:\\s+${FIELD}){4})\\s+(\\S.*)$`,
  'i',
);
const VARIABLE = /^[A-Za-z_]\w*\s*=/;

export function importCrontab(text: string): Imported {
  const result: Imported = { kind: 'crontab', gives: 'plan', taken: [], left: [], file: null };
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    const line = full.trim();
    if (line === '' || line.startsWith('#')) continue;
    const command = SCHEDULE.exec(line)?.[1];
    const entry = entryAt((command ?? line).slice(0, 60), { line: index + 1 });
    if (VARIABLE.test(line)) result.left.push({ ...entry, why: 'it sets a variable for schedules' });
    else if (command === undefined) result.left.push({ ...entry, why: 'it is no line of a crontab' });
    else
      result.left.push({
        ...entry,
        why: `this version has no schedules; once: rasen run -- sh -c ${shellWord(command)}`,
      });
  }
  return result;
}
