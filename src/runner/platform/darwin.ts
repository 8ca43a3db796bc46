/**
 * The host interface on macOS, from ps and sysctl. `sess` of its ps is no session id, so the process group stands in;
 * environments of programs that the system protects cannot be read, which leaves the group.
 */
import { execFileSync } from 'node:child_process';
import { bootId } from '../../host/boot.ts';
import { HELPER_BYTES_MAX, HELPER_MS_MAX } from '../limits.ts';
import { type Host, MARKER_NAME, type ProcessRow } from './host.ts';

const COLUMNS = 'pid=,ppid=,pgid=,stat=,lstart=';

export const darwin: Host = {
  bootId,
  row: pid => parse(run('ps', ['-o', COLUMNS, '-p', String(pid)]))[0] ?? null,
  table: () => parse(run('ps', ['-ax', '-o', COLUMNS])),
  markers(pids) {
    const found = new Map<number, string>();
    const wanted = new Set(pids);
    if (wanted.size === 0) return found;
    for (const line of run('ps', ['-axwwE', '-o', 'pid=,command=']).split('\n')) {
      const match = new RegExp(`^\\s*(\\d+) .* ${MARKER_NAME}=(\\S+)`).exec(line);
      if (match && wanted.has(Number(match[1]))) found.set(Number(match[1]), match[2]!);
    }
    return found;
  },
  lostRunners: () => new Map(),
  compareStarts: (a, b) => Date.parse(`${a} UTC`) - Date.parse(`${b} UTC`),
  startOfUptime: () => null,
};

function parse(text: string): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const line of text.split('\n')) {
    const [pid, ppid, pgid, stat, ...start] = line.trim().split(/\s+/);
    if (!stat || start.length === 0) continue;
    rows.push({
      pid: Number(pid),
      ppid: Number(ppid),
      group: Number(pgid),
      start: start.join(' '),
      zombie: stat.startsWith('Z'),
      stopped: stat.startsWith('T'),
    });
  }
  return rows;
}

/** The answer of a program, or '' when it fails: ps ends with 1 when no process matches. */
function run(program: string, args: string[]): string {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      // Start times are compared with those that runner.sh wrote, so zone and language must be its own.
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', TZ: 'UTC0', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: HELPER_MS_MAX,
      maxBuffer: HELPER_BYTES_MAX,
    });
  } catch {
    return '';
  }
}
