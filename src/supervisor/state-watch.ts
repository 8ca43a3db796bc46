/**
 * Watches that the state is still the one that this supervisor works on. A folder that was removed, moved away, or has
 * another at its path is nothing to go on with: what is in memory would be shown as if it were there.
 */
import { isRasenError, messageOf } from '../contract/errors.ts';

/** How often. */
const LOOK_MS = 1000;

export interface StateWatchOptions {
  /** Why the state is gone; null: it is there. */
  gone: () => string | null;
  /** Makes sure that the lock file is the one that is held. Throws `already_running`. */
  ensureLock: () => void;
  /** Called once. */
  lost: (why: string) => void;
  log: { warn(fields: object, message: string): void };
}

/** Gives what ends the watch. */
export function watchState({ gone, ensureLock, lost, log }: StateWatchOptions): () => void {
  let problem: string | null = null;
  const look = () => {
    const why = gone();
    if (why !== null) return end(why);
    try {
      ensureLock();
      problem = null;
    } catch (error) {
      if (isRasenError(error) && error.kind === 'already_running') return end(error.message);
      if (messageOf(error) !== problem) log.warn({ error }, messageOf(error));
      problem = messageOf(error);
    }
  };
  const timer = setInterval(look, LOOK_MS).unref();
  const end = (why: string) => {
    clearInterval(timer);
    lost(why);
  };
  return () => clearInterval(timer);
}
