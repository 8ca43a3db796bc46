/** Opens the user's editor on a text that is kept in a file until it is not needed any more. */
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import type { Context } from './context.ts';
import { inProject, readBelow, writeWhole } from './project.ts';

export interface Edited {
  /** Absolute. */
  file: string;
  read(): string;
  remove(): void;
}

/** Below `.rasen/` of the project, where the next boot leaves it alone; in the temporary folder where there is none. */
export function newEdit(project: string, text: string): Edited {
  if (!lstatSync(inProject(project, ''), { throwIfNoEntry: false })?.isDirectory()) {
    const folder = mkdtempSync(join(tmpdir(), 'rasen-plan-'));
    const file = join(folder, 'plan.yml');
    writeFileSync(file, text);
    return {
      file,
      read: () => readFileSync(file, 'utf8'),
      remove: () => rmSync(folder, { recursive: true }),
    };
  }
  const path = `.rasen/plan-edit-${crypto.randomUUID().slice(0, 8)}.yml`;
  writeWhole(project, path, text);
  const file = join(project, path);
  return { file, read: () => readBelow(project, path), remove: () => rmSync(file, { force: true }) };
}

/** The exit status of a shell that does not find the program. */
const NOT_FOUND = 127;

/** Throws RasenError `spawn` when it cannot be started or fails. Its setting may have arguments, as for git. */
export async function editFile({ env, cwd }: Context, file: string): Promise<void> {
  const set = env.VISUAL || env.EDITOR;
  const editor = set || 'vi';
  const { spawn } = await import('node:child_process');
  // Ctrl-C in an editor is the editor's.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  const ended = await new Promise<string | null>(resolve => {
    // The shell splits the user's own setting; the file is an argument beside it, never part of the text.
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, file], { stdio: 'inherit', cwd, env });
    child.once('error', error => resolve(`cannot be started: ${error.message}`));
    child.once('close', (code, signal) => {
      if (code === NOT_FOUND) resolve('is not on PATH');
      else resolve(code === 0 ? null : `ended with ${signal ? `signal ${signal}` : `status ${code}`}`);
    });
  }).finally(() => process.off('SIGINT', ignore));
  if (ended === null) return;
  throw new RasenError('spawn', `The editor (${editor}) ${ended}; the plan was left as it was.`, {
    hint: set
      ? 'Correct VISUAL or EDITOR.'
      : 'Neither VISUAL nor EDITOR is set: set EDITOR to the editor you use.',
  });
}
