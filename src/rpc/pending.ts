/** One request of a client that has no answer yet: its timer, its signal, its notifications. Used by client.ts only. */
import { RasenError } from '../contract/errors.ts';
import { LIMITS } from './limits.ts';

export interface PendingOptions {
  method: string;
  timeout_ms: number | null | undefined;
  signal: AbortSignal | undefined;
  /** Makes it a stream. */
  onNotify: ((method: string, params: unknown) => void | Promise<void>) | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Tells the server. */
  cancel(): void;
  /** Forgets this request; a later answer to it is ignored. */
  done(): void;
}

export class Pending {
  readonly #options: PendingOptions;
  #timer: NodeJS.Timeout | undefined;
  readonly #aborted = () => this.#abort();

  constructor(options: PendingOptions) {
    this.#options = options;
    const { timeout_ms, method, signal } = options;
    if (typeof timeout_ms === 'number')
      this.#timer = setTimeout(() => {
        this.giveUp(new RasenError('timeout', `${method} was not answered within ${timeout_ms} ms.`));
      }, timeout_ms);
    signal?.addEventListener('abort', this.#aborted);
  }

  resolve(value: unknown): void {
    this.#release();
    this.#options.resolve(value);
  }

  reject(error: unknown): void {
    this.#release();
    this.#options.reject(error);
  }

  /** Returns a promise while the consumer is busy with it; that never rejects. A consumer that throws ends the stream. */
  notify(method: string, params: unknown): Promise<void> | undefined {
    try {
      const handled = this.#options.onNotify?.(method, params);
      return handled instanceof Promise ? handled.catch(error => this.giveUp(error)) : undefined;
    } catch (error) {
      this.giveUp(error);
      return undefined;
    }
  }

  #abort(): void {
    const { method, onNotify, cancel } = this.#options;
    const cancelled = new RasenError('cancelled', `${method} was cancelled.`);
    if (onNotify) {
      cancel();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.reject(cancelled), LIMITS.cancel_ms);
    } else this.giveUp(cancelled);
  }

  /** Rejects, and tells the server that nobody waits any more. */
  giveUp(error: unknown): void {
    this.#options.cancel();
    this.reject(error);
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    this.#options.done();
  }
}
