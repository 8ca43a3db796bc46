/** What the watcher is told, and what it says: JSON lines on its standard input and output. */

export interface WatchOrder {
  /** Absolute. */
  root: string;
  patterns: string[];
  ignore: string[];
  outputs: string[];
  debounce_ms: number;
  /** The file in which the tree is kept as the last run has seen it; where there is none, the files count as seen. */
  tree: string;
}

/** Changes that were told are taken care of; they are not told again. */
export interface Ack {
  ack: number;
}

export type Said =
  | { ready: { files: number } }
  /** Why the tree is looked through from time to time, and not watched. */
  | { polling: string }
  | { problem: string }
  | {
      changed: {
        id: number;
        /** Relative to the root. */
        paths: string[];
        /** Wall times of the first change and of the last, ms. */
        first_ms: number;
        last_ms: number;
      };
    };
