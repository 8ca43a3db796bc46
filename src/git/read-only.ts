/** Takes the write permission from a throw-away checkout: who only looks finds that it cannot write. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Links are not followed. What removes the checkout opens its folders again (durable.ts). */
export async function makeReadOnly(path: string): Promise<void> {
  await run('chmod', ['-R', 'a-w', '--', path]);
}
