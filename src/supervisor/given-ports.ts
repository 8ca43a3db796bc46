/**
 * Ports for services that take any: none is given to two, although a service listens at its own only some time after it was
 * chosen. What tasks hold is in their states; what was just given is here, and gone with this supervisor.
 */
import { portOf } from '../engine/service.ts';
import type { TaskState } from '../engine/state.ts';
import { freePortFor } from '../host/ports.ts';

export interface PortWish {
  /** Leads to the port: the same name, the same port, where it is free. */
  name: string;
  /** Whose it is. Asked again, they may be given the same. */
  task: string;
  service: string;
  /** Of a merge: held until it is released, and not for as long as the task lives. */
  for_merge?: boolean;
}

export class GivenPorts {
  readonly #open: () => readonly TaskState[];
  readonly #find: typeof freePortFor;
  readonly #given = new Map<number, PortWish>();

  /** `open`: the tasks that are not over. */
  constructor(open: () => readonly TaskState[], find: typeof freePortFor = freePortFor) {
    this.#open = open;
    this.#find = find;
  }

  /** null: none is free. */
  async give(wish: PortWish): Promise<number | null> {
    for (;;) {
      const port = await this.#find(wish.name, this.#heldByOthers(wish));
      // Others were asking meanwhile.
      if (port !== null && this.#heldByOthers(wish).has(port)) continue;
      if (port !== null) this.#given.set(port, wish);
      return port;
    }
  }

  /** Of the merge of a task. */
  release(task: string): void {
    for (const [port, wish] of this.#given)
      if (wish.for_merge && wish.task === task) this.#given.delete(port);
  }

  #heldByOthers({ task, service, for_merge = false }: PortWish): Set<number> {
    const open = this.#open();
    const alive = new Set(open.map(({ id }) => id));
    for (const [port, wish] of this.#given)
      if (!wish.for_merge && !alive.has(wish.task)) this.#given.delete(port);
    const given = [...this.#given].filter(
      ([, by]) => by.task !== task || by.service !== service || (by.for_merge ?? false) !== for_merge,
    );
    const known = open.flatMap(state =>
      state.steps.flatMap(step =>
        step.kind !== 'service' || (state.id === task && step.id === service && !for_merge)
          ? []
          : (portOf(state, step) ?? []),
      ),
    );
    return new Set([...given.map(([port]) => port), ...known]);
  }
}
