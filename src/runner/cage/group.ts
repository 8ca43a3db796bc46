/**
 * The cage where no service manager answers (containers, macOS): the runner in a session of its own, its members found
 * by that session and by an environment marker. No accounting, and no limit but that of time, which the supervisor holds.
 */
import { errnoOf } from '../../contract/errors.ts';
import { startTimeOf } from '../identity.ts';
import { findMembers, type Member } from '../members.ts';
import { startRunner } from '../start.ts';
import type { AttemptCage, Cage } from './cage.ts';

/** What needs no runner script: enough to look and to stop. */
export const group: AttemptCage = {
  kind: 'group',
  members: query => findMembers([query]).get(query.marker) ?? [],
  signal,
};

/** @param text of runner.sh; see order.ts. */
export function groupCage(text: string): Cage {
  return { kind: 'group', start: (dir, env, options) => startRunner(dir, env, text, options) };
}

/** Node cannot hold a pidfd, so between the look and the signal are some microseconds in which a pid could be reused. */
export function signal(member: Member, name: NodeJS.Signals): 'sent' | 'gone' | 'refused' {
  if (startTimeOf(member.pid) !== member.start) return 'gone';
  try {
    process.kill(member.pid, name);
    return 'sent';
  } catch (error) {
    return errnoOf(error) === 'EPERM' ? 'refused' : 'gone';
  }
}
