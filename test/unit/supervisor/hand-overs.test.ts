/** Tasks that were handed over: one that cannot be read keeps its parent from hearing of no other. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { RasenError } from '../../../src/contract/errors.ts';
import type { NewEvent } from '../../../src/contract/event.ts';
import { HandOvers, type HandOversOptions } from '../../../src/supervisor/hand-overs.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

it('tells of those beside one that cannot be read, and looks at that one again', async () => {
  const parent = new TaskBuilder(specOf({})).claimed().plan(['a']).started().state;
  const handed = ['one', 'damaged', 'two'].map(task => ({ task, tell: true }));
  const entry = { id: parent.id, state: { ...parent, handed } };
  const child = new TaskBuilder(specOf({})).claimed().plan(['a']).started().state;
  const recorded: NewEvent[] = [];
  let looks = 0;
  const registry = {
    listen: () => () => {},
    all: () => [entry],
    get: (id: string) => (id === parent.id ? entry : { id }),
    exclusive: async (_: unknown, work: () => unknown) => await work(),
    record: async (_: unknown, events: NewEvent[]) => void recorded.push(...events),
    glance: () => ({ status: 'completed' }),
    viewOf: ({ id }: { id: string }) => {
      if (id !== 'damaged') return { name: id, reason: null, result: 'done' };
      looks++;
      throw new RasenError('storage', 'its journal cannot be read now');
    },
    stateOf: () => child,
    damaged: [],
  };
  const warned: string[] = [];
  const hand_overs = new HandOvers({
    registry,
    reconciler: { kick: () => {} },
    log: { warn: (_: object, text: string) => void warned.push(text) },
    outputEnd: async () => null,
  } as unknown as HandOversOptions);
  hand_overs.start();
  while (warned.length === 0) await turn();
  hand_overs.close();
  const told = recorded.flatMap(event => (event.type === 'handed_over_ended' ? [event.task] : []));
  expect([told, looks]).toEqual([['one', 'two'], 1]);
  expect(warned[0]).toContain('its journal cannot be read now');
});
