/**
 * A tiny daemon for process tests of src/rpc: one server with the test methods. Argument: JSON {paths, limits?,
 * grace_ms?, fd?}. Tells its parent by IPC, if that has it, when it listens or why not; SIGTERM closes it. Ends with
 * the IPC channel.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRasenError, messageOf } from '../../src/contract/errors.ts';
import { startServer } from '../../src/rpc/server.ts';
import { testMethods } from './rpc-methods.ts';

const { paths, limits, grace_ms, fd } = JSON.parse(process.argv[2]!);
const { methods } = testMethods();
const log = (facts: object, message: string) => {
  process.stderr.write(`${JSON.stringify({ message, ...facts })}\n`);
};

methods.set('spawn', () => {
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  child.unref();
  return child.pid;
});
methods.set('make_file', () => writeFileSync(join(paths.runtime, 'made'), ''));

process.on('disconnect', () => process.exit(1));
try {
  const server = await startServer({
    paths,
    limits,
    methods,
    fd,
    server: { name: 'rasend', version: '1.2.3' },
    log: { info: log, warn: log, error: log },
  });
  process.on('SIGTERM', async () => {
    await server.close(grace_ms);
    process.exit(0);
  });
  process.send?.({ ready: true });
} catch (error) {
  const data = isRasenError(error) ? error.data : undefined;
  process.send?.({
    error: { kind: isRasenError(error) ? error.kind : 'bug', message: messageOf(error), data },
  });
  process.removeAllListeners('disconnect');
  process.disconnect?.();
}
