/** Which start of the machine this is: a pid and a start time name a process for as long as it is the same. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const SYSCTL_MS_MAX = 5_000;

let id: string | undefined;

export function bootId(): string {
  id ??= read().trim();
  return id;
}

function read(): string {
  if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
  return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: SYSCTL_MS_MAX,
  });
}
