/** The words of `rasen note` and `rasen answer`: an argument, or standard input; and what becomes of them. */
import { RasenError } from '../contract/errors.ts';
import type { Result } from '../index.ts';
import type { ArgumentSpec } from './command.ts';

/** More is no note; the supervisor takes less. */
const MAX_STDIN_BYTES = 1024 * 1024;

export const NOTE_ARGUMENTS: readonly ArgumentSpec[] = [
  {
    name: 'id',
    about: 'a task: id, part of it, name, or project folder; left out: the task of this project',
    optional: true,
  },
  {
    name: 'text',
    about: 'what to say, as one word of the shell; - reads it from standard input',
    optional: true,
  },
];

/** One argument is the text; of two the first is the task. */
export async function noteOf(
  [first, second]: readonly (string | undefined)[],
  verb: string,
): Promise<{ task: string | undefined; text: string }> {
  const word = second ?? first;
  const text = word === '-' ? await readStdin() : word;
  if (text === undefined || text.trim() === '')
    throw new RasenError('usage', 'there is nothing to say', {
      hint: `rasen ${verb} "the words", or from a file: rasen ${verb} - <FILE`,
    });
  return { task: second === undefined ? undefined : first, text };
}

async function readStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_STDIN_BYTES) throw new RasenError('usage', 'standard input is too long for a note');
  }
  return text;
}

export function notedText({ note, how, subtask }: Result<'task.note'>): string {
  return how === 'live'
    ? `Note ${note}: the session that works on ${subtask} is told.`
    : `Note ${note}: the next attempt is told.`;
}
