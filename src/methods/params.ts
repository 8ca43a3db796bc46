/** Parameters that several methods share. */
import * as z from 'zod';

export const taskRef = z
  .string()
  .min(1)
  .max(200)
  .describe(
    'A task: its id, a prefix or suffix of at least 4 characters that is unique, its name, or the path of its project for the newest one there.',
  );

export const op = z
  .string()
  .min(1)
  .max(100)
  .optional()
  .describe('Chosen by the caller; a repeated request with the same op is done once.');
