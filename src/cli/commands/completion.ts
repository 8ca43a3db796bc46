/** `rasen completion`: the completion script of a shell, and what the scripts ask while somebody types. */
import type { TaskView } from '../../index.ts';
import { defineCommand } from '../command.ts';
import { completionScript, SHELLS, type Shell } from '../completion-script.ts';
import { usage } from '../errors.ts';
import { oneLine } from '../output.ts';

/** A word that no shell takes for more than one, or for anything else. */
const PLAIN = /^[A-Za-z0-9_][\w.@%+-]*$/;
/** The end of an id, as in `rasen list`. */
const SHORT_ID_CHARS = 8;

export const completion = defineCommand({
  name: 'completion',
  summary: 'Print the completion script for a shell',
  details: [
    'With the word "tasks" or "triggers" in place of a shell it prints what the scripts complete those with.',
  ],
  arguments: [{ name: 'shell', about: 'bash, zsh or fish' }],
  options: [],
  examples: [
    { command: 'source <(rasen completion bash)', about: 'in ~/.bashrc' },
    { command: 'source <(rasen completion zsh)', about: 'in ~/.zshrc' },
    { command: 'rasen completion fish > ~/.config/fish/completions/rasen.fish', about: 'for fish' },
  ],
  async run({ args: [shell] }, { out, commands, link }) {
    if (shell === 'tasks') return out.print(taskWords(await link.call('task.list', {})));
    if (shell === 'triggers') {
      const views = await link.call('trigger.list', {});
      return out.print(views.map(({ name, status }) => `${name}\t${status}\n`).join(''));
    }
    if (!SHELLS.includes(shell as Shell))
      throw usage(`Unsupported shell: "${shell}" (${SHELLS.join(', ')}).`);
    out.print(completionScript(shell as Shell, commands));
  },
});

/** The name of each task, or where that is no single word or a newer one has it, the end of its id. Newest first. */
export function taskWords(views: readonly Pick<TaskView, 'id' | 'name' | 'status'>[]): string {
  const taken = new Set<string>();
  return views
    .map(({ id, name, status }) => {
      const word = PLAIN.test(name) && !taken.has(name) ? name : id.slice(-SHORT_ID_CHARS);
      taken.add(word);
      return `${word}\t${status}${word === name ? '' : `: ${oneLine(name, 60)}`}\n`;
    })
    .join('');
}
