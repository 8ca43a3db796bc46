/** `rasen completion`: the completion script of a shell. */
import { defineCommand } from '../command.ts';
import { completionScript, SHELLS, type Shell } from '../completion-script.ts';
import { usage } from '../errors.ts';

export const completion = defineCommand({
  name: 'completion',
  summary: 'Print the completion script for a shell',
  arguments: [{ name: 'shell', about: 'bash, zsh or fish' }],
  options: [],
  examples: [
    { command: 'source <(rasen completion bash)', about: 'in ~/.bashrc' },
    { command: 'rasen completion fish > ~/.config/fish/completions/rasen.fish', about: 'for fish' },
  ],
  async run({ args: [shell] }, { out, commands }) {
    if (!SHELLS.includes(shell as Shell))
      throw usage(`"${shell}" is no shell that I know.`, `Known: ${SHELLS.join(', ')}.`);
    out.print(completionScript(shell as Shell, commands));
  },
});
