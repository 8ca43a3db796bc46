/** The keys of what the supervisor does after a restart of the machine, and of the task's log: `auto_resume`, `log.*`. */
import { own } from './keys-row.ts';
import { bool, int, size } from './types.ts';

export const SUPERVISOR_KEYS = {
  auto_resume: own(
    bool(),
    true,
    'false: after a restart of the machine the task waits for `rasen resume`, and a missing login is not looked at again by itself. A restart of the supervisor alone changes nothing.',
  ),
  'log.max_size': own(
    size(1024, 1024 ** 3),
    10 * 1024 ** 2,
    'The log of the task is rotated at this size.',
    '10mb',
  ),
  'log.keep': own(int(0, 1000), 5, 'Rotated logs that are kept.'),
};
