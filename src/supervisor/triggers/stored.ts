/** Triggers as the disk has them, where no supervisor runs. Only reads. */
import type { Paths } from '../../paths.ts';
import { TriggerStore } from '../../store/file/trigger-store.ts';
import type { TriggerState } from '../../triggers/state.ts';
import { findTrigger } from './find.ts';
import type { TriggerSource } from './reader.ts';

export class StoredTriggers implements TriggerSource {
  readonly #states: TriggerState[];

  constructor(paths: Paths) {
    this.#states = new TriggerStore(paths, { only_reads: true }).load();
  }

  all(): TriggerState[] {
    return this.#states;
  }

  get(ref: string): TriggerState {
    return findTrigger(this.#states, ref);
  }

  watching(): null {
    return null;
  }

  get areActive(): boolean {
    return this.#states.some(({ status }) => status === 'active');
  }
}
