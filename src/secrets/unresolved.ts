/** Why a secret has no value now. Thrown by the readers of each kind of reference; resolve.ts makes the error of it. */

export class Unresolved extends Error {
  /** What to do, as a sentence. */
  readonly hint: string;

  /** `why` completes "the secret NAME (env:NAME) cannot be used: …"; neither text may have anything of a value. */
  constructor(why: string, hint: string) {
    super(why);
    this.hint = hint;
  }
}
