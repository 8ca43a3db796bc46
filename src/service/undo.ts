/**
 * What an installation, or a start, has done so far, to be taken back in reverse order when a later step fails: nothing
 * half-installed is left. Used by the managers in systemd/ and launchd/.
 */
import { isRasenError, messageOf, RasenError } from '../contract/errors.ts';

interface Step {
  what: string;
  back(): void | Promise<void>;
}

export class Undo {
  readonly #steps: Step[] = [];
  readonly #outcome: string | null;

  /** `outcome`: what is told when everything could be taken back; null: nothing. */
  constructor(outcome: string | null = 'Nothing was installed.') {
    this.#outcome = outcome;
  }

  /** `what` names, for the message, the thing that stays when it cannot be taken back. */
  add(what: string, back: Step['back']): void {
    this.#steps.push({ what, back });
  }

  /** Takes everything back, then gives `error` with what is left named in its hint. */
  async because(error: unknown): Promise<unknown> {
    const left: string[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step.back();
      } catch (problem) {
        left.push(`${step.what} (${messageOf(problem)})`);
      }
    }
    if (!isRasenError(error)) return error;
    const outcome = left.length === 0 ? this.#outcome : `Left behind: ${left.join('; ')}.`;
    const { kind, message, hint, data } = error;
    return new RasenError(kind, message, {
      hint: [hint, outcome].filter(text => text).join('\n  '),
      ...(data ? { data } : {}),
      cause: error,
    });
  }
}
