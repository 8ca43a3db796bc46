/** What a task may say of its turn, for the schema and for those who ask before they send. */

/** Of a group: what fits in a message, a file of settings and a shell without quotes. */
export const GROUP_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Priorities reach as far below zero. */
export const PRIORITY_MAX = 1000;
