/** The real claude. */
import { matrix } from './matrix.ts';

matrix('claude');
