/**
 * Why a unit that should run does not, in words: what rasend said to the manager, what it left in the journal, or how
 * the manager says that it ended.
 */
import { CANNOT_START } from '../runtime/status-line.ts';
import type { Health } from '../service.ts';
import type { Ctl } from './ctl.ts';
import { isActive, isUp, type UnitState } from './state.ts';

/** systemd's own (systemd.exec(5)): it could not even execute rasend. */
const MANAGERS_OWN = 200;
/** Ends with which the launcher has found nothing to run (sysexits), and the shell's. */
const NOTHING_TO_RUN = [69, 126, 127];

export async function healthOf(ctl: Ctl, unit: string, state: UnitState): Promise<Health> {
  if (isUp(state)) return { said: state.said || null, problem: null, cannot_start: false };
  const refused = state.said.startsWith(CANNOT_START) ? state.said.slice(CANNOT_START.length) : null;
  const failed = state.active === 'failed' || state.sub === 'auto-restart' || refused !== null;
  if (!failed) return { said: null, problem: null, cannot_start: false };
  const again = isActive(state) ? `; ${ctl.shown} tries again and again` : '';
  const why = refused ?? (await lastError(ctl, unit)) ?? endIn(state);
  return {
    said: null,
    problem: `rasend does not start: ${why.replace(/\.+$/, '')}${again}`,
    cannot_start: refused !== null || isHopeless(state),
  };
}

/** The end was not rasend's word, but it will be the same the next time. */
const isHopeless = ({ result, exit_status }: UnitState): boolean =>
  result === 'exit-code' && (exit_status >= MANAGERS_OWN || NOTHING_TO_RUN.includes(exit_status));

/** Lines of one try, of rasend and of the manager, and some. */
const JOURNAL_LINES = 15;
/** What the manager says of every failure. */
const ALWAYS_SAID =
  /Scheduled restart|Failed with result|Main process exited|^(Starting|Started|Stopped|Failed to start) /;

/** The last line of the journal that says something; null: there is none to read. Indented ones go on with another. */
export async function lastError(ctl: Ctl, unit: string): Promise<string | null> {
  const lines = await ctl.lastWords(unit, JOURNAL_LINES);
  const words = lines.filter(line => !/^\s/.test(line) && !ALWAYS_SAID.test(line)).at(-1);
  return words?.trim().replace(/^(rasend?|rasen\S*\.service): /, '') ?? null;
}

function endIn({ result, exit_status }: UnitState): string {
  if (result === 'exit-code') return `it ended with exit status ${exit_status}`;
  return `it ended with ${result}`;
}
