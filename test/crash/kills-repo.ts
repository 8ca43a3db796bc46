/** A small git repository for the kill tests. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function makeRepo(path: string, env: NodeJS.ProcessEnv): string {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'README.md'), 'A repository.\n');
  const git = (...args: string[]) => execFileSync('git', args, { cwd: path, env });
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'first');
  return path;
}
