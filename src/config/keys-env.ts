/** The keys of what the programs of a task find in their environment: `env`, `pass_env`, `secrets`. */
import { ENV, PASS_ENV, SECRETS } from './env-types.ts';
import { byName, own } from './keys-row.ts';

export const ENV_KEYS = {
  env: byName(
    ENV,
    {},
    'Variables for every program of the task, over those captured when it is handed over; those of a subtask are stronger. A value that looks like a secret is refused: this file is read by agents.',
    'none',
  ),
  pass_env: own(
    PASS_ENV,
    [],
    'Variables that are captured beside the usual ones when the task is handed over, by name, or by beginning and an *; see ENVIRONMENT AND SECRETS.',
    'none',
  ),
  secrets: byName(
    SECRETS,
    {},
    'Variables whose values are looked up whenever a program of the task starts, each a reference or {from, for}; see ENVIRONMENT AND SECRETS.',
    'none',
  ),
};
