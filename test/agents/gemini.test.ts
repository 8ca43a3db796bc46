/** The real gemini. */
import { matrix } from './matrix.ts';

matrix('gemini');
