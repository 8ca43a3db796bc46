/** Nights with the real opencode. */
import { nights } from './nights.ts';

nights('opencode');
