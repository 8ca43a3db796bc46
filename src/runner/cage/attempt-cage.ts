/** The cage that an attempt is in, by the files in its directory; used by whoever looks at it or stops it. */
import type { RunnerMark } from '../records.ts';
import type { AttemptCage } from './cage.ts';
import { readCage } from './cage-file.ts';
import { group } from './group.ts';
import { unitOf } from './unit-members.ts';

export function cageOf(dir: string, mark: RunnerMark): AttemptCage {
  return readCage(dir) ? unitOf(dir, mark) : group;
}
