/** `rasen answer`: answer the question that a task is blocked with. */
import { defineCommand, FORMAT } from '../command.ts';
import { NOTE_ARGUMENTS, notedText, noteOf } from '../note-text.ts';
import { changeTask } from '../task-calls.ts';

export const answer = defineCommand({
  name: 'answer',
  summary: 'Answer the question of a blocked task, and go on with it',
  details: [
    'A note and a resume in one: the next attempt is told the answer. Refused for a task that waits for no answer. A supervisor is started where none answers.',
  ],
  arguments: NOTE_ARGUMENTS,
  options: FORMAT,
  examples: [
    { command: 'rasen answer "PostgreSQL 17"', about: 'to the question that `rasen status` shows' },
    { command: 'rasen answer nightly-build - <answer.txt', about: 'to another task, from a file' },
  ],
  async run({ args }, context) {
    const { out } = context;
    const { task, text } = await noteOf(args, 'answer');
    const noted = await changeTask(context, 'task.answer', task, { text });
    out.reply(noted, () => `${notedText(noted)} The task goes on.`);
  },
});
