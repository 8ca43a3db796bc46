/** Nights with the real gemini over acp. */
import { nights } from './nights.ts';

nights('gemini over acp');
