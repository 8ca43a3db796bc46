/** Parameters that several methods share. */
import * as z from 'zod';
import { taskView } from '../view.ts';

export const taskRef = z
  .string()
  .min(1)
  .max(200)
  .describe(
    'A task: its id, a prefix or suffix of at least 4 characters that is unique, its name, or the path of its project for the newest one there.',
  );

export const triggerRef = z
  .string()
  .min(1)
  .max(200)
  .describe('A trigger: its name, its id, or a suffix of the id of at least 4 characters.');

export const op = z
  .string()
  .min(1)
  .max(100)
  .optional()
  .describe('Chosen by the caller; a repeated request with the same op is done once.');

/** Longest text of a note. */
export const MAX_NOTE_CHARS = 8000;

export const noteText = z
  .string()
  .max(MAX_NOTE_CHARS)
  .refine(text => text.trim() !== '', 'must not be empty')
  .describe(`At most ${MAX_NOTE_CHARS} characters.`);

/** Answer to a note. */
export const noted = z.looseObject({
  task: taskView,
  note: z.int().describe('Number of the note.'),
  how: z
    .enum(['live', 'prompt'])
    .describe('live: the session that runs is told. prompt: the next one finds it in its prompt.'),
  subtask: z.string().nullable().describe('Whose session is told; null: that of the next attempt.'),
});
