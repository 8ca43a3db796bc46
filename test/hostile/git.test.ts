/**
 * A repository is a place where agents write. Whatever is put into its configuration, its hooks, its records or under
 * the names of git's own files: the supervisor's git starts nothing of it, writes and removes nothing elsewhere, and does
 * not wait for it. Each test looks from outside: a program that would leave a mark, a folder of the user, a clock.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
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
import { resetWorktree } from '../../src/git/reset.ts';
import { sealAttempt } from '../../src/git/seal.ts';
import { ensureWorktree, type Worktree } from '../../src/git/worktree.ts';
import { makeRepo, openTest, removeFolder, sh, type TestRepo, write } from '../support/git-repo.ts';
import { onThisMachine } from '../support/load.ts';
import { LONG } from '../support/long.ts';
import { projects } from '../support/projects.ts';
import type { SeedProject } from '../support/scripted-agent.ts';

describe('through the whole product', () => {
  const make = projects();

  /** A project whose agent is a shell script in the worktree, with `$OUT`, a folder of the test, and `$GIT`, the user's. */
  function hostile(
    script: string,
    files: Record<string, string> = {},
    isolation: 'clone' | 'linked' = 'clone',
  ): SeedProject {
    const head = 'cat >/dev/null\nOUT=$(dirname "$RASEN_PROJECT")/out; GIT=$RASEN_PROJECT/.git\nset -e\n';
    const done = `\nprintf '{"status":"done"}' >"$RASEN_RESULT_FILE"\n`;
    const p = make({
      files,
      config: {
        agent: ['sh', '-c', head + script + done],
        gates: [['true']],
        worktree: { isolation },
        limits: { attempts: 2 },
      },
    });
    mkdirSync(p.beside('out'));
    mkdirSync(p.beside('precious'));
    writeFileSync(p.beside('precious/gold'), 'gold\n');
    return p;
  }

  const isWhole = (p: SeedProject) => readFileSync(p.beside('precious/gold'), 'utf8') === 'gold\n';

  test('no program that an agent names to git is started outside of its cage', async () => {
    // Marks its name unless it runs in a cage; passes its input on, as a filter should.
    const evil = '#!/bin/sh\n[ -n "$RASEN_ATTEMPT" ] || echo "$@" >>"$(dirname "$0")/ran"\ncat\n';
    const p = hostile(
      `
      e="$OUT/evil"
      for hook in post-checkout pre-commit post-commit reference-transaction fsmonitor-watchman post-index-change \\
        post-merge pre-merge-commit prepare-commit-msg commit-msg post-rewrite pre-auto-gc; do
        for folder in "$GIT/hooks" "$OUT/hooks"; do
          mkdir -p "$folder"
          printf '#!/bin/sh\\nexec %s hook-%s\\n' "$e" "$hook" >"$folder/$hook"
          chmod +x "$folder/$hook"
        done
      done
      printf '[filter "more"]\\nclean = %s include\\nsmudge = %s include\\n' "$e" "$e" >"$OUT/included"
      cat >"$OUT/config" <<C
[core]
	fsmonitor = $e fsmonitor
	hooksPath = $OUT/hooks
	sshCommand = $e ssh
	editor = $e editor
	pager = $e pager
	gitProxy = $e proxy
	askPass = $e askpass
	alternateRefsCommand = $e alternates
	attributesFile = $OUT/attributes
	excludesFile = $OUT/excludes
[sequence]
	editor = $e sequence
[diff]
	external = $e external
[diff "evil"]
	command = $e diff-command
	textconv = $e textconv
[merge "evil"]
	driver = $e merge %O %A %B
[filter "evil"]
	clean = $e clean
	smudge = $e smudge
	required = true
[filter "known"]
	process = $e process
[gpg]
	program = $e gpg
[commit]
	gpgSign = true
[credential]
	helper = $e credential
[alias]
	worktree = !$e alias
	reset = !$e alias
[protocol "ext"]
	allow = always
[uploadpack]
	packObjectsHook = $e pack
[include]
	path = $OUT/included
[includeIf "gitdir:/**"]
	path = $OUT/included
[extensions]
	worktreeConfig = true
C
      for file in "$GIT/config" "$HOME/.gitconfig" "$(git rev-parse --git-dir)/config" "$(git rev-parse --git-dir)/config.worktree"; do
        cat "$OUT/config" >>"$file"
      done
      mkdir -p "$HOME/.config/git" "$GIT/info"
      printf '* filter=evil diff=evil merge=evil\\n*.dat filter=known\\n*.txt filter=more\\n' >"$OUT/attributes"
      for file in "$GIT/info/attributes" "$HOME/.config/git/attributes"; do cat "$OUT/attributes" >"$file"; done
      echo '*.secret-work' >"$OUT/excludes"
      echo '*.secret-work' >>"$GIT/info/exclude"
      echo changed >>app.txt
      echo new >made.dat
      echo hidden >a.secret-work
      `,
      { '.gitattributes': '*.dat filter=known\n' },
    );
    writeFileSync(p.beside('out/evil'), evil, { mode: 0o755 });
    await p.init([{ id: 'a' }, { id: 'b', needs: ['a'], run: ['true'] }]);
    const { status, stdout, stderr } = await p.rasen('run');
    expect([status, stdout + stderr]).toEqual([0, expect.anything()]);
    // Afterwards the user's own git is what it was made to be; merging is still ours.
    const merged = await p.rasen('merge');
    expect([merged.status, merged.stderr]).toEqual([0, '']);
    expect(existsSync(p.beside('out/ran')) ? readFileSync(p.beside('out/ran'), 'utf8') : '').toBe('');
    // The user's own git does start them.
    p.git('status');
    expect(readFileSync(p.beside('out/ran'), 'utf8')).toContain('fsmonitor');
    expect(p.read('app.txt')).toContain('changed');
    // What an agent makes git ignore is work all the same.
    expect(p.read('a.secret-work')).toBe('hidden\n');
  });

  test('a filter that the user has is used, as it was when the task was submitted', async () => {
    const p = hostile(
      `
      printf '#!/bin/sh\\necho replaced >>"%s/ran"\\ncat\\n' "$OUT" >"$OUT/other"
      chmod +x "$OUT/other"
      git config filter.caps.clean "$OUT/other"
      git config -f "$GIT/config" filter.caps.clean "$OUT/other"
      echo loud >loud.caps
      `,
      { '.gitattributes': '*.caps filter=caps\n' },
    );
    p.git('config', 'filter.caps.clean', 'tr a-z A-Z');
    await p.init([{ id: 'a' }]);
    expect((await p.rasen('run')).status).toBe(0);
    const [branch] = p.git('for-each-ref', '--format=%(refname)', 'refs/heads/rasen/').split('\n');
    expect(p.git('cat-file', '-p', `${branch}:loud.caps`)).toBe('LOUD');
    expect(p.git('config', 'filter.caps.clean')).toBe(p.beside('out/other'));
    expect(existsSync(p.beside('out/ran'))).toBe(false);
  });

  test.each(['clone', 'linked'] as const)(
    'a folder that a record of an agent names is not removed, nor one that a link leads to (%s)',
    async isolation => {
      const p = hostile(
        `
      name=$(basename "$PWD")
      precious=$(dirname "$OUT")/precious
      home=\${RASEN_RESULT_FILE%/run/results/*}
      mkdir -p "$GIT/rasen/tasks/$RASEN_TASK" "$GIT/rasen/checkouts"
      printf '{"version":1,"task":"%s","name":"%s","branch":"rasen/x","path":"%s","state":"planned"}\\n' \\
        "$RASEN_TASK" "$name" "$precious" >"$GIT/rasen/tasks/$RASEN_TASK/worktree.json"
      # The records that count; they are in the state, which a program of the same user can write to without a sandbox.
      for record in $(find "$home/git" -name worktree.json); do
        printf '{"version":1,"task":"%s","name":"../../precious","folder":"%s","path":"%s","admin":"../../precious","state":"planned"}\\n' \\
          "$RASEN_TASK" "$(dirname "$precious")" "$precious" >"$record"
        echo "$record" >>"$OUT/forged"
      done
      for registration in "$GIT"/worktrees/*; do
        [ ! -d "$registration" ] || printf '%s/.git\\n' "$precious" >"$registration/gitdir"
      done
      printf 'gitdir: %s\\n' "$GIT/worktrees/$name" >"$precious/.git"
      ln -s "$precious" ../final-implement-user-authentication
      ln -s "$precious" ../reviewer-implement-user-authentication
      echo work >>app.txt
      touch "$OUT/attacked"
    `,
        {},
        isolation,
      );
      await p.init([{ id: 'a' }]);
      await p.rasen('run');
      expect(readdirSync(p.beside('out')).sort()).toEqual(['attacked', 'forged']);
      await p.instance.rasenAsync(['gc', '--older-than', '0d', '--unmerged'], { cwd: p.root });
      expect(isWhole(p)).toBe(true);
      expect(readdirSync(p.beside('precious')).sort()).toEqual(['.git', 'gold']);
    },
  );

  /** What is done, in which kind of workspace, and how whoever did it sees that it is done. */
  const VICTIMS: [string, 'clone' | 'linked', string, string][] = [
    [
      'its `.git` names another repository',
      'linked',
      'printf "gitdir: %s/.git\\n" "$VICTIM" >.git',
      'git rev-parse --git-dir',
    ],
    [
      'its `.git` is a link to another repository',
      'linked',
      'rm .git; ln -s "$VICTIM/.git" .git',
      'realpath .git',
    ],
    [
      'it is a link to another repository',
      'linked',
      'here=$PWD; cd ..; mv "$here" "$here.away"; ln -s "$VICTIM" "$here"; cd "$here"',
      'realpath .git',
    ],
    [
      'its registration has another common dir',
      'linked',
      'printf "%s/.git\\n" "$VICTIM" >"$(git rev-parse --git-dir)/commondir"',
      'realpath "$(git rev-parse --git-common-dir)"',
    ],
    [
      'its `.git` is a file that names another repository',
      'clone',
      'rm -r .git; printf "gitdir: %s/.git\\n" "$VICTIM" >.git',
      'git rev-parse --git-dir',
    ],
    [
      'its `.git` is a link to another repository',
      'clone',
      'rm -r .git; ln -s "$VICTIM/.git" .git',
      'realpath .git',
    ],
    [
      'it is a link to another repository',
      'clone',
      'here=$PWD; cd ..; mv "$here" "$here.away"; ln -s "$VICTIM" "$here"; cd "$here"',
      'realpath .git',
    ],
    [
      'its `.git` has another common dir',
      'clone',
      'printf "%s/.git\\n" "$VICTIM" >.git/commondir',
      'realpath "$(git rev-parse --git-common-dir)"',
    ],
    [
      'its objects and refs are those of another repository',
      'clone',
      'rm -r .git/objects .git/refs .git/packed-refs; ln -s "$VICTIM/.git/objects" "$VICTIM/.git/refs" .git',
      'dirname "$(realpath .git/refs)"',
    ],
    [
      'its settings name the files of another repository',
      'clone',
      'git config core.worktree "$VICTIM"',
      'echo "$(git rev-parse --show-toplevel)/.git"',
    ],
  ];
  test.each(VICTIMS)(
    'another repository is not written to, where of the workspace %s (%s)',
    async (_what, isolation, act, proof) => {
      const p = hostile(
        `VICTIM=$(dirname "$OUT")/victim\necho work >>app.txt\n${act}\n(${proof}) >"$OUT/led-to"`,
        {},
        isolation,
      );
      const victim = p.beside('victim');
      mkdirSync(victim);
      const git = (...args: string[]) =>
        execFileSync('git', args, { cwd: victim, env: p.instance.env, encoding: 'utf8' });
      git('init', '-q', '-b', 'main');
      writeFileSync(join(victim, 'gold'), 'gold\n');
      git('add', '-A');
      git('commit', '-q', '-m', 'gold');
      writeFileSync(join(victim, 'gold'), 'gold, not committed\n');
      const before = [git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('for-each-ref')];
      await p.init([{ id: 'a' }]);
      await p.rasen('run');
      expect(readFileSync(p.beside('out/led-to'), 'utf8')).toBe(`${join(victim, '.git')}\n`);
      expect([git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('for-each-ref')]).toEqual(before);
      expect(readdirSync(victim).sort()).toEqual(['.git', 'gold']);
      expect(readFileSync(join(victim, 'gold'), 'utf8')).toBe('gold, not committed\n');
    },
  );

  test('a link in the place of `.worktrees` does not lead out of the project', async () => {
    const p = hostile('echo work >>app.txt');
    symlinkSync(p.beside('precious'), join(p.root, '.worktrees'));
    await p.init([{ id: 'a' }]);
    expect((await p.rasen('run')).status).not.toBe(0);
    expect(readdirSync(p.beside('precious'))).toEqual(['gold']);
    const view = await p.view();
    expect(JSON.stringify(view)).toContain('.worktrees is a link that leads to');
  });

  test('special files of one task do not stop another one in the same repository', async () => {
    const p = hostile(`
      if [ "$(basename "$RASEN_PROJECT")" = p ]; then
        git_dir=$(git rev-parse --git-dir)
        mkdir -p deep
        echo work >deep/work.txt
        for file in .gitattributes deep/.gitattributes .gitignore "$git_dir/index" "$git_dir/HEAD"; do
          rm -f "$file"
          mkfifo "$file"
        done
      else
        echo work >other.txt
      fi
    `);
    const other = p.beside('other');
    p.git('worktree', 'add', '-q', '-b', 'other', other);
    await p.init([{ id: 'a' }]);
    const plan = ['--plan', p.beside('plan.yml')];
    const run = async () => {
      await p.instance.rasenAsync(['init', '--task', 'Another one', ...plan], { cwd: other });
      const begun = performance.now();
      const ran = await p.instance.rasenAsync(['run'], { cwd: other });
      return { status: ran.status, ms: performance.now() - begun };
    };
    const [attacked, unhurt] = await Promise.all([p.rasen('run'), run()]);
    expect(unhurt.status).toBe(0);
    // What git would wait for without an end was found before it ran, or was ended after seconds.
    expect(unhurt.ms).toBeLessThan(onThisMachine(60_000));
    expect(attacked.status, attacked.stdout + attacked.stderr).not.toBe(0);
    const { subtasks } = await p.view();
    const { history } = subtasks.find(s => s.id === 'a')!;
    expect(history[0]).toMatchObject({ outcome: 'gate_failed' });
    expect(history[0]!.reason).toMatch(/ is a FIFO; .* is a FIFO/);
  });
});

