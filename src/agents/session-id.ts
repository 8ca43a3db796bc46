/** The id of a session where it can be chosen: made from the nonce of its attempt, so the same however often it is asked for. */
import { createHash } from 'node:crypto';
import type { AgentRequest } from './agent.ts';

/** A UUID in the form of version 4, which every agent takes. No two attempts have the same: no two processes share a session. */
export function sessionId({ task, subtask, attempt, nonce }: AgentRequest): string {
  const hex = createHash('sha256').update(`${task}/${subtask}/${attempt}/${nonce}`).digest('hex');
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
