/** Log lines to standard error: as they are, or, where it goes to the journal, as text with a priority (sd-daemon(3)). */
import { writeSync } from 'node:fs';
import { errnoOf } from '../../contract/errors.ts';
import type { LogStream } from '../../log.ts';
import { logEntry } from './log-entry.ts';

/** A reader who takes nothing for WAITS * WAIT_MS is not waited for any longer: the event loop stands still meanwhile. */
const WAITS = 100;
const WAIT_MS = 5;

export function stderrStream({ prefixed }: { prefixed: boolean }): LogStream {
  return { write: line => writeAll(prefixed ? prefixedText(line) : line), reopen: () => {} };
}

/** `<N>` goes before each line, since the journal makes an entry of each. */
export function prefixedText(line: string): string {
  const { priority, text, stack } = logEntry(line);
  const lines = [...text.split('\n'), ...stack.split('\n').filter(frame => /^\s+at /.test(frame))];
  return lines.map(one => `<${priority}>${one}\n`).join('');
}

/**
 * Best effort: there is no other place left to complain to. Whoever shares the descriptor may have made it non-blocking;
 * a reader who is a little behind then costs a wait instead of the rest of the line.
 */
export function writeAll(text: string): void {
  let rest = Buffer.from(text);
  for (let waits = 0; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(2, rest));
      waits = 0;
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN' || waits++ >= WAITS) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}
