/**
 * What a gate has to say of a commit. All evidence is made here: of built-in gates, of commands and judges of attempts, and
 * of the gates of a merge. Pure.
 */
import type { GateEvidence } from '../contract/event.ts';
import type { Outcome, StopReason } from '../contract/status.ts';
import type { ExitFacts, Found } from './effect.ts';
import type { Gate } from './gates-of.ts';
import { BY_ENDING, unstarted } from './how-it-ended.ts';

/** Longest text of one message, and of all findings, in an event: a line of the journal stays under 64 KiB. */
const MAX_MESSAGE = 2000;
const MAX_FINDINGS = 20;
const MAX_FINDING = 500;

export const clip = (text: string) => (text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)} …` : text);

export function evidenceOf(
  { name, kind, run }: Pick<Gate, 'name' | 'kind' | 'run'>,
  { commit, tree }: Pick<GateEvidence, 'commit' | 'tree'>,
  { reason, findings = [], ...found }: Found,
): GateEvidence {
  return {
    ...{ name, kind, passed: reason === null, tolerated: false },
    reason: reason === null ? null : clip(reason),
    needs_person: false,
    findings: findings
      .slice(0, MAX_FINDINGS)
      .map(finding => ({ ...finding, text: clip(finding.text).slice(0, MAX_FINDING) })),
    argv: run?.run ?? null,
    ...{ code: null, duration_ms: null, log_sha256: null, log_tail: null },
    ...found,
    ...{ commit, tree },
  };
}

/** Stopped for these, a gate has judged nothing. */
const UNDECIDED: ReadonlySet<StopReason | 'stale'> = new Set(['user', 'suspend', 'stale', 'budget']);

/** Of a gate that came to no judgement, through no fault of the work: why. `stopped`: why we stopped it. */
export function undecided(
  exit: ExitFacts | null,
  stopped: StopReason | 'stale' | null,
): Extract<Outcome, 'killed' | 'lost'> | null {
  if (stopped !== null) return UNDECIDED.has(stopped) ? 'killed' : null;
  if (exit?.ended_by === 'machine') return 'killed';
  // `no_files`: its runner has started nothing.
  return !exit || exit.result === 'killed' || exit.result === 'no_files' ? 'lost' : null;
}

/** Why a process of a gate that came to a judgement did not end as it should, whatever it is; null: it ended by itself. */
export function brokenOff(
  gate: Pick<Gate, 'run'>,
  exit: ExitFacts | null,
  stopped: StopReason | 'stale' | null,
): string | null {
  if (stopped !== null) return stopped === 'timeout' ? 'timed out' : `stopped: ${stopped}`;
  if (exit!.ended_by) return BY_ENDING[exit!.ended_by].message;
  return exit!.result === 'exited' ? null : unstarted(exit!, gate.run?.run[0]);
}

/** The judgement of a command, by its exit code. */
export const byExitCode = ({ run }: Pick<Gate, 'run'>, { code }: Pick<ExitFacts, 'code'>): string | null =>
  run!.ok.includes(code ?? -1) ? null : `exit code ${code}`;
