/**
 * A clone is its agent's to do with as it likes. Random git commands in it, by one that commits and one that does not:
 * the user's repository stays as it was, byte for byte, and no commit that was accepted is lost. And one that is made to
 * harm whoever reads it: nothing of it is run, nothing is waited for, nothing elsewhere is read or written.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { markGood } from '../../src/git/refs.ts';
import { resetWorktree } from '../../src/git/reset.ts';
import { type Sealed, sealAttempt } from '../../src/git/seal.ts';
import { putRight, standingOf } from '../../src/git/standing.ts';
import { restoreWorktree } from '../../src/git/trust.ts';
import { ensureWorktree, freshCheckout, type Worktree } from '../../src/git/worktree.ts';
import { worktreeState } from '../../src/git/worktree-state.ts';
import {
  fingerprint,
  makeRepo,
  openTest,
  removeFolder,
  sh,
  type TestRepo,
  write,
} from '../support/git-repo.ts';
import { LONG } from '../support/long.ts';

let t: TestRepo;
let w: Worktree;
beforeEach(async () => {
  t = await makeRepo({ 'a.txt': 'one\n', 'src/b.txt': 'two\n' }, 'clone');
});
afterEach(() => removeFolder(t.folder));

const made = async () => {
  t.repo = await openTest(t.repo.root, 't1', 'clone');
  w = await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
};
const seal = (attempt: number, good = t.base) =>
  sealAttempt(t.repo, w, { good, marks: { task: 't1', subtask: 's', attempt }, title: 'work' });
const inClone = (...args: string[]) => spawnSync('git', args, { cwd: w.path, encoding: 'utf8', env: AGENT });
const AGENT = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Agent',
  GIT_AUTHOR_EMAIL: 'agent@example.org',
  GIT_COMMITTER_NAME: 'Agent',
  GIT_COMMITTER_EMAIL: 'agent@example.org',
  GIT_EDITOR: 'true',
  GIT_TERMINAL_PROMPT: '0',
};

/** A repository as people have them: branches, tags, a stash, hooks, a remote, packed and loose objects, a worktree. */
function lived(): void {
  const root = t.repo.root;
  sh(root, 'branch', 'precious');
  sh(root, 'tag', '-a', '-m', 'v1', 'v1');
  execFileSync('git', ['init', '-q', '--bare', join(t.folder, 'origin.git')]);
  sh(root, 'remote', 'add', 'origin', join(t.folder, 'origin.git'));
  sh(root, 'push', '-q', 'origin', 'main');
  sh(root, 'fetch', '-q', 'origin');
  sh(root, 'repack', '-adq');
  write(root, { 'a.txt': 'one\nmore\n' });
  sh(root, 'commit', '-qam', 'second');
  t.base = sh(root, 'rev-parse', 'HEAD');
  write(root, { 'a.txt': 'one\nmore\nprivate\n' });
  sh(root, 'stash', '-q');
  write(root, { 'notes.txt': 'not added\n', 'a.txt': 'one\nmore\nin work\n' });
  sh(root, 'add', 'a.txt');
  mkdirSync(join(t.repo.common_dir, 'hooks'), { recursive: true });
  writeFileSync(join(t.repo.common_dir, 'hooks/pre-push'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
}

/** All that the user has: files, git's files, and every object that was there. */
function witness(): () => void {
  const root = t.repo.root;
  const users = () => Object.fromEntries(fingerprint(root));
  const objects = () => {
    const folder = t.repo.objects;
    const names = (readdirSync(folder, { recursive: true }) as string[]).filter(name =>
      /[0-9a-f]{38}/.test(name),
    );
    return names.sort().map(name => [name, hashOf(join(folder, name))]);
  };
  const before = { users: users(), objects: objects(), refs: userRefs(), stash: sh(root, 'stash', 'list') };
  // What nobody looks at is never found to be changed.
  for (const name of ['index', 'HEAD', 'config', 'logs/refs/stash', 'hooks/pre-push', 'refs/tags/v1'])
    expect(before.users).toHaveProperty([`.git/${name}`]);
  const remote = sh(join(t.folder, 'origin.git'), 'for-each-ref');
  return () => {
    expect(users()).toEqual(before.users);
    expect(userRefs()).toEqual(before.refs);
    expect(sh(root, 'stash', 'list')).toBe(before.stash);
    expect(sh(join(t.folder, 'origin.git'), 'for-each-ref'), 'the remote').toBe(remote);
    expect(objects()).toEqual(expect.arrayContaining(before.objects));
    expect(() => sh(root, 'fsck', '--strict')).not.toThrow();
  };
}

const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const userRefs = () =>
  sh(t.repo.root, 'for-each-ref')
    .split('\n')
    .filter(line => !/refs\/(?:rasen|heads\/rasen)\//.test(line));

/** The same numbers for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Command = (roll: (below: number) => number) => string[];
const COMMANDS: Command[] = [
  () => ['stash', '-u'],
  () => ['stash', 'pop'],
  () => ['stash', 'clear'],
  () => ['branch', '-D', 'precious'],
  () => ['branch', '-D', 'main'],
  () => ['branch', '-f', 'main', 'HEAD'],
  roll => ['checkout', '-q', '-B', `idea-${roll(3)}`],
  () => ['checkout', '-q', '--detach'],
  () => ['checkout', '-q', '-f', 'main'],
  () => ['checkout', '-q', '-f', 'rasen/x'],
  () => ['update-ref', 'refs/heads/main', 'HEAD~1'],
  () => ['update-ref', '-d', 'refs/remotes/origin/main'],
  () => ['config', 'core.bare', 'true'],
  () => ['config', '--unset', 'core.bare'],
  () => ['config', 'core.hooksPath', '/tmp'],
  () => ['config', 'user.name', 'Nobody'],
  () => ['gc', '-q', '--prune=now'],
  () => ['prune', '--expire=now'],
  () => ['reflog', 'expire', '--expire=now', '--all'],
  () => ['repack', '-adq'],
  () => ['pack-refs', '--all'],
  roll => ['worktree', 'add', '-q', '-f', `wt-${roll(3)}`],
  () => ['worktree', 'prune'],
  () => ['submodule', 'add', './', 'sub'],
  () => ['filter-branch', '-f', '--msg-filter', 'sed s/e/E/', 'HEAD'],
  () => ['clean', '-ffdxq'],
  () => ['push', '-q', '--force', 'origin', 'HEAD:main'],
  () => ['push', '-q', '--mirror', 'origin'],
  () => ['rebase', '-q', '--root'],
  () => ['rebase', '--abort'],
  () => ['tag', '-f', 'v1'],
  () => ['tag', '-d', 'v1'],
  () => ['sparse-checkout', 'set', 'src'],
  () => ['sparse-checkout', 'disable'],
  () => ['init', '-q'],
  () => ['reset', '-q', '--hard', 'HEAD~1'],
  () => ['reset', '-q', 'HEAD'],
  () => ['commit', '-q', '--amend', '--allow-empty', '-m', 'amended'],
  () => ['commit', '-q', '--allow-empty', '-m', 'empty'],
  () => ['merge', '-q', '--allow-unrelated-histories', '-m', 'merge', 'main'],
  () => ['cherry-pick', 'main'],
  () => ['fetch', '-q', 'origin'],
  () => ['remote', 'rename', 'origin', 'other'],
  () => ['remote', 'rename', 'other', 'origin'],
  () => ['rm', '-rq', '--cached', '.'],
  () => ['update-index', '--assume-unchanged', 'a.txt'],
  () => ['notes', 'add', '-f', '-m', 'note'],
  () => ['replace', '-f', 'HEAD', 'HEAD~1'],
  () => ['switch', '-q', '--orphan', 'void'],
  () => ['bisect', 'start', 'HEAD', 'HEAD~1'],
  () => ['bisect', 'reset'],
  () => ['maintenance', 'run', '-q'],
  () => ['commit-graph', 'write', '--reachable'],
  () => ['multi-pack-index', 'write'],
  () => ['read-tree', '--empty'],
];

test.each([
  ['commits', 7],
  ['does not commit', 11],
])('random git commands of an agent that %s', async (how, seed) => {
  lived();
  await made();
  const untouched = witness();
  const roll = dice(Number(process.env.RASEN_TEST_SEED ?? seed));
  // 200 commands either way; the long run looks after every fifth one.
  const [attempts, each] = LONG ? [40, 5] : [8, 25];
  const history: string[] = [];
  let good = t.base;
  let accepted = 0;
  for (let n = 1; n <= attempts; n += 1) {
    await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
    await resetWorktree(t.repo, w, good, []);
    expect(inClone('status', '--porcelain'), history.join('\n')).toMatchObject({ status: 0, stdout: '' });
    expect(inClone('rev-parse', 'HEAD').stdout.trim()).toBe(good);
    for (let i = 0; i < each; i += 1) {
      const args = COMMANDS[roll(COMMANDS.length)]!(roll);
      history.push(`${n}: git ${args.join(' ')}`);
      inClone(...args);
      write(w.path, { [`f${roll(5)}.txt`]: `${n} ${i}\n` });
      if (how === 'commits') {
        inClone('add', '-A');
        inClone('commit', '-qm', `work ${n}.${i}`);
      }
    }
    await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
    const sealed = await seal(n, good).catch(error => {
      throw new Error(`${history.join('\n')}\n${error.message}`, { cause: error });
    });
    expect(sh(t.repo.root, 'cat-file', '-t', sealed.commit)).toBe('commit');
    if (sealed.descends && sealed.changed) {
      accepted += 1;
      good = sealed.commit;
      await markGood(t.repo, { task: 't1', k: accepted, commit: good });
    }
  }
  expect(accepted, history.join('\n')).toBeGreaterThan(0);
  for (let k = 1; k <= accepted; k += 1) {
    expect(() =>
      sh(t.repo.root, 'rev-list', '--objects', '--quiet', `refs/rasen/t1/good/${k}`),
    ).not.toThrow();
    expect(() =>
      sh(t.repo.root, 'merge-base', '--is-ancestor', `refs/rasen/t1/good/${k}`, good),
    ).not.toThrow();
  }
  untouched();
  if (LONG) console.log(`${history.length} commands, ${accepted} of ${attempts} attempts accepted, 0 lost`);
});

describe('a clone that is made to harm', () => {
  beforeEach(async () => {
    lived();
    await made();
  });

  /** Everything that is done with a clone; the answers do not matter here. */
  async function everything(): Promise<Sealed> {
    await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
    await worktreeState(t.repo, w.path).catch(() => {});
    const sealed = await seal(1);
    const standing = await standingOf(t.repo, { task: 't1', ...w });
    expect(await putRight(t.repo, { task: 't1', ...w }, standing!)).toEqual([]);
    await restoreWorktree(t.repo, w.path);
    await freshCheckout(t.repo, {
      task: 't1',
      commit: sealed.commit,
      path: join(dirname(w.path), 'final-x'),
    });
    await resetWorktree(t.repo, w, t.base, []);
    expect(inClone('-c', 'core.fsmonitor=false', 'rev-parse', 'HEAD').stdout.trim()).toBe(t.base);
    return sealed;
  }

  test('no program that it names is started', async () => {
    const evil = join(t.folder, 'evil');
    const ran = join(t.folder, 'ran');
    writeFileSync(evil, `#!/bin/sh\necho "$@" >>'${ran}'\ncat\n`, { mode: 0o755 });
    const untouched = witness();
    const git_dir = join(w.path, '.git');
    const names = [
      ...[
        'post-checkout',
        'pre-commit',
        'post-commit',
        'reference-transaction',
        'fsmonitor-watchman',
        'update',
      ],
      ...['post-index-change', 'post-merge', 'pre-receive', 'post-receive', 'post-update', 'pre-auto-gc'],
    ];
    mkdirSync(join(git_dir, 'hooks'), { recursive: true });
    for (const name of names)
      writeFileSync(join(git_dir, 'hooks', name), `#!/bin/sh\nexec '${evil}' hook ${name}\n`, {
        mode: 0o755,
      });
    const config = `
[core]
	fsmonitor = ${evil} fsmonitor
	hooksPath = ${git_dir}/hooks
	sshCommand = ${evil} ssh
	gitProxy = ${evil} proxy
	editor = ${evil} editor
	pager = ${evil} pager
	askPass = ${evil} askpass
	alternateRefsCommand = ${evil} alternates
	attributesFile = ${git_dir}/evil-attributes
	worktree = ${t.repo.root}
[uploadpack]
	packObjectsHook = ${evil} pack
[filter "evil"]
	clean = ${evil} clean
	smudge = ${evil} smudge
	process = ${evil} process
	required = true
[diff]
	external = ${evil} external
[diff "evil"]
	command = ${evil} diff
	textconv = ${evil} textconv
[merge "evil"]
	driver = ${evil} merge
[gpg]
	program = ${evil} gpg
[commit]
	gpgSign = true
[credential]
	helper = !${evil} credential
[protocol]
	allow = always
[remote "origin"]
	url = ext::${evil} remote
	uploadpack = ${evil} uploadpack
	promisor = true
	vcs = ${evil}
[extensions]
	partialClone = origin
	worktreeConfig = true
[submodule]
	recurse = true
[submodule "sub"]
	update = !${evil} update
	url = ext::${evil} submodule
[trace2]
	eventTarget = ${ran}
[alias]
	status = !${evil} alias
`;
    for (const file of ['config', 'config.worktree'])
      writeFileSync(join(git_dir, file), config, { flag: 'a' });
    writeFileSync(join(git_dir, 'evil-attributes'), '* filter=evil diff=evil merge=evil\n');
    writeFileSync(join(git_dir, 'info/attributes'), '* filter=evil diff=evil merge=evil\n');
    write(w.path, { '.gitattributes': '* filter=evil diff=evil merge=evil\n', 'a.txt': 'changed\n' });
    write(w.path, { '.gitmodules': `[submodule "sub"]\n\tpath = sub\n\turl = ext::${evil} url\n` });
    // A submodule whose git names programs, too, with a commit that nobody else has.
    mkdirSync(join(w.path, 'sub'));
    const sub = (...args: string[]) => execFileSync('git', args, { cwd: join(w.path, 'sub'), env: AGENT });
    sub('init', '-q');
    sub('commit', '-q', '--allow-empty', '-m', 'one');
    const id = execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: join(w.path, 'sub'),
      encoding: 'utf8',
    }).trim();
    writeFileSync(join(w.path, 'sub/.git/config'), config, { flag: 'a' });
    write(w.path, { 'sub/work.c': 'work\n' });
    // As plumbing writes it, which asks no filter.
    const plain = {
      cwd: w.path,
      env: { ...AGENT, GIT_DIR: join(t.folder, 'plain.git'), GIT_WORK_TREE: w.path },
    };
    execFileSync('git', ['init', '-q', '--bare', join(t.folder, 'plain.git')]);
    execFileSync('git', ['update-index', '--add', '--cacheinfo', `160000,${id},sub`], plain);
    copyFileSync(join(t.folder, 'plain.git/index'), join(git_dir, 'index'));
    await everything();
    expect(existsSync(ran) ? readFileSync(ran, 'utf8') : '').toBe('');
    untouched();
  });

  const DISGUISES: [string, (git_dir: string) => void][] = [
    ['is gone', git_dir => rmSync(git_dir, { recursive: true })],
    [
      'is an empty folder',
      git_dir => {
        rmSync(git_dir, { recursive: true });
        mkdirSync(git_dir);
      },
    ],
    [
      'is an empty file',
      git_dir => {
        rmSync(git_dir, { recursive: true });
        writeFileSync(git_dir, '');
      },
    ],
    [
      'is a FIFO',
      git_dir => {
        rmSync(git_dir, { recursive: true });
        fifo(git_dir);
      },
    ],
    [
      'is a link to the user’s',
      git_dir => {
        rmSync(git_dir, { recursive: true });
        symlinkSync(t.repo.common_dir, git_dir);
      },
    ],
    [
      'is a file that names the user’s',
      git_dir => {
        rmSync(git_dir, { recursive: true });
        writeFileSync(git_dir, `gitdir: ${t.repo.common_dir}\n`);
      },
    ],
    ['has the user’s objects by a link', git_dir => relink(git_dir, 'objects')],
    ['has the user’s refs by a link', git_dir => relink(git_dir, 'refs')],
    [
      'has a FIFO for HEAD',
      git_dir => {
        rmSync(join(git_dir, 'HEAD'));
        fifo(join(git_dir, 'HEAD'));
      },
    ],
    ['has a FIFO for a branch', git_dir => fifo(join(git_dir, 'refs/heads/pipe'))],
    [
      'has a FIFO for packed refs',
      git_dir => {
        rmSync(join(git_dir, 'packed-refs'));
        fifo(join(git_dir, 'packed-refs'));
      },
    ],
    [
      'has a FIFO for its index',
      git_dir => {
        rmSync(join(git_dir, 'index'));
        fifo(join(git_dir, 'index'));
      },
    ],
    [
      'has a FIFO for an object',
      git_dir => {
        inClone('commit', '-q', '--allow-empty', '-m', 'one');
        const id = inClone('rev-parse', 'HEAD').stdout.trim();
        const file = join(git_dir, 'objects', id.slice(0, 2), id.slice(2));
        rmSync(file, { force: true });
        fifo(file);
      },
    ],
    [
      'has other object stores',
      git_dir => writeFileSync(join(git_dir, 'objects/info/alternates'), '/dev/shm\n'),
    ],
    ['has a HEAD without end', git_dir => truncateSync(join(git_dir, 'HEAD'), 1e12)],
    [
      'has a branch without end',
      git_dir => {
        writeFileSync(join(git_dir, 'refs/heads/huge'), '');
        truncateSync(join(git_dir, 'refs/heads/huge'), 1e12);
      },
    ],
    [
      'has no objects any more',
      git_dir => {
        rmSync(join(git_dir, 'objects'), { recursive: true });
        mkdirSync(join(git_dir, 'objects'));
      },
    ],
    ['has damaged packs', git_dir => damage(join(git_dir, 'objects/pack'))],
    [
      'is another repository',
      git_dir => {
        rmSync(git_dir, { recursive: true });
        inClone('init', '-q', '-b', 'other');
      },
    ],
    [
      'is one with other hashes',
      git_dir => {
        rmSync(git_dir, { recursive: true });
        inClone('init', '-q', '--object-format=sha256');
      },
    ],
    [
      'has a branch in the way',
      () => {
        inClone('checkout', '-q', '--detach');
        inClone('branch', '-D', 'rasen/x');
        inClone('branch', 'rasen');
      },
    ],
    [
      'has grafts and replaced commits',
      git_dir => {
        writeFileSync(join(git_dir, 'info/grafts'), `${t.base}\n`);
        inClone('replace', '-f', '--graft', t.base);
      },
    ],
    [
      'names another common dir',
      git_dir => writeFileSync(join(git_dir, 'commondir'), `${t.repo.common_dir}\n`),
    ],
    ['says that it is bare', () => inClone('config', 'core.bare', 'true')],
    ['has settings that git cannot read', git_dir => writeFileSync(join(git_dir, 'config'), '[core\n')],
    ['is shallow, it says', git_dir => writeFileSync(join(git_dir, 'shallow'), `${t.base}\n`)],
    [
      'keeps locks',
      git_dir =>
        ['index.lock', 'HEAD.lock', 'refs/heads/rasen/x.lock', 'packed-refs.lock', 'config.lock'].forEach(
          name => {
            mkdirSync(dirname(join(git_dir, name)), { recursive: true });
            writeFileSync(join(git_dir, name), '');
          },
        ),
    ],
  ];
  test.each(DISGUISES)('its `.git` %s', async (_what, act) => {
    const untouched = witness();
    write(w.path, { 'a.txt': 'work\n', 'new/file.txt': 'new\n' });
    act(join(w.path, '.git'));
    const sealed = await everything();
    expect(sh(t.repo.root, 'show', `${sealed.commit}:a.txt`)).toBe('work');
    expect(sh(t.repo.root, 'show', `${sealed.commit}:new/file.txt`)).toBe('new');
    untouched();
  });

  test('a tree that poses as git’s, or leads out, does not come in', async () => {
    const blob = execFileSync('git', ['hash-object', '-w', '--stdin'], {
      cwd: w.path,
      input: 'evil',
      encoding: 'utf8',
    });
    const tree = (name: string) =>
      execFileSync('git', ['mktree'], {
        cwd: w.path,
        input: `100644 blob ${blob.trim()}\t${name}\n`,
        encoding: 'utf8',
      }).trim();
    for (const [n, name] of ['.git', '.GIT', 'git~1', '.g\u200cit'].entries()) {
      const commit = inClone('commit-tree', tree(name), '-p', t.base, '-m', 'evil').stdout.trim();
      inClone('update-ref', 'refs/heads/rasen/x', commit);
      const sealed = await seal(n + 1);
      expect(sealed.special.join(), name).toMatch(/could not be taken over/);
      expect(spawnSync('git', ['cat-file', '-e', commit], { cwd: t.repo.root }).status, name).not.toBe(0);
    }
  });
});

const fifo = (path: string) => execFileSync('mkfifo', [path]);

function relink(git_dir: string, name: string): void {
  rmSync(join(git_dir, name), { recursive: true });
  symlinkSync(join(t.repo.common_dir, name), join(git_dir, name));
}

/** As an editor of packs would: a new file in the place of each. */
function damage(folder: string): void {
  for (const name of readdirSync(folder).filter(file => file.endsWith('.pack'))) {
    const bytes = readFileSync(join(folder, name));
    rmSync(join(folder, name));
    writeFileSync(join(folder, name), bytes.fill(0, 20));
  }
}
