/** The version of this rasen and of the things it writes and speaks. */

/** Replaced by the build with package.json's version. */
declare const __RASEN_VERSION__: string | undefined;

export const VERSION: string = typeof __RASEN_VERSION__ === 'string' ? __RASEN_VERSION__ : '0.0.0-source';

/** Major versions of the control protocol that this code speaks. */
export const PROTOCOL = { min: 1, max: 1 } as const;

/** Format of a task's journal and snapshots (store/file/migrate.ts knows the older ones). */
export const FORMAT = 1;
