/** The keys of what attempts, and all of them together, may use: `limits.*`. */
import { TOKENS, USD } from './budget-types.ts';
import { own } from './keys-row.ts';
import { RESOURCES } from './resource-types.ts';
import { int, size } from './types.ts';

const MOST = (what: string, of: string) => `Most ${what} of ${of}; see BUDGETS.`;
const SUBTASK = 'one subtask, all its attempts and their judges';
const ATTEMPT = 'one attempt, its judges included';
const DAY = 'all tasks of this rasen in one day of the clock of this machine';
const BLOCKS = 'Used up, the session is ended and the task is blocked, unless the gates pass.';
const WAITS = 'Used up, the session is ended and the task waits for the next day.';
const SHARED = 'Sessions of a task that may run side by side are given equal shares of what is left.';
const COST = 'claude and opencode say what a session costs, a program behind acp may.';

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
  'limits.tokens': own(TOKENS, null, `${MOST('tokens', 'the whole task')} ${BLOCKS}`, 'no limit'),
  'limits.usd': own(
    USD,
    null,
    `${MOST('dollars', 'the whole task')} ${BLOCKS} ${SHARED} ${COST}`,
    'no limit',
  ),
  'limits.subtask_tokens': own(TOKENS, null, `${MOST('tokens', SUBTASK)} ${BLOCKS}`, 'no limit'),
  'limits.subtask_usd': own(USD, null, `${MOST('dollars', SUBTASK)} ${BLOCKS} ${COST}`, 'no limit'),
  'limits.attempt_tokens': own(TOKENS, null, `${MOST('tokens', ATTEMPT)} ${BLOCKS}`, 'no limit'),
  'limits.attempt_usd': own(USD, null, `${MOST('dollars', ATTEMPT)} ${BLOCKS} ${COST}`, 'no limit'),
  'limits.tokens_per_day': own(TOKENS, null, `${MOST('tokens', DAY)} ${WAITS}`, 'no limit'),
  'limits.usd_per_day': own(USD, null, `${MOST('dollars', DAY)} ${WAITS} ${SHARED} ${COST}`, 'no limit'),
};
