/** `--env NAME` and `--env NAME=VALUE` of `rasen run`: variables of the task beside those that are captured anyway. */

import { usage } from '../contract/errors.ts';
import type { AskedEnv } from './captured-env.ts';

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
