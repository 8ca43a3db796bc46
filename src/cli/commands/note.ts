/** `rasen note`: say something to the agents of a task. */
import { defineCommand, FORMAT } from '../command.ts';
import { NOTE_ARGUMENTS, notedText, noteOf } from '../note-text.ts';
import { changeTask } from '../task-calls.ts';

export const note = defineCommand({
  name: 'note',
  summary: 'Say something to the agents of a task',
  details: [
    'A session that runs is told at once where its agent can be spoken with while it works; it goes on meanwhile. Everybody else finds it in the prompt of the next attempt. The answer says which of the two it is, and `rasen status` shows what was not told yet. A task of commands alone has nobody to tell, and refuses.',
  ],
  arguments: NOTE_ARGUMENTS,
  options: FORMAT,
  examples: [
    { command: 'rasen note "use the library that is there"', about: 'to the task of this project' },
    { command: 'rasen note nightly-build - <remarks.txt', about: 'to another one, from a file' },
  ],
  async run({ args }, context) {
    const { task, text } = await noteOf(args, 'note');
    const noted = await changeTask(context, 'task.note', task, { text });
    context.out.reply(noted, () => notedText(noted));
  },
});
