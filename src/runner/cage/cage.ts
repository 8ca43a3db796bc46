/**
 * A cage holds the process tree of one attempt: it starts the runner in it, says who lives in it and signals them. One
 * file per kind; everything else about an attempt is the files in its directory, which every cage fills alike.
 */
import type { Member, MemberQuery } from '../members.ts';

export interface Cage {
  /** Starts the runner of the attempt in `dir`; see start.ts. Throws `spawn`. */
  start(dir: string, env: Record<string, string>, onExit: () => void): Promise<void>;
  /** The living processes of one attempt, without its runner. */
  members(query: MemberQuery): Member[];
  /** Signals exactly this process, after its identity was looked at again. 'gone': there is none; 'refused': not ours. */
  signal(member: Member, signal: NodeJS.Signals): 'sent' | 'gone' | 'refused';
}
