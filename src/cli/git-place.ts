/** The two questions that making a project asks git; everything else about git is the supervisor's. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const EXCLUDED = ['.rasen/', '.worktrees/'] as const;
const GIT_TIMEOUT_MS = 10_000;

/** The top of the git working tree that a folder is in; null outside of git, or without git. */
async function topLevel(folder: string): Promise<string | null> {
  return await ask(folder, ['rev-parse', '--show-toplevel']);
}

/**
 * The project that a folder is in, where no task was made yet: the nearest folder with a configuration of rasen up to the
 * top of the git working tree, else that top, else the folder itself.
 */
export async function projectFolder(folder: string): Promise<string> {
  const top = await topLevel(folder);
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, 'rasen.yml')) || existsSync(join(at, '.rasen'))) return at;
    if (top === null) return folder;
    if (dirname(at) === at || realpathSync(at) === top) return top;
  }
}

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
    execFile('git', args, { cwd, timeout: GIT_TIMEOUT_MS }, (error, stdout) => {
      done(error ? null : stdout.replace(/\n$/, ''));
    });
  });
}
