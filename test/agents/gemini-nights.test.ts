/** Nights with the real gemini. */
import { nights } from './nights.ts';

nights('gemini');
