/** `stop`: end what runs of a task. */
import * as z from 'zod';
import { brief } from '../brief.ts';
import { defineTool } from '../tool.ts';
import { taskRef } from '../work.ts';

/** SIGTERM, 30 s, SIGKILL, and then the end of all processes. */
const STOP_MS = 120_000;
const ANSWER_MS = 45_000;

export const stop = defineTool({
  name: 'stop',
  title: 'Stop a task',
  description:
    'Stops a task and keeps its state; a person can resume it. From inside a task: that task, and those that it has handed over.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    task: taskRef,
    force: z.boolean().default(false).describe('SIGKILL now, in place of SIGTERM and SIGKILL after 30 s.'),
  }),
  async answer({ task, force }, door) {
    const params = { task, force, op: crypto.randomUUID() };
    const stopped = door.call('task.stop', params, { timeout_ms: STOP_MS });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>(resolve => {
      timer = setTimeout(() => resolve(null), ANSWER_MS);
    });
    const view = await Promise.race([stopped, late]).finally(() => clearTimeout(timer));
    if (view) return brief(view);
    stopped.catch(() => {});
    return { ...brief(await door.call('task.get', { task })), notes: ['It is being stopped.'] };
  },
});
