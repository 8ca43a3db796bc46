/** Renders what went wrong: one way for every command, for people on stderr and for programs as JSON on stdout. */
import { EXIT, isRasenError, RasenError } from '../errors.ts';
import type { Output } from './output.ts';

/** Shows the error; gives the exit status. A stack is shown only where RASEN_DEBUG asks for it. */
export function reportError(error: unknown, out: Output, env: NodeJS.ProcessEnv): number {
  const known = isRasenError(error) ? error : new RasenError('internal', 'internal error', { hint: BUG });
  if (out.json) {
    const { kind, message, hint, data } = known;
    out.value({ error: { kind, message, hint: hint ?? null, data: data ?? null } });
  }
  out.note(known.message);
  if (known.hint) out.say(`  ${known.hint}\n`);
  if (!isRasenError(error) && env.RASEN_DEBUG && error instanceof Error) out.say(`${error.stack}\n`);
  return isRasenError(error) ? known.exit : EXIT.internal;
}

const BUG = 'This is a bug of rasen. RASEN_DEBUG=1 in front of the command shows where it happened.';

export function usage(message: string, hint?: string): RasenError {
  return new RasenError('usage', message, hint === undefined ? {} : { hint });
}
