/**
 * A workspace side by side with what plain git does in a linked worktree, in one run: made, sealed, merged. With
 * RASEN_TEST_LONG also in a repository of 200,000 files.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { merge } from '../../src/git/merge.ts';
import { sealAttempt } from '../../src/git/seal.ts';
import { ensureWorktree, removeWorktree } from '../../src/git/worktree.ts';
import { openTest, removeFolder, sh, tempFolder } from '../support/git-repo.ts';
import { LONG } from '../support/long.ts';

const ROUNDS = LONG ? 5 : 3;
/** Of them in packs; so many more are loose. */
const LOOSE = 3_200;
export const CHANGED = 50;

export interface Figure {
  name: string;
  value: number;
  unit: string;
  max?: number;
}

export async function* workspaces(files: number): AsyncGenerator<Figure> {
  const folder = tempFolder();
  try {
    const root = repository(folder, files);
    const base = sh(root, 'rev-parse', 'HEAD');
    const took = { clone: [], add: [], seal: [], commit: [], merge: [], plain: [] } as Record<
      string,
      number[]
    >;
    const time = async <T>(what: string, act: () => T | Promise<T>): Promise<T> => {
      const began = performance.now();
      const result = await act();
      took[what]!.push(performance.now() - began);
      return result;
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      const task = `t${round}`;
      const repo = await openTest(root, task, 'clone');
      const made = await time('clone', () =>
        ensureWorktree(repo, { task, slug: task, base, base_path: '.worktrees' }),
      );
      const linked = join(folder, `linked-${round}`);
      await time('add', () => sh(root, 'worktree', 'add', '-q', '-b', `plain-${round}`, linked, base));
      for (const place of [made.path, linked]) change(place, round);
      const marks = { task, subtask: 's', attempt: 1 };
      const sealed = await time('seal', () => sealAttempt(repo, made, { good: base, marks, title: 'work' }));
      await time('commit', () => {
        sh(linked, 'add', '-A');
        sh(linked, 'commit', '-q', '-m', 'work');
      });
      const wish = { task, commit: sealed.commit, into: `into-${round}`, squash: false, message: 'merge' };
      sh(root, 'branch', `into-${round}`, base);
      await time('merge', () =>
        merge(repo, { ...wish, scratch: join(folder, 'scratch'), check: async () => {} }),
      );
      await time('plain', () => {
        const other = join(folder, `merged-${round}`);
        sh(root, 'worktree', 'add', '-q', '--detach', other, base);
        sh(other, 'merge', '-q', `plain-${round}`);
      });
      await removeWorktree(repo, made.path);
      sh(root, 'worktree', 'remove', '--force', linked);
      sh(root, 'worktree', 'remove', '--force', join(folder, `merged-${round}`));
    }
    const ms = (what: string) => took[what]!.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
    const pair = function* (ours: string, theirs: string, name: string, plain: string, max?: number) {
      yield { name: `${name}, ${files} files, median`, value: ms(ours), unit: 'ms' };
      yield { name: `${plain}, median`, value: ms(theirs), unit: 'ms' };
      yield { name: `${name} / ${plain}`, value: ms(ours) / ms(theirs), unit: '×', ...(max ? { max } : {}) };
    };
    yield* pair('clone', 'add', 'a clone is prepared', '`git worktree add`', 1);
    yield* pair('seal', 'commit', `${CHANGED} changed files are sealed`, '`git add -A` and `git commit`', 2);
    yield* pair('merge', 'plain', 'a merge with its checkout', '`git worktree add` and `git merge`');
  } finally {
    removeFolder(folder);
  }
}

function repository(folder: string, files: number): string {
  const root = join(folder, 'project');
  mkdirSync(root);
  fill(root, files);
  return root;
}

/** Makes a repository in a folder: as many files in a pack, and some more that are loose. */
export function fill(root: string, files: number): void {
  sh(root, 'init', '-q', '-b', 'main');
  const lines = ['commit refs/heads/main', 'committer U <u@example.org> 0 +0000', 'data 1', 'a'];
  for (let n = 0; n < files; n += 1) {
    const text = `${n} ${'x'.repeat(n % 400)}.`;
    lines.push(`M 100644 inline d${n % 199}/e${n % 7}/f${n}.txt`, `data ${text.length}`, text);
  }
  const made = spawnSync('git', ['fast-import', '--quiet'], { cwd: root, input: `${lines.join('\n')}\n` });
  if (made.status !== 0) throw new Error(String(made.stderr));
  sh(root, 'reset', '-q', '--hard');
  for (let n = 0; n < LOOSE; n += 1) writeFileSync(join(root, `d${n % 199}/loose${n}.txt`), `${n}\n`);
  sh(root, 'add', '-A');
  sh(root, 'commit', '-q', '-m', 'loose');
}

function change(root: string, round: number): void {
  for (let n = 0; n < CHANGED; n += 1)
    writeFileSync(join(root, `d${n % 199}/e${n % 7}/f${n}.txt`), `${round} ${n}\n`);
}
