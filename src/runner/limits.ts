/** Every wait, size and number of rounds of the runner's side, in one place. Used by the files of this folder only. */

/** First and longest pause between two looks at the processes of an attempt that is being stopped, in ms. */
export const STOP_POLL_MS_MIN = 5;
export const STOP_POLL_MS_MAX = 100;

/** How long a session program may take to bring its agent to an end before all are told, in ms. */
export const ASK_MS_MAX = 6_000;

/** How long a runner without members may take to record the end before it is killed, in ms. */
export const RECORD_MS_MAX = 5_000;

/** How long members may live on after SIGKILL (uninterruptible sleep) before the stop is given up, in ms. */
export const KILL_MS_MAX = 20_000;

/** How long the manager of a unit may take from the end of the runner to the record of it (its SIGTERM, SIGKILL, a full disk), in ms. */
export const FINISH_MS_MAX = 120_000;

/** Passes of SIGSTOP in a row that may find new processes before SIGKILL is sent anyway. */
export const FREEZE_PASSES_MAX = 20;

/** Empty looks in a row that count as "verifiably empty". */
export const EMPTY_PASSES = 2;

/** Listings of the process table within one look; each takes up what was forked during the one before. */
export const LISTINGS_MAX = 5;

/** Largest environment of a process that is searched for a marker, in bytes (Linux allows a quarter of the stack). */
export const ENVIRON_BYTES_MAX = 8 * 1024 * 1024;

/** Largest `runner` and `exit` file that is believed, in bytes. */
export const RECORD_BYTES_MAX = 4096;

/** Largest `spec.json`, in bytes. */
export const SPEC_BYTES_MAX = 128 * 1024 * 1024;

/** Longest run of a helper program (ps, sysctl, fallocate), in ms. */
export const HELPER_MS_MAX = 60_000;

/** Largest answer of a helper program, in bytes. */
export const HELPER_BYTES_MAX = 64 * 1024 * 1024;

/** Unit in which blocks of `output` are freed, in bytes: a multiple of every common filesystem's block. */
export const CAP_BLOCK_BYTES = 64 * 1024;

/** Share of the cap that is freed beyond the need, so that a steady writer is not punched at every look. */
export const CAP_SLACK = 1 / 8;

/** Step in which `output` is read backwards for its last lines, in bytes. */
export const TAIL_STEP_BYTES = 64 * 1024;
