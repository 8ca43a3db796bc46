/** `--env NAME` and `--env NAME=VALUE` of `rasen run`: variables of the task beside those that are captured anyway. */
import type { AskedEnv } from './captured-env.ts';
import type { OptionSpec } from './command.ts';
import { usage } from './errors.ts';

export const ENV_OPTION: OptionSpec = {
  flags: '--env <name>',
  about: 'hand this variable to the task, too: NAME, NAME=VALUE or START*; may be repeated',
  parse: (text, before) => [...((before as string[] | undefined) ?? []), text],
};

/** Throws `usage` for what is no variable, and for a name that is not set here: the task would miss it. */
export function askedEnv(words: readonly string[], env: NodeJS.ProcessEnv): AskedEnv {
  const pass: string[] = [];
  const set: Record<string, string> = {};
  for (const word of words) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (name === undefined && !/^(?:[A-Za-z_][A-Za-z0-9_]*)?\*$/.test(word))
      // Not what was written: it may be a value.
      throw usage(
        '--env was given what is no variable.',
        'For example: --env NAME, --env NAME=VALUE, --env "AWS_*"',
      );
    if (name !== undefined && value !== undefined) set[name] = value;
    else if (name !== undefined && env[name] === undefined)
      throw usage(
        `--env ${name}: ${name} is not set here.`,
        `Set it, or give its value: --env ${name}=VALUE`,
      );
    else pass.push(word);
  }
  return { pass, set };
}
