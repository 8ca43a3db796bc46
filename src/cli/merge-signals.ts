/**
 * What Ctrl-C and its like mean while a merge is waited for. It cancels it; a second one leaves it to the supervisor. A
 * terminal that is closed says nothing about the merge, which goes on.
 */
import { messageOf } from '../contract/errors.ts';
import type { Output } from './output.ts';

/** Begins to listen; the result ends it. `task`: as the hint names it. */
export function onMergeSignal(
  out: Pick<Output, 'note'>,
  task: string,
  cancel: () => Promise<unknown>,
): () => void {
  let asked = false;
  const leave = (signal: NodeJS.Signals) => {
    release();
    out.note(
      `not waited for any more; the merge goes on if it was begun. How it ended: rasen status ${task}`,
    );
    // Nothing listens to it any more.
    process.kill(process.pid, signal);
  };
  const halt = (signal: NodeJS.Signals) => {
    if (asked) return leave(signal);
    asked = true;
    out.note('cancelling the merge (once more leaves it to the supervisor)');
    // How it ended is the answer of the merge itself.
    cancel().catch(error => out.note(messageOf(error)));
  };
  const release = () => {
    process.off('SIGINT', halt);
    process.off('SIGTERM', halt);
    process.off('SIGHUP', leave);
  };
  process.on('SIGINT', halt);
  process.on('SIGTERM', halt);
  process.on('SIGHUP', leave);
  return release;
}
