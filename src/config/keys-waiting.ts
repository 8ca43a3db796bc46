/** The keys of when sessions begin, and whether a usage limit is waited for: `limits.wait` and its like. */

import { coversTheDay, MAX_QUIET_RANGES, parseQuietRange } from '../contract/quiet-hours.ts';
import { LOGIN_TRIES } from '../engine/login.ts';
import { own } from './keys-row.ts';
import { found } from './node.ts';
import { bool, duration, int, nullable, oneOrMore, type ValueType } from './types.ts';

const quietRange: ValueType<string> = {
  wanted: 'times of day such as "08:00-18:00"',
  schema: {
    type: 'string',
    pattern: '^ *([01][0-9]|2[0-3]):[0-5][0-9] *- *([01][0-9]|2[0-3]):[0-5][0-9] *$',
  },
  read(node, report) {
    if (node.kind === 'scalar' && typeof node.value === 'string' && parseQuietRange(node.value))
      return node.value.replaceAll(/\s+/g, '');
    report(node, `found ${found(node)}, wanted ${this.wanted}`);
    return undefined;
  },
};

const ranges = oneOrMore(
  quietRange,
  MAX_QUIET_RANGES,
  'times of day such as "08:00-18:00", or a list of them',
);
const quietHours: ValueType<string[]> = {
  ...ranges,
  read(node, report) {
    const texts = ranges.read(node, report);
    if (!texts || !coversTheDay(texts)) return texts;
    report(node, 'leave nothing of the day in which a session could begin');
    return undefined;
  },
};

const DAY_SECONDS = 86_400;
const loginRetry: ValueType<number | null> = nullable(
  {
    ...duration(),
    read(node, report) {
      const seconds = duration().read(node, report);
      if (seconds === undefined || (seconds >= 1 && seconds <= DAY_SECONDS)) return seconds;
      report(node, `found ${found(node)}, wanted from 1s to 1d`);
      return undefined;
    },
  },
  'never',
);

export const WAITING_KEYS = {
  'limits.wait': own(
    bool(),
    false,
    'true: a usage limit is waited for, and the task goes on by itself. false: it blocks the task, for what goes on by itself spends by itself. `rasen init` writes true into the configuration of the task.',
  ),
  'limits.max_waits': own(int(1, 100), 6, 'Most waits for a usage limit in a row; then the task blocks.'),
  'limits.max_wait': own(
    duration(),
    26 * 3600,
    'Longest time that waits for a usage limit in a row take together. A stated end beyond it blocks the task at once.',
    '26h',
  ),
  'limits.relay_after': own(
    duration(true),
    900,
    'With agent.relay: a usage limit that is over sooner is waited for, where limits.wait allows that; for a longer one the next agent goes on at once.',
    '15m',
  ),
  'limits.login_retry': own(
    loginRetry,
    600,
    `How often it is looked, by a new session, whether an agent that is not logged in is so by now; ${LOGIN_TRIES} times at most. The task goes on by itself then. With \`auto_resume: false\` only a person goes on.`,
    '10m',
  ),
  'limits.quiet_hours': own(
    quietHours,
    [],
    'Times of day in which no session of an agent begins, by the clock of the user who hands the task over; over midnight where the second is earlier. What runs goes on, and so do commands.',
    'none',
  ),
};
