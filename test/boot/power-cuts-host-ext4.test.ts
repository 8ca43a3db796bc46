/** A share of the power cuts; see power-cuts.ts. Files run side by side, the tests of one file do not. */
import { powerCuts } from './power-cuts.ts';

powerCuts('host', 'ext4', 'submit');
