/** What systemd knows about a unit, read from `systemctl show`. */
import type { Ctl } from './ctl.ts';

export interface UnitState {
  loaded: boolean;
  /** Somebody has forbidden it with a link to /dev/null. */
  masked: boolean;
  /** Has links that start it at boot, or at login. */
  enabled: boolean;
  active: string;
  sub: string;
  pid: number | null;
  since: string | null;
  /** What the process of the unit told the manager last. */
  said: string;
  /** How it ended last, as Result= has it: `success`, `exit-code`, `signal`, `watchdog` … */
  result: string;
  /** Of the process that ended last, where `result` is `exit-code`; those above 199 are the manager's own. */
  exit_status: number;
}

const PROPERTIES =
  'LoadState,UnitFileState,ActiveState,SubState,MainPID,ActiveEnterTimestampMonotonic,StatusText,Result,ExecMainStatus';

/** Where the user's manager does not run, nothing of it is loaded. Throws `service` when one that runs does not tell. */
export async function unitState(ctl: Ctl, unit: string): Promise<UnitState> {
  const asked = ctl.request.mode === 'system' || ctl.managerRuns();
  const text = asked ? await ctl.must(['show', `--property=${PROPERTIES}`, unit]) : '';
  return parseShow(text, monotonicNow());
}

/** A start that fails at once is over by then. */
const STARTING_MS = 1_500;
const POLL_MS = 100;

/**
 * As `unitState`, of a moment at which it tells something: a unit that is tried again and again says nothing while it is
 * being tried.
 */
export async function settledState(ctl: Ctl, unit: string): Promise<UnitState> {
  for (const end = performance.now() + STARTING_MS; ; ) {
    const state = await unitState(ctl, unit);
    const starting = state.active === 'activating' && state.sub !== 'auto-restart' && state.said === '';
    if (!starting || performance.now() > end) return state;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

/** It serves; what is about to be started once more does not. */
export const isUp = ({ active }: UnitState): boolean => active === 'active' || active === 'reloading';

/** There is something to stop. */
export const isActive = ({ active }: UnitState): boolean =>
  ['active', 'reloading', 'activating', 'deactivating'].includes(active);

/** `now`: the same moment on both clocks; systemd gives times since boot, which need no locale to be read. */
export function parseShow(text: string, now: { wall_ms: number; monotonic_ms: number }): UnitState {
  const values = new Map(
    text.split('\n').map(line => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const active = values.get('ActiveState') ?? 'inactive';
  const pid = Number(values.get('MainPID') ?? 0);
  const entered_ms = Number(values.get('ActiveEnterTimestampMonotonic') ?? 0) / 1000;
  const since = now.wall_ms - (now.monotonic_ms - entered_ms);
  return {
    loaded: values.get('LoadState') === 'loaded',
    masked: values.get('LoadState') === 'masked',
    enabled: /^enabled/.test(values.get('UnitFileState') ?? ''),
    active,
    sub: values.get('SubState') ?? 'dead',
    pid: pid > 0 ? pid : null,
    said: values.get('StatusText') ?? '',
    result: values.get('Result') ?? 'success',
    exit_status: Number(values.get('ExecMainStatus') ?? 0),
    since: active === 'active' && entered_ms > 0 ? new Date(Math.round(since)).toISOString() : null,
  };
}

function monotonicNow() {
  return { wall_ms: Date.now(), monotonic_ms: Number(process.hrtime.bigint() / 1_000_000n) };
}
