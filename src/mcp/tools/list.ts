/** `list`: tasks, newest first. */
import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { line } from '../brief.ts';
import { defineTool } from '../tool.ts';

const LIMIT = 20;
const STATUSES = [
  ...(['pending', 'running', 'waiting', 'interrupted', 'blocked', 'completed', 'failed'] as const),
  'cancelled',
] as const;

export const list = defineTool({
  name: 'list',
  title: 'List tasks',
  description: 'Tasks of this user, newest first, with the last line that each printed.',
  annotations: { readOnlyHint: true, openWorldHint: false },
  input: z.strictObject({
    status: z.array(z.enum(STATUSES)).min(1).optional().describe('Only tasks in one of these statuses.'),
    folder: z
      .string()
      .max(4096)
      .refine(isAbsolute, 'must be absolute')
      .optional()
      .describe('Only tasks that work in this folder; absolute.'),
    limit: z.int().min(1).max(200).default(LIMIT).describe(`At most so many. Default: ${LIMIT}.`),
  }),
  async answer({ status, folder, limit }, door) {
    const views = await door.call('task.list', {
      ...(status && { status }),
      ...(folder !== undefined && { project: folder }),
      limit,
      last_output: true,
    });
    return { tasks: views.map(line) };
  },
});
