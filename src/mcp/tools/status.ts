/** `status`: one task as it is now. */
import * as z from 'zod';
import { brief } from '../brief.ts';
import { defineTool } from '../tool.ts';
import { taskRef } from '../work.ts';

export const status = defineTool({
  name: 'status',
  title: 'Status of a task',
  description:
    'Shows a task as it is now. goes_on: false means that it is over (completed, failed, cancelled), or needs a person (blocked, interrupted): then `reason` says why.',
  annotations: { readOnlyHint: true, openWorldHint: false },
  input: z.strictObject({ task: taskRef }),
  answer: async ({ task }, door) => brief(await door.call('task.get', { task })),
});
