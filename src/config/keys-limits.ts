/** The keys of what one attempt may use: `limits.*`. */
import { own } from './keys-row.ts';
import { RESOURCES } from './resource-types.ts';
import { int, size } from './types.ts';

export const LIMITS_KEYS = {
  'limits.attempts': own(int(1, 100), 5, 'Most attempts of one subtask.'),
  'limits.output_max': own(
    size(4096, 1024 ** 4),
    1024 ** 3,
    'Kept output of one attempt; older output is freed and counted.',
    '1gb',
  ),
  'limits.memory': own(
    RESOURCES.memory.type,
    null,
    'Most memory of one attempt, all its processes together; beyond it the attempt is ended. Needs the cage `unit`; see RESOURCES.',
    'no limit',
  ),
  'limits.cpu': own(
    RESOURCES.cpu.type,
    null,
    'Most processor time of one attempt, in processors: 0.5 is half of one, 2 is all of two. Needs the cage `unit`.',
    'no limit',
  ),
  'limits.tasks': own(
    RESOURCES.tasks.type,
    null,
    'Most processes and threads of one attempt; beyond it no new one can be made. Needs the cage `unit`.',
    'no limit',
  ),
  'limits.runtime': own(
    RESOURCES.runtime.type,
    null,
    'Longest attempt, ended by the system itself, so also while no supervisor runs. Needs the cage `unit`; `orchestrator.session_timeout_seconds` does not.',
    'no limit',
  ),
};
