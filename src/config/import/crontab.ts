/** A crontab: every line of it is a schedule, which is a trigger and no subtask. It is left, with the command that makes one. */
import { entryAt, type Imported, shellWord } from './imported.ts';

const FIELD = '(?:[\\d*/,LW#?-]+|(?:[a-z]{3}[,-]?)+(?:/\\d+)?)';
export const SCHEDULE = new RegExp(
  `^(@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly|every \\S+)|${FIELD}(?:\\s+${FIELD}){4})\\s+(\\S.*)$`,
  'i',
);
/** What short names stand for; see crontab(5). */
const SHORT: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const VARIABLE = /^[A-Za-z_]\w*\s*=/;

export function importCrontab(text: string): Imported {
  const result: Imported = { kind: 'crontab', gives: 'plan', taken: [], left: [], file: null };
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    const line = full.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, when = '', command] = SCHEDULE.exec(line) ?? [];
    const entry = entryAt((command ?? line).slice(0, 60), { line: index + 1 });
    if (VARIABLE.test(line)) result.left.push({ ...entry, why: 'it sets a variable for schedules' });
    else if (command === undefined) result.left.push({ ...entry, why: 'it is no line of a crontab' });
    else result.left.push({ ...entry, why: triggerText(when.toLowerCase(), shellWord(command)) });
  }
  return result;
}

function triggerText(when: string, command: string): string {
  if (when === '@reboot')
    return 'there is no trigger for a boot; a task that is not over goes on at one by itself';
  const [, every] = /^@every (\S+)$/.exec(when) ?? [];
  const flag = every === undefined ? `--cron '${SHORT[when] ?? when}'` : `--every ${shellWord(every)}`;
  return `it is a trigger: rasen run ${flag} -- sh -c ${command}`;
}
