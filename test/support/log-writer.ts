/**
 * Writes numbered lines to a stream of the supervisor's log as fast as it can, and says each number on standard output
 * after write() has returned. SIGHUP reopens the stream. Arguments: mode, path, first number, size of a rolling file.
 */
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileStream } from '../../src/service/runtime/log-file.ts';
import { rollingStream } from '../../src/service/runtime/log-rolling.ts';

const [mode, path, first, bytes] = process.argv.slice(2);
const stream =
  mode === 'file' ? fileStream(path!) : await rollingStream(path!, { max_bytes: Number(bytes), files: 1000 });
process.on('SIGHUP', () => stream.reopen());
for (let n = Number(first); ; n++) {
  stream.write(`line ${n} ${'x'.repeat(n % 200)}\n`);
  writeSync(1, `${n}\n`);
  // Signals and the change of files happen in between.
  if (n % 20 === 0) await setImmediate();
}
