/** `--env` of the commands that submit. */
import { many, type OptionSpec } from './command.ts';

export const ENV_OPTION: OptionSpec = {
  flags: '--env <name>',
  about: 'hand this variable to the task, too: NAME, NAME=VALUE or START*; may be repeated',
  parse: many,
};
