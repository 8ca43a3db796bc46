/** Another supervisor that has a repository, for the time of a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Resolves when it holds the lock; it does until it is killed, at the end of the test at the latest. */
export async function holdRepository(common_dir: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'git-lock-holder.ts');
  const holder = spawn(process.execPath, [script, common_dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  return holder;
}
