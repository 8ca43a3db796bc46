/** Takes the lock of one session again and again, and writes down when it has it: `<this> FOLDER LOG ROUNDS`. */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionLocks } from '../../src/session/lock.ts';

const [folder, log, rounds] = process.argv.slice(2);
const say = (word: string) => appendFileSync(log!, `${word} ${process.pid}\n`);

for (let n = 0; n < Number(rounds); ) {
  const locks = new SessionLocks(folder!, 'codex');
  if (!(await locks.take('s'))) continue;
  say('in');
  await sleep(2);
  n += 1;
  say('out');
  // The last time it dies with the lock.
  if (n === Number(rounds)) process.kill(process.pid, 'SIGKILL');
  locks.release();
}
