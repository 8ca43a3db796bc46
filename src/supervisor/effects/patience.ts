/**
 * How long the end of a job waits for what the job left behind. A disk that fails for a moment is waited out, since what is in
 * the file decides. A sector, or a file of a network file system, that is lost stays so, and its task would wait for ever.
 */
import type { Foreign } from '../../host/foreign-file.ts';
import { foreignError, type Place } from '../../host/foreign-file.ts';
import { isPassing, troubleOf } from '../../host/trouble.ts';

/** As long as a server of files is away for a repair in the night; a night has room for another attempt after it. */
export const PATIENCE_MS = 4 * 3_600_000;

/** What a single file can have for good, unlike a full disk or a table of descriptors. */
const MAY_STAY: ReadonlySet<string> = new Set(['EIO', 'ESTALE', 'ENOTCONN']);

const mayStay = (errno: string | null): boolean => errno !== null && MAY_STAY.has(errno);

/** Reads what is there, with trouble of the machine thrown, except what has stayed too long: that is a fault of the file. */
export type Untroubled = <T>(place: Place, found: Foreign<T>) => Foreign<T>;

/** One try to read what a job left. */
export interface Patient {
  /** What was found; see Untroubled. */
  untroubled: Untroubled;
  /** In the place of an error that a read met on its way, a sentence about the file; thrown again where it may pass. */
  problemOf: (error: unknown) => string;
}

export class Patience {
  /** By job folder: when trouble that may stay was met first, on a clock that stands still while the machine sleeps. */
  readonly #since = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Runs `read`; what it throws is waited out by the caller, who comes again. */
  async with<T>(folder: string, read: (patient: Patient) => Promise<T>): Promise<T> {
    const since = this.#since.get(folder);
    const is_over = since !== undefined && this.#now() - since >= PATIENCE_MS;
    try {
      const value = await read(patient(is_over));
      this.#since.delete(folder);
      return value;
    } catch (error) {
      if (mayStay(troubleOf(error)?.errno ?? null)) {
        if (since === undefined) this.#since.set(folder, this.#now());
      } else this.#since.delete(folder);
      throw error;
    }
  }
}

const HOURS = PATIENCE_MS / 3_600_000;

function patient(is_over: boolean): Patient {
  const stayed = (errno: string | null) => is_over && mayStay(errno);
  return {
    untroubled: (place, found) => {
      if (found.ok || !isPassing(found.errno)) return found;
      if (!stayed(found.errno)) throw foreignError(place, found);
      return { ...found, problem: sentence(found.errno) };
    },
    problemOf: error => {
      const errno = troubleOf(error)?.errno ?? null;
      if (!stayed(errno)) throw error;
      return `cannot be read: ${sentence(errno)}`;
    },
  };
}

const sentence = (errno: string | null) => `${errno} for ${HOURS} hours`;
