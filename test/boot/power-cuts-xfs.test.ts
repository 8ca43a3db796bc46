/** Sixteen of the power cuts; see power-cuts.ts. */
import { powerCuts } from './power-cuts.ts';

powerCuts('host', 'xfs', 8, 'submit');
powerCuts('small', 'xfs', 8, 'merge');