/** What may be in the place of a file that git reads. */
const THINGS: readonly [string, (path: string, folder: string) => void][] = [
  ['a FIFO', path => execFileSync('mkfifo', [path])],
  ['a link to /dev/zero', path => symlinkSync('/dev/zero', path)],
  ['a link out', (path, folder) => symlinkSync(join(folder, 'precious/gold'), path)],
  ['a loop of links', path => symlinkSync(path, path)],
  ['a folder', path => mkdirSync(join(path, 'inside'), { recursive: true })],
  [
    '10 GB',
    path => {
      writeFileSync(path, '');
      truncateSync(path, 10 * 1024 ** 3);
    },
  ],
  ['a file of mode 0', path => writeFileSync(path, 'ref: refs/heads/main\n', { mode: 0 })],
];

/** In git's folder of the workspace (`@/`), in the repository (`$/`), or in the workspace. */
const PLACES = [
  '.gitattributes',
  '.gitignore',
  '.gitmodules',
  '.git',
  '@/HEAD',
  '@/index',
  '@/index.lock',
  '@/logs/HEAD',
  '@/MERGE_HEAD',
  '@/ORIG_HEAD',
  '@/config.worktree',
  '@/gitdir',
  '@/commondir',
  '@/rasen-boot',
  '@/rebase-merge',
  '$/config',
  '$/info/exclude',
  '$/info/attributes',
  '$/shallow',
  '$/rasen',
  '$/rasen/broken',
  '$/hooks/post-checkout',
  '$/refs/heads/rasen/x.lock',
  '$/refs/rasen/t1/good',
  '$/objects/pack/pack-aaaa.idx',
];

