/** Hash that freezes a plan. */
import type { Plan } from '../contract/plan.ts';
import { sha256 } from '../util/sha256.ts';

export const planHash = (plan: Plan): string => sha256(JSON.stringify(plan));
