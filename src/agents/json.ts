/** Lenient access to parsed JSON, where the readers of agents look for it. */
export { amount, count, type Json, list, number, object, text } from '../util/json.ts';
