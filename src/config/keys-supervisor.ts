/** The keys of what the supervisor does after a restart, and of the task's log: `auto_resume`, `log.*`. */
import { own } from './keys-row.ts';
import { bool, int, size } from './types.ts';

export const SUPERVISOR_KEYS = {
  auto_resume: own(
    bool(),
    true,
    'false: after a restart of the supervisor the task waits for `rasen resume`.',
  ),
  'log.max_size': own(
    size(1024, 1024 ** 3),
    10 * 1024 ** 2,
    'The log of the task is rotated at this size.',
    '10mb',
  ),
  'log.keep': own(int(0, 1000), 5, 'Rotated logs that are kept.'),
};
