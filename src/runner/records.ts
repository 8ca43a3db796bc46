/**
 * The two records that a runner writes: `runner` (who it is) and `exit` (how it ended). Neither is trusted to be whole:
 * a line without its end, or with anything unexpected, is no record.
 */
import type { Identity } from './identity.ts';

const RESULTS = ['exited', 'not_found', 'no_cwd', 'no_files', 'killed'] as const;

export interface ExitRecord {
  /**
   * exited: the command ran and ended. not_found: the program is not there (code 127) or not executable (126), seen
   * before anything ran. no_cwd: the folder cannot be entered. no_files: `output` or the input cannot be opened. killed:
   * the runner was killed before it could say; recorded by the manager of its unit.
   */
  result: (typeof RESULTS)[number];
  /** The raw status as a shell sees it: 143 is SIGTERM *or* `exit 143`; a shell cannot tell them apart. */
  code: number | null;
  /** code - 128 where code is 129…192, else null; a guess for the reason given at `code`. */
  signal: number | null;
  boot: string;
  /** ISO 8601: the last change of the file, since asking for the time would cost the runner a program. */
  ended_at: string | null;
  /** Seconds since boot at the end, where the host tells; immune to changes of the wall clock. */
  up: string | null;
  /** The runner itself was told to end (SIGTERM), before its command had ended. */
  term: boolean;
  /** What only the manager of a unit knows; null in the `group` cage. */
  unit: UnitEnd | null;
}

export interface UnitEnd {
  /** systemd's $SERVICE_RESULT: success, exit-code, signal, oom-kill, timeout, … */
  service_result: string;
  /** A stop of the unit was under way: shutdown, or `systemctl stop` by somebody. */
  stopped: boolean;
  cpu_usec: number | null;
  memory_peak_bytes: number | null;
  oom_kills: number | null;
}

export function parseExit(text: string, mtime_ms: number): ExitRecord | null {
  const json = parseLine(text);
  if (json?.v !== 1 || typeof json.boot !== 'string') return null;
  const result = RESULTS.find(known => known === json.result);
  if (!result || (result === 'exited' && typeof json.code !== 'number')) return null;
  return {
    result,
    code: typeof json.code === 'number' ? json.code : null,
    signal: typeof json.signal === 'number' ? json.signal : null,
    boot: json.boot,
    ended_at: new Date(mtime_ms).toISOString(),
    up: typeof json.up === 'string' && json.up !== '' ? json.up : null,
    term: json.term === true,
    unit: json.by === 'unit' ? unitEnd(json) : null,
  };
}

function unitEnd(json: Record<string, unknown>): UnitEnd {
  const number = (name: string) => (typeof json[name] === 'number' ? json[name] : null);
  return {
    service_result: String(json.service_result ?? ''),
    stopped: json.stopped === true,
    cpu_usec: number('cpu_usec'),
    memory_peak_bytes: number('memory_peak_bytes'),
    oom_kills: number('oom_kills'),
  };
}

export function parseIdentity(text: string): Identity | null {
  const json = parseLine(text);
  if (json?.v !== 1 || typeof json.boot !== 'string' || typeof json.start !== 'string') return null;
  if (json.boot === '' || json.start === '' || !Number.isSafeInteger(json.pid) || Number(json.pid) <= 1)
    return null;
  const cgroup = typeof json.cgroup === 'string' && json.cgroup.startsWith('/') ? json.cgroup : null;
  return { boot: json.boot, pid: Number(json.pid), start: json.start, ...(cgroup ? { cgroup } : {}) };
}

function parseLine(text: string): Record<string, unknown> | null {
  if (!text.endsWith('}\n')) return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