describe.each(['linked', 'clone'] as const)(
  'seal and reset with something else in the place of a file (%s)',
  isolation => {
    let t: TestRepo;
    let w: Worktree;
    beforeEach(async () => {
      t = await makeRepo(undefined, isolation);
      w = await ensure();
      write(t.folder, { 'precious/gold': 'gold\n' });
    });
    afterEach(() => removeFolder(t.folder));
    const ensure = (known: Worktree | null = null) =>
      ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees', known });

    const gitFolder = () =>
      isolation === 'clone' ? join(w.path, '.git') : join(t.repo.common_dir, 'worktrees/task-x');
    const pathOf = (place: string) =>
      place.startsWith('@/')
        ? join(gitFolder(), place.slice(2))
        : place.startsWith('$/')
          ? join(t.repo.common_dir, place.slice(2))
          : join(w.path, place);

    test('an index that says that a changed file is what it was deceives nobody', async () => {
      // Git takes a file as unchanged when the index has its size and times; an agent can write these there.
      const forge = () => {
        write(w.path, { 'a.txt': 'ONE\n' });
        const stat = lstatSync(join(w.path, 'a.txt'), { bigint: true });
        const index = readFileSync(join(gitFolder(), 'index'));
        // The first entry, behind a header of 12 bytes: ctime, mtime, device, inode, mode, uid, gid, size.
        const times = [
          stat.ctimeMs / 1000n,
          stat.ctimeNs % 10n ** 9n,
          stat.mtimeMs / 1000n,
          stat.mtimeNs % 10n ** 9n,
        ];
        const words = [...times, stat.dev, stat.ino, stat.mode, stat.uid, stat.gid, stat.size];
        words.forEach((word, i) => {
          index.writeUInt32BE(Number(BigInt.asUintN(32, word)), 12 + 4 * i);
        });
        const body = index.subarray(0, -20);
        const sum = createHash('sha1').update(body).digest();
        writeFileSync(join(gitFolder(), 'index'), Buffer.concat([body, sum]));
      };
      forge();
      // Newer than the file, else git looks into it.
      execFileSync('touch', ['-d', '1 hour', join(gitFolder(), 'index')]);
      expect(sh(w.path, 'status', '--porcelain'), 'git is deceived').toBe('');
      const marks = { task: 't1', subtask: 's', attempt: 1 };
      const sealed = await sealAttempt(t.repo, w, { good: t.base, marks, title: 'try' });
      expect(sh(t.repo.root, 'show', `${sealed.commit}:a.txt`)).toBe('ONE');
      await resetWorktree(t.repo, w, t.base, []);
      forge();
      await resetWorktree(t.repo, w, t.base, []);
      expect(readFileSync(join(w.path, 'a.txt'), 'utf8')).toBe('one\n');
    });

    // Each thing meets each place in the long form; in the short one every other is a FIFO, and the rest take turns. What is
    // a FIFO in one kind of workspace is another thing in the other.
    const shift = isolation === 'clone' ? 1 : 0;
    const pairs = PLACES.flatMap((place, i) => {
      const turn = i + shift;
      const chosen = turn % 2 === 0 ? 0 : 1 + (((turn - 1) / 2) % (THINGS.length - 1));
      return THINGS.filter((_, k) => LONG || k === chosen).map(([name, put]) => [place, name, put] as const);
    });

    test.each(pairs)('%s is %s', async (place, name, put) => {
      write(w.path, { 'work.txt': 'work\n' });
      const path = pathOf(place);
      rmSync(path, { recursive: true, force: true });
      mkdirSync(dirname(path), { recursive: true });
      put(path, t.folder);
      const outcome = async () => {
        w = await ensure(w);
        const marks = { task: 't1', subtask: 's', attempt: 1 };
        const sealed = await sealAttempt(t.repo, w, { good: t.base, marks, title: 'try' });
        await resetWorktree(t.repo, w, t.base, []);
        return sealed;
      };
      const begun = performance.now();
      const sealed = await outcome().catch(error => error);
      // Well under what any command of git's is given; an attempt of the next task waits no longer than that.
      expect(performance.now() - begun, 'ms').toBeLessThan(onThisMachine(30_000));
      expect(readFileSync(join(t.folder, 'precious/gold'), 'utf8')).toBe('gold\n');
      if (sealed instanceof Error) {
        // It cannot go on, and says which file it is about.
        expect(sealed).toMatchObject({ kind: 'git' });
        expect(sealed.message).toContain(
          place
            .replace(/^[@$]\//, '')
            .split('/')
            .at(-1),
        );
      }
      // The user's git, which this test asks, would wait for it just so.
      rmSync(path, { recursive: true, force: true });
      if (!(sealed instanceof Error)) {
        expect(sh(t.repo.root, 'show', `${sealed.commit}:work.txt`)).toBe('work');
      }
      // Whatever became of that task, the next one in the repository works.
      const repo = isolation === 'clone' ? await openTest(t.repo.root, 't2', isolation) : t.repo;
      const next = await ensureWorktree(repo, {
        task: 't2',
        slug: 'y',
        base: t.base,
        base_path: '.worktrees',
      });
      write(next.path, { 'next.txt': name });
      const marks = { task: 't2', subtask: 's', attempt: 1 };
      const done = await sealAttempt(repo, next, { good: t.base, marks, title: 'next' });
      expect(done.changed).toBe(true);
    });
  },
);
