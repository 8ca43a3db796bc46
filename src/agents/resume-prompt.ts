/** What a session is told that is gone on with. It remembers its first prompt; short, so that it goes on and does not begin. */
import type { AttemptRecord, Note, Step } from '../engine/state.ts';
import { interruption, notesText } from './prompt-values.ts';

export function resumePrompt(step: Step, result_file: string, notes: readonly Note[]): string {
  const last: AttemptRecord | undefined = step.history.at(-1);
  const lines = [
    `${last ? interruption(last) : 'You were interrupted.'} This is the same session, and the working folder is as you left it; what was not committed has been committed for you. Commands that you had started do not run any more; one that looks rejected or aborted was cut off by the interruption, and nobody objects to it.`,
    `Go on with subtask ${step.id} where you stopped. All rules of the first prompt hold. At the end write one JSON file to ${result_file} (also in $RASEN_RESULT_FILE): another path than before, in the same form.`,
  ];
  if (notes.length > 0) lines.push(`The user adds:\n${notesText(notes)}`);
  return `${lines.join('\n\n')}\n`;
}
