/**
 * ULIDs in lower case: 10 characters of time (milliseconds), 16 of chance, in Crockford's base 32. Ids that sort by
 * the time they were made; used by clients that choose the id of what they submit.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARS = 10;
const CHANCE_CHARS = 16;
/** Largest time that 10 characters hold, in milliseconds: the year 10889. */
const MAX_TIME_MS = 2 ** 48 - 1;

/** `now_ms` is Unix time; `chance` gives at least 16 bytes, of which 5 bits each are used. */
export function ulid(
  now_ms: number = Date.now(),
  chance: Uint8Array = crypto.getRandomValues(new Uint8Array(CHANCE_CHARS)),
): string {
  if (!Number.isSafeInteger(now_ms) || now_ms < 0 || now_ms > MAX_TIME_MS)
    throw new RangeError(`${now_ms} is no time that a ULID can hold`);
  let time = '';
  for (let rest = now_ms; time.length < TIME_CHARS; rest = Math.floor(rest / 32))
    time = ALPHABET[rest % 32] + time;
  let random = '';
  for (let i = 0; i < CHANCE_CHARS; i++) random += ALPHABET[chance[i]! % 32];
  return time + random;
}

/** The time in an id, in milliseconds; null: it is none. */
export function ulidTime(id: string): number | null {
  if (id.length !== TIME_CHARS + CHANCE_CHARS) return null;
  let time = 0;
  for (const char of id.slice(0, TIME_CHARS)) {
    const digit = ALPHABET.indexOf(char);
    if (digit < 0) return null;
    time = time * 32 + digit;
  }
  return time > MAX_TIME_MS ? null : time;
}
