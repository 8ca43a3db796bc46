/**
 * The program between a sandbox without a network and the hosts that it may reach. `outside` starts the sandbox and answers
 * on a socket in its folder for temporary files; `inside` hands to it what is sent to a proxy on the loopback device.
 *
 *   rasen-fence outside ORDER COMMAND...       rasen-fence inside ORDER COMMAND...
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { messageOf } from '../../contract/errors.ts';
import { FENCE_NAME } from '../../runner/monitor.ts';
import { bridge } from './inside.ts';
import { type FenceOrder, proxyEnv } from './order.ts';
import { listen } from './outside.ts';

/** As a shell has them. */
const EXIT_NOT_FOUND = 127;

async function main([side, order, ...argv]: string[]): Promise<number> {
  // By this name it is left alone where a command is asked to end.
  process.title = FENCE_NAME;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const { allow, socket } = JSON.parse(order ?? 'null') as FenceOrder;
  if (side === 'outside') {
    await listen({ allow, socket, env: process.env, refused });
    return await ended(spawn(argv[0]!, argv.slice(1), { stdio: 'inherit' }));
  }
  const port = await bridge({ allow, socket });
  const env = { ...process.env, ...proxyEnv(port) };
  return await ended(spawn(argv[0]!, argv.slice(1), { stdio: 'inherit', env }));
}

/** A line of the error channel, which the log shows and the next prompt tells. */
function refused(host: string): void {
  writeSync(2, `${FENCE_NAME}: refused ${host}\n`);
}

async function ended(child: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? code! : 128 + constants.signals[signal]));
  });
}

main(process.argv.slice(2)).then(
  code => process.exit(code),
  error => {
    writeSync(2, `${FENCE_NAME}: ${messageOf(error)}\n`);
    process.exit(EXIT_NOT_FOUND);
  },
);
