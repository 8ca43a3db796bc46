/** Renders what went wrong: one way for every command, for people on stderr and for programs as JSON on stdout. */
import { isRasenError, RasenError } from '../contract/errors.ts';
import { systemError } from '../host/system-error.ts';
import type { Output } from './output.ts';

export { usage } from '../contract/errors.ts';

/** Shows the error; gives the exit status. A stack is shown only where RASEN_DEBUG asks for it. */
export function reportError(error: unknown, out: Output, env: NodeJS.ProcessEnv): number {
  const said = sayError(error, out, env);
  if (out.json) out.value({ error: said.error });
  return said.status;
}

/** The same for one of many answers: on stderr alone. */
export function sayError(error: unknown, out: Output, env: NodeJS.ProcessEnv) {
  const expected = isRasenError(error) ? error : systemError(error);
  const known = expected ?? new RasenError('internal', 'internal error', { hint: BUG });
  const { kind, message, hint, data } = known;
  out.note(message);
  if (hint) out.say(`  ${hint}\n`);
  if (!isRasenError(error) && env.RASEN_DEBUG && error instanceof Error) out.say(`${error.stack}\n`);
  return { status: known.exit, error: { kind, message, hint: hint ?? null, data: data ?? null } };
}

const BUG = 'This is a bug of rasen. RASEN_DEBUG=1 in front of the command shows where it happened.';
