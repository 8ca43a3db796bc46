/** Opens the user's editor on a file and waits for its end. */
import { RasenError } from '../errors.ts';
import type { Context } from './context.ts';

/** Throws RasenError `spawn` when it cannot be started or fails. Its setting may have arguments, as for git. */
export async function editFile({ env, cwd }: Context, file: string): Promise<void> {
  const editor = env.VISUAL || env.EDITOR || 'vi';
  const { spawn } = await import('node:child_process');
  const ended = await new Promise<string | null>(resolve => {
    // The shell splits the user's own setting; the file is an argument beside it, never part of the text.
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, file], { stdio: 'inherit', cwd, env });
    child.once('error', error => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : signal ? `signal ${signal}` : `status ${code}`),
    );
  });
  if (ended !== null)
    throw new RasenError(
      'spawn',
      `The editor (${editor}) ended with ${ended}; the plan was left as it was.`,
      {
        hint: 'Set EDITOR to the editor that you use.',
      },
    );
}
