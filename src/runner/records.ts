/**
 * The two records that a runner writes: `runner` (who it is) and `exit` (how it ended). Neither is trusted to be whole:
 * a line without its end, or with anything unexpected, is no record. Nor to be the runner's: whatever runs as the same
 * user could have written it.
 */
import type { Identity } from './identity.ts';
import { isSigned, SIGNED_RESULTS } from './record-key.ts';

const RESULTS = [...SIGNED_RESULTS, 'killed'] as const;

/** By what the records of a job are known for its runner's. */
export interface RunnerMark {
  nonce: string;
  /** Commitments of the keys that it may have; null: of before there were any, and then the nonce is not in its records either. */
  record_keys: readonly string[] | null;
}

export interface ExitRecord {
  /**
   * exited: the command ran and ended. not_found: the program is not there (code 127) or not executable (126), seen
   * before anything ran. no_cwd: the folder cannot be entered. no_files: `output` or the input cannot be opened. outside:
   * the folder is not below the one that it is for. killed: the runner was killed before it could say; recorded by the
   * manager of its unit.
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

/** null: no record. 'forged': one that is whole, and is not of the runner. */
export function parseExit(text: string, mtime_ms: number, mark: RunnerMark): ExitRecord | 'forged' | null {
  const json = parseLine(text);
  if (json?.v !== 1 || typeof json.boot !== 'string') return null;
  const result = RESULTS.find(known => known === json.result);
  if (!result || (result === 'exited' && typeof json.code !== 'number')) return null;
  const code = typeof json.code === 'number' ? json.code : null;
  if (!isOfRunner(json, { result, code }, mark)) return 'forged';
  return {
    result,
    code,
    signal: typeof json.signal === 'number' ? json.signal : null,
    boot: json.boot,
    ended_at: new Date(mtime_ms).toISOString(),
    up: typeof json.up === 'string' && json.up !== '' ? json.up : null,
    term: json.term === true,
    unit: json.by === 'unit' ? unitEnd(json) : null,
  };
}

/** That the runner was killed is no end that a runner could sign, and none that anybody could gain by. */
function isOfRunner(
  { nonce, key, proof }: Record<string, unknown>,
  { result, code }: Pick<ExitRecord, 'result' | 'code'>,
  mark: RunnerMark,
): boolean {
  if (mark.record_keys === null || result === 'killed') return true;
  if (nonce !== mark.nonce || typeof key !== 'string' || typeof proof !== 'string') return false;
  return isSigned({ result, code, key, proof }, mark.record_keys);
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

/** `nonce`: that the record has to carry; null: it need not. */
export function parseIdentity(text: string, nonce: string | null): Identity | null {
  const json = parseLine(text);
  if (nonce !== null && json?.nonce !== nonce) return null;
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
