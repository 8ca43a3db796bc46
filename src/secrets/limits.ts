/** Every limit of looking up secrets. */

/** Longest value, and longest secrets.env; an environment cannot have more in one variable on Linux (128 KiB). */
export const SECRET_BYTES_MAX = 64 * 1024;
/** Longest time a command may take to print a secret. It must not wait for a person: nobody is there. */
export const COMMAND_MS_MAX = 30_000;
/** How long the pipes are read after its end: it may have left a helper (an agent) that holds them for ever. */
export const LEFT_BEHIND_MS = 200;
/** What is quoted of a command's complaint. */
export const COMPLAINT_MAX = 200;
