/**
 * The helper of far-files.ts: a process that does one thing after the other with files on somebody else's disk, and may
 * hang there for ever. It ends with who started it, and keeps nothing.
 */
import { type Answer, type Order, READY } from './far-order.ts';
import { FILE_WORK } from './file-work.ts';

process.on('message', ({ id, name, args }: Order) => {
  let answer: Answer;
  try {
    const work = FILE_WORK[name] as (...args: unknown[]) => unknown;
    answer = { id, outcome: work(...args) };
  } catch (error) {
    answer = { id, error: String(error) };
  }
  process.send?.(answer);
});
process.send?.({ id: READY } satisfies Answer);
process.on('disconnect', () => process.exit(0));
// Whoever ends the supervisor by its group ends us with it, and not before it has written its last.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
