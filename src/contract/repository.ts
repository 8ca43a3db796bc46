/** The repository of a task as it was when the task was submitted (git/captured.ts). Part of the journal. */
import * as z from 'zod';

const path = z.string();
export const capturedRepository = z.object({
  root: path.describe('Top of the user’s checkout.'),
  folder: path.optional().describe('Where the project is in it, empty at its top. Absent: at its top.'),
  git_dir: path.describe('git’s folder of that checkout; the common one, or that of a linked worktree.'),
  common_dir: path.describe(
    'What all worktrees of the repository share: its identity. A real path, as the next two are.',
  ),
  objects: path,
  refs: path,
  config: z
    .array(z.tuple([z.string(), z.string().nullable()]))
    .describe('Settings that decide what a commit holds, in order; null: named without a value.'),
  exclude: z
    .string()
    .describe('Ignore patterns of the user and of the repository that are not in its files.'),
  attributes: z.string().describe('Attributes of the repository over those in its files.'),
  users_attributes: z.string().describe('Attributes of the user beneath those in its files.'),
  sparse: z.string().nullable().describe('Patterns of a sparse checkout; null where there is none.'),
  shallow: z.string().nullable().describe('Ends of a shallow history; null where there are none.'),
  alternates: z.string().nullable().describe('Other places that objects are in; null where there are none.'),
});
export type CapturedRepository = z.infer<typeof capturedRepository>;
