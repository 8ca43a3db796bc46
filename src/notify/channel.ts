/** A way in which a notice reaches a person. One file per kind beside this; index.ts has the list. */
import type { NotifyChannel } from '../contract/notify.ts';
import type { Message } from './message.ts';

/** Longest that one channel may take, with all its tries. */
export const CHANNEL_MS_MAX = 30_000;

/** What asking again would not change. */
export class Refused extends Error {}

export interface Place {
  /** Of the task; the secrets of a task are in it for its command alone. */
  env: Record<string, string>;
  cwd: string;
  /** Values of secrets in it: whatever a channel complains of, they are not repeated. */
  secrets: readonly string[];
  /** Nobody waits for it any longer. */
  signal: AbortSignal;
}

export interface Channel {
  readonly name: NotifyChannel;
  /** Throws what went wrong, in words without anything secret. */
  send(message: Message, place: Place): Promise<void>;
}
