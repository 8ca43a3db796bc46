/**
 * Real repositories for tests, in their own temporary folder. The environment of git is fixed here, so that neither
 * the configuration of whoever runs the tests nor a surrounding repository has a say.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { captureRepository } from '../../src/git/captured.ts';
import { openRepository } from '../../src/git/own-dir.ts';
import type { Isolation, Repository } from '../../src/git/repository.ts';

export interface TestRepo {
  /** Holds the repository and whatever else the test makes. */
  folder: string;
  repo: Repository;
  base: string;
}

const ENV = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'User',
  GIT_AUTHOR_EMAIL: 'user@example.org',
  GIT_COMMITTER_NAME: 'User',
  GIT_COMMITTER_EMAIL: 'user@example.org',
};

/** git as the user or an agent runs it. */
export function sh(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd, env: ENV, encoding: 'utf8', stdio: 'pipe' }).trim();
}

export function write(root: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** Commits all of a folder and returns the commit. */
export function commitAll(cwd: string, message = 'work'): string {
  sh(cwd, 'add', '-A');
  sh(cwd, 'commit', '-q', '--allow-empty', '-m', message);
  return sh(cwd, 'rev-parse', 'HEAD');
}

export function tempFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'rasen-git-')));
}

export async function makeRepo(
  files: Record<string, string> = { 'a.txt': 'one\n', 'src/b.txt': 'two\n' },
  isolation: Isolation = 'linked',
): Promise<TestRepo> {
  const folder = tempFolder();
  const root = join(folder, 'project');
  mkdirSync(root);
  sh(root, 'init', '-q', '-b', 'main');
  write(root, files);
  const base = commitAll(root, 'first');
  return { folder, repo: await openTest(root, 't1', isolation), base };
}

/** The repository at `root` as a supervisor has it, with the configuration that it has now; its state is beside it. */
export async function openTest(
  root: string,
  task = 't1',
  isolation: Isolation = 'linked',
): Promise<Repository> {
  const env = { ...process.env, GIT_CONFIG_NOSYSTEM: '1' } as Record<string, string>;
  const captured = await captureRepository(root, env);
  const state = join(dirname(captured.root), 'state', 'git');
  return await openRepository({ task, captured, state, env, isolation });
}

/** Removes a temporary folder, also where a test took permissions away. */
export function removeFolder(folder: string): void {
  const open = (path: string) => {
    if (!lstatSync(path).isDirectory()) return;
    chmodSync(path, 0o700);
    for (const name of readdirSync(path)) open(join(path, name));
  };
  open(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** What of a repository may change before a merge: rasen's own refs, records and worktrees, and new objects. */
const OURS =
  /^(?:\.worktrees|\.git\/(?:worktrees|rasen|objects|info\/exclude|(?:logs\/)?refs\/(?:rasen|heads\/rasen)))(?:\/|$)/;

/** Every file of the user's checkout and repository with mode, link target and content, without what is rasen's. */
export function fingerprint(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string) => {
    const name = relative(root, path);
    if (OURS.test(name)) return;
    // A view may go between the listing and the look.
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) {
      for (const entry of readdirSync(path).sort()) visit(join(path, entry));
      return;
    }
    const content = stat.isSymbolicLink() ? readlinkSync(path) : readFileSync(path);
    const hash = createHash('sha256').update(content).digest('hex');
    found.set(name, `${stat.mode.toString(8)} ${hash}`);
  };
  visit(root);
  return found;
}
