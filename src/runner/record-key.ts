/**
 * What makes a record of a runner a record: programs of the same user can write the files of a job, but only its runner
 * has the words with which the end of the job is signed. They are drawn for this one job, reach the runner by a way on
 * which they are no file that stays, and each of them stands for one digit of one possible end. The runner adds those of
 * the end that there was; all the others stay unknown to everybody, so that no other end can be signed afterwards either. In the
 * journal, before the runner is started, is the commitment: the hash of the hashes of all words, which come with the record.
 *
 * (A one-time signature after Lamport: the runner is `sh`, and can neither hash nor be trusted with a key that lasts.)
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { ExitRecord } from './records.ts';

/** The exit code as four digits of base four, then the result. */
const CODE_DIGITS = 4;
const BASE = 4;
/** Results by their number; the order is frozen, as runner.sh has it too. */
export const SIGNED_RESULTS = ['exited', 'not_found', 'no_cwd', 'no_files', 'outside'] as const;
const WORDS = CODE_DIGITS * BASE + SIGNED_RESULTS.length;
/** Characters of base64url: 96 bits. */
const WORD_CHARS = 16;

export interface RecordKey {
  /** For the journal. */
  commitment: string;
  /** For the runner: all words, and then the hashes of all of them as one word. One line without its end. */
  secret: string;
}

/** Keys of one life of a supervisor. They are made of its nonce and of what is in this memory alone. */
export class RecordKeys {
  readonly #seed = randomBytes(32);

  /** The same nonce gives the same key. */
  of(nonce: string): RecordKey {
    const words = Array.from({ length: WORDS }, (_, index) =>
      createHmac('sha256', this.#seed).update(`${nonce}/${index}`).digest('base64url').slice(0, WORD_CHARS),
    );
    const hashes = words.map(hash).join('');
    return { commitment: commitmentOf(hashes), secret: `${words.join(' ')} ${hashes}` };
  }
}

export type Signed = Pick<ExitRecord, 'result' | 'code'> & { key: string; proof: string };

/** Whether the end was signed with a key of one of these commitments. */
export function isSigned({ result, code, key, proof }: Signed, commitments: readonly string[]): boolean {
  if (key.length !== WORDS * WORD_CHARS || !commitments.includes(commitmentOf(key))) return false;
  const places = placesOf(result, code);
  if (places === null || proof.length !== places.length * WORD_CHARS) return false;
  return places.every(
    (place, index) =>
      hash(proof.slice(index * WORD_CHARS, (index + 1) * WORD_CHARS)) ===
      key.slice(place * WORD_CHARS, (place + 1) * WORD_CHARS),
  );
}

/** Which words an end is signed with; null: no runner can have signed it. */
function placesOf(result: string, code: number | null): number[] | null {
  const number = SIGNED_RESULTS.findIndex(known => known === result);
  const value = code ?? 0;
  if (number < 0 || !Number.isInteger(value) || value < 0 || value >= BASE ** CODE_DIGITS) return null;
  const digits = Array.from(
    { length: CODE_DIGITS },
    (_, index) => Math.floor(value / BASE ** (CODE_DIGITS - 1 - index)) % BASE,
  );
  return [...digits.map((digit, index) => index * BASE + digit), CODE_DIGITS * BASE + number];
}

const hash = (word: string) => createHash('sha256').update(word).digest('base64url').slice(0, WORD_CHARS);
const commitmentOf = (hashes: string) => createHash('sha256').update(hashes).digest('hex');
