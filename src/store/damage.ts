/**
 * What is done about a task that cannot be used. Unreadable bytes are moved aside; what is readable, or may be in a
 * moment, is left where it is. Either way it is named, and the other tasks go on.
 */
import { errnoOf, isRasenError, messageOf } from '../errors.ts';

/** Something on disk that could not be used. */
export interface Damage {
  task: string;
  message: string;
  /** Where it was moved to; null when it was left. */
  moved_to: string | null;
  /** What to do next. */
  hint: string;
}

/** The system was short of something; the file may be as good as ever. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'EBUSY', 'ETIMEDOUT']);

export function isPassing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return PASSING.has(errnoOf(error) ?? '') || PASSING.has(errnoOf(cause) ?? '');
}

/** Names what is wrong with a task; `move` takes its folder aside and gives the new path. */
export function assess(task: string, error: unknown, move: () => string): Damage {
  const message = messageOf(error);
  const left = (hint: string): Damage => ({ task, message, moved_to: null, hint });
  if (isRasenError(error) && error.kind === 'version') return left(error.hint ?? '');
  if (isPassing(error))
    return left('Nothing was touched. Restart the supervisor when the system has room again.');
  if (!isRasenError(error) && errnoOf(error) === undefined) {
    return left(
      'Every checksum is right, so nothing was touched. Another version of rasen may understand it.',
    );
  }
  try {
    const moved_to = move();
    return { task, message, moved_to, hint: `Nothing was overwritten: it is in ${moved_to}.` };
  } catch (problem) {
    return left(`It could not be moved aside (${messageOf(problem)}) and was left as it is.`);
  }
}
