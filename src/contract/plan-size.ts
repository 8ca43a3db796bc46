/** How many subtasks a plan may have, for the schema and for those who count before they send. */

export const MAX_SUBTASKS = 1000;
/** The same where none needs another: nothing has to be worked out about their order. */
export const MAX_ALONE = 10_000;
/** Subtasks of one task that run at once. */
export const MAX_PARALLEL = 64;
