/** Nights with the real opencode over acp. */
import { nights } from './nights.ts';

nights('opencode over acp');
