/** Sixteen of the power cuts; see power-cuts.ts. */
import { powerCuts } from './power-cuts.ts';

powerCuts('host', 'ext4', 8, 'submit');
powerCuts('small', 'ext4', 8, 'merge');
