/** Nights with the real codex. */
import { nights } from './nights.ts';

nights('codex');
