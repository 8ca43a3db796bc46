/** The key of what is up while a task of the project works: `services`. */
import { own } from './keys-row.ts';
import { SERVICES } from './services-type.ts';

export const SERVICES_KEYS = {
  services: own(
    SERVICES,
    {},
    'What is up while a task of the project works, by name: started in its worktree, used by agents and gates, and stopped when the task rests. See SERVICES AND ORDER.',
    'none',
  ),
};
