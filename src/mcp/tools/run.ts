/** `run`: hand work over. */
import * as z from 'zod';
import { ulid } from '../../util/ulid.ts';
import { brief } from '../brief.ts';
import type { Door } from '../door.ts';
import { defineTool } from '../tool.ts';
import { orderOfWork, turnFields, workFields } from '../work.ts';

export const run = defineTool({
  name: 'run',
  title: 'Hand work over',
  description:
    'Hands over work that outlives this session: a command, a goal for a coding agent, or a file of subtasks. Answers at once, when the task is durable; it goes on whatever happens to this session or the machine. Use it for builds, tests and jobs that take more than a minute. Then `wait` for it, or go on with something else.',
  // What a command does nobody knows: clients that ask before such tools shall ask.
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input: z.strictObject({
    ...workFields,
    name: z.string().min(1).max(100).optional().describe('Short name of the task.'),
    key: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('One task per key: the same again is the task that is there.'),
    ...turnFields,
  }),
  async answer({ name, key, after, group, priority, ...work }, door) {
    const turn = {
      ...(after && { after: await idsOf(door, after) }),
      ...(group !== undefined && { group }),
      ...(priority !== undefined && { priority }),
    };
    const order = await orderOfWork(door, work, { id: ulid(), key, name, turn });
    const { created, task, notes } = await door.submit(order, work.env);
    const said = [...order.notes, ...(created ? order.advice : []), ...notes];
    return {
      created,
      ...brief(task),
      ...(said.length > 0 ? { notes: said } : {}),
      ...(task.parent === undefined
        ? {}
        : { told: 'When it is over, you are told in this session, or in the next one of your task.' }),
    };
  },
});

async function idsOf(door: Door, refs: readonly string[]): Promise<string[]> {
  const ids = await Promise.all(refs.map(async task => (await door.call('task.get', { task })).id));
  return [...new Set(ids)];
}
