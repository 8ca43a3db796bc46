/**
 * A cage holds the process tree of one attempt: it starts the runner in it, says who lives in it and signals them. One
 * file per kind; everything else about an attempt is the files in its directory, which every cage fills alike.
 *
 *   unit   a transient service of the user's own service manager: a control group that nothing leaves by itself, limits,
 *          accounting, and a record of the end even when the runner is killed
 *   group  where no manager answers: a session of its own, found by that session and by an environment marker
 */
import type { ResourceLimits } from '../../contract/plan.ts';
import type { AttemptSpec } from '../attempt-dir.ts';
import type { Member, MemberQuery } from '../members.ts';
import type { RecordKey } from '../record-key.ts';

export type CageKind = 'unit' | 'group';

/** How a supervisor starts attempts. */
export interface Cage {
  readonly kind: CageKind;
  /**
   * Starts the runner of the attempt in `dir`. Again is harmless once a runner has claimed it.
   *
   * @param env the whole environment of the command; nothing of the supervisor's own is added.
   * Throws `usage` for what cannot be run, `spawn`, and `manager_away` when the service manager starts nothing now but will later.
   */
  start(dir: string, env: Record<string, string>, options: StartOptions): Promise<void>;
  /**
   * What the service manager itself says of the end of an attempt's unit, which it then lets go of. null: it does not know
   * it any more, or there is none. A second witness: no file of the attempt's is asked, not even for the unit's name.
   */
  lastWord?(marker: string): Promise<LastWord | null>;
}

/** As of the unit's main process, which is the runner. It ends with the exit code of the command where that has one. */
export interface LastWord {
  /** null: a signal ended it. */
  code: number | null;
}

export interface StartOptions {
  /** As its folder has it; that is not read again. */
  spec: AttemptSpec;
  /** Physical path of the folder that the command's own must not lead out of; null: it may be anywhere. */
  root: string | null;
  /** With which the runner signs its record. */
  key: RecordKey;
  limits: ResourceLimits;
  /** A hint that the attempt may be over; the truth is in its files. May never come. */
  onExit(): void;
}

/** The cage that one attempt is in, whoever started it. */
export interface AttemptCage {
  readonly kind: CageKind;
  /** The living processes of the attempt, without its runner. */
  members(query: MemberQuery): Member[];
  /** Signals exactly this process, after its identity was looked at again. 'gone': there is none; 'refused': not ours. */
  signal(member: Member, signal: NodeJS.Signals): 'sent' | 'gone' | 'refused';
  /** Stands the whole tree still, so that nothing can be forked past a kill. False: this cage cannot. */
  freeze?(frozen: boolean): boolean;
  /** The manager has not said its last word yet: the end may still be recorded. */
  finishing?(): boolean;
}
