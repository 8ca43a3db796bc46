/** The question that making a project asks git; everything else about git is the supervisor's. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { withoutHook } from '../submit/git-env.ts';

const EXCLUDED = ['.rasen/', '.worktrees/'] as const;
const GIT_TIMEOUT_MS = 10_000;

/** Keeps our folders out of `git status` of this clone, without touching a file that is committed. */
export async function excludeLocally(root: string): Promise<void> {
  const path = await ask(root, ['rev-parse', '--git-path', 'info/exclude']);
  if (path === null) return;
  const file = resolve(root, path);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const lines = new Set(text.split('\n').map(line => line.trim()));
  const missing = EXCLUDED.filter(pattern => !lines.has(pattern) && !lines.has(`/${pattern}`));
  if (missing.length === 0) return;
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`);
}

async function ask(cwd: string, args: string[]): Promise<string | null> {
  const { execFile } = await import('node:child_process');
  return await new Promise(done => {
    execFile(
      'git',
      args,
      { cwd, env: withoutHook(process.env), timeout: GIT_TIMEOUT_MS },
      (error, stdout) => {
        done(error ? null : stdout.replace(/\n$/, ''));
      },
    );
  });
}
