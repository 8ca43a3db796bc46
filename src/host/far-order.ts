/** What the supervisor and its helper for files say to each other (far-files.ts, far-helper.ts). */
import type { WorkName } from './file-work.ts';

export interface Order {
  id: number;
  name: WorkName;
  args: unknown[];
}

export interface Answer {
  /** Of the order; READY before the first. */
  id: number;
  /** An outcome of FILE_WORK. */
  outcome?: unknown;
  /** A mistake of ours. */
  error?: string;
}

/** Says that it has started, which can take long where much is going on. */
export const READY = 0;
