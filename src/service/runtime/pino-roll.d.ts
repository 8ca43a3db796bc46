/** The part of pino-roll 4.0.0 that we use; the package has no types of its own. */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events';

  interface Options {
    file: string | (() => string);
    /** `100k`, `5m`; `b` for bytes. */
    size?: string | number;
    limit?: { count: number; removeOtherLogFiles?: boolean };
    /** Of sonic-boom: a write is done when write() returns. */
    sync?: boolean;
    /** Of the files it makes. */
    mode?: number;
    /** Most characters that are kept of what could not be written. */
    maxLength?: number;
  }
  export interface RollStream extends EventEmitter {
    /** Path of the file in use. */
    readonly file: string;
    readonly destroyed: boolean;
    write(text: string): boolean;
    end(): void;
    destroy(): void;
  }
  export default function roll(options: Options): Promise<RollStream>;
}
