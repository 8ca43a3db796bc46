/**
 * Another client, in a process of its own: asks the supervisor for its status every 20 ms, and says how long the longest
 * answer took. The time in which a process wanted to run and was not let is the machine's, and is taken off (Linux).
 * Started by startPinger(); the parent's first message ends it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/rpc/client.ts';
import { onThisMachine } from './load.ts';

const EVERY_MS = 20;
const ANSWER_MS_MAX = 20_000;

export interface Pings {
  count: number;
  /** Longest answer in ms, without the time that the machine had no processor for either of the two. */
  longest_ms: number;
  longest_raw_ms: number;
  error: string | null;
}

/** How long another client may wait, in ms. */
export const answerMsMax = () => onThisMachine(200);

export interface Pinger {
  /** What was seen until now, and the end of it. */
  end(): Promise<Pings>;
}

export async function startPinger(socket: string, supervisor: number): Promise<Pinger> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [socket, String(supervisor)]);
  const next = () => new Promise<Pings>(resolve => child.once('message', said => resolve(said as Pings)));
  await next();
  return {
    async end() {
      const pings = next();
      const gone = new Promise(resolve => child.once('exit', resolve));
      child.send('end');
      const said = await pings;
      await gone;
      return said;
    },
  };
}

/** Milliseconds that the main thread of a process waited for a processor; 0 where nobody counts. */
function waitedMs(pid: number | 'self'): number {
  try {
    const id = pid === 'self' ? process.pid : pid;
    return Number(readFileSync(`/proc/${id}/task/${id}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

async function main(socket: string, supervisor: number): Promise<void> {
  const pings: Pings = { count: 0, longest_ms: 0, longest_raw_ms: 0, error: null };
  let ends = false;
  process.once('message', () => {
    ends = true;
  });
  const client = await connect(socket);
  process.send!(pings);
  while (!ends) {
    const before = waitedMs(supervisor) + waitedMs('self');
    const asked = performance.now();
    try {
      await client.call('daemon.status', {}, { timeout_ms: ANSWER_MS_MAX });
    } catch (error) {
      pings.error = String(error);
      break;
    }
    const took = performance.now() - asked;
    const own = took - (waitedMs(supervisor) + waitedMs('self') - before);
    pings.count++;
    pings.longest_ms = Math.max(pings.longest_ms, own);
    pings.longest_raw_ms = Math.max(pings.longest_raw_ms, took);
    await sleep(EVERY_MS);
  }
  client.close();
  while (!ends) await sleep(EVERY_MS);
  process.send!(pings, () => process.exit());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2]!, Number(process.argv[3]));
