/** Nights with the real claude. */
import { nights } from './nights.ts';

nights('claude');
