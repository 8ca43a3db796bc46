/** The real codex. */
import { matrix } from './matrix.ts';

matrix('codex');
