/**
 * The whole counts of a test, RASEN_TEST_LONG=1: hours in all, by hand. Without it each test runs a sample of its own that
 * takes each way at least once, and that fits into what is run before a change lands.
 */
export const LONG = process.env.RASEN_TEST_LONG === '1';
