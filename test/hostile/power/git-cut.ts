/**
 * `git-cut.ts LIVE N KIND BEFORE LOST`: one life of a machine, inside of namespaces (namespaces.sh). First it looks at what the
 * cut of the life before left, where nobody does anything but look; then the power goes in the middle of a git command of
 * ours: a lock of KIND has been made and not been renamed yet. The window is held open by strace, which delays the rename.
 * LOST `kept`: the disk had time to write all,
 * so that the lock is there afterwards; else it has what was synced. KIND `-`: nothing but the look. Prints what it met as JSON.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskView } from '../../../src/contract/view.ts';
import { pause, Story } from './story.ts';

/** How long strace holds a rename, in microseconds. */
const HOLD_US = 400_000;
const PATIENCE_MS = Number(process.env.RASEN_TEST_PATIENCE_MS ?? 240_000);

interface Kind {
  /** What is asked when the work is done. */
  asks?: 'merge' | 'gc';
  /** Commands of git that make such a lock. */
  by: string;
  where: (project: string) => string;
  name: RegExp;
}

const GIT = '.git';
const KINDS: Record<string, Kind> = {
  'ref of the attempt': {
    by: 'update-ref',
    where: p => join(p, GIT, 'refs/rasen'),
    name: /attempt\/.*\.lock$/,
  },
  'ref of the good commit': {
    by: 'update-ref',
    where: p => join(p, GIT, 'refs/rasen'),
    name: /good\/.*\.lock$/,
  },
  'branch of the task': { by: 'update-ref', where: p => join(p, GIT, 'refs/heads/rasen'), name: /\.lock$/ },
  'index of ours': {
    by: 'add read-tree reset update-index',
    where: () => 'state',
    name: /index[^/]*\.lock$/,
  },
  objects: { by: 'add write-tree commit-tree fetch', where: p => join(p, GIT, 'objects'), name: /tmp_\w+$/ },
  'ref of the clone': { by: 'update-ref', where: p => join(p, '.worktrees'), name: /\.git\/refs\/.*\.lock$/ },
  "index of the user's checkout": {
    asks: 'merge',
    by: 'merge',
    where: p => join(p, GIT),
    name: /^index\.lock$/,
  },
  "branch of the user's checkout": {
    ...{ asks: 'merge', by: 'merge', where: (p: string) => join(p, GIT, 'refs/heads'), name: /^main\.lock$/ },
  },
  'HEAD of a merge': {
    asks: 'merge',
    by: 'merge reset',
    where: p => join(p, GIT),
    name: /^(ORIG_)?HEAD\.lock$/,
  },
  'packed refs': {
    asks: 'gc',
    by: 'update-ref',
    where: p => join(p, GIT),
    name: /^packed-refs\.(lock|new)$/,
  },
};
const [live, n, kind, before, lost] = process.argv.slice(2) as [string, string, string, string, string];
const story = new Story(live);
const wrong: string[] = [];
const state = story.env.RASEN_HOME!;
const aim = join(live, 'aim');

story.furnish();
mkdirSync(join(live, 'bin'));
writeFileSync(join(live, 'bin/git'), shim(), { mode: 0o755 });
story.env.PATH = `${join(live, 'bin')}:${process.env.PATH}`;
if (!existsSync(state)) {
  mkdirSync(state, { mode: 0o700 });
  // The disk is small.
  writeFileSync(join(state, 'rasend.yml'), 'disk_min: 4M\n');
}
await story.start();
if (before !== '-') await look(`p${Number(n) - 1}`, KINDS[before]!);
let hit: string | null = null;
if (kind !== '-') hit = await cut(`p${n}`, KINDS[kind]!);
console.log(JSON.stringify({ kind, hit, wrong }));
process.exit(0);

/** Real git; for the commands that are aimed at, one whose renames are slow. */
function shim(): string {
  const git = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim();
  return `#!/bin/sh
[ "\${RASEN_GIT_LOCK+ours}" ] && [ -s ${join(live, 'aim')} ] || exec ${git} "$@"
read -r aimed <${join(live, 'aim')}
for word; do case " $aimed " in *" $word "*)
  exec strace -f -qq -o /dev/null -e trace=rename,link -e inject=rename,link:delay_enter=${HOLD_US} ${git} "$@" ;;
esac; done
exec ${git} "$@"
`;
}

async function cut(project: string, { asks, by, where, name }: Kind): Promise<string | null> {
  const cwd = await makeProject(project);
  const arm = () => writeFileSync(aim, `${by}\n`);
  if (!asks) arm();
  story.run(['rasen', 'run', '--background'], { cwd });
  let over = false;
  if (asks) {
    await settled();
    // So that a ref that is removed is one of the packed ones.
    if (asks === 'gc') {
      await merged(project);
      story.run(['git', 'pack-refs', '--all'], { cwd });
      // The user's git does not wait for the disk.
      story.run(['sync']);
    }
    arm();
    const words = asks === 'merge' ? ['merge'] : ['gc', '--older-than', '0', '--unmerged'];
    spawn(join(import.meta.dirname, '../../../bin/rasen'), words, {
      cwd,
      env: story.env,
      stdio: 'ignore',
    }).once('exit', () => {
      over = true;
    });
  } else
    void settled().then(() => {
      over = true;
    });
  const folder = where(cwd) === 'state' ? state : where(cwd);
  for (;;) {
    const found = find(folder, name);
    if (found === null && !over) {
      await pause(3);
      continue;
    }
    // Everybody else, at once; we are alone with init, who waits for us.
    process.kill(-1, 'SIGSTOP');
    const is_held = found !== null && lstatSync(found, { throwIfNoEntry: false }) !== undefined;
    if (lost === 'kept') spawnSync('sync', ['--file-system', story.disk]);
    // EXT4_IOC_SHUTDOWN without flushing the log: what was not synced is lost.
    const shutdown =
      'open(my $f, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl($f, 0x8004587d, $how) or die "shutdown: $!"';
    const ran = spawnSync('perl', ['-e', shutdown, story.disk], { encoding: 'utf8' });
    if (ran.status !== 0) wrong.push(`the power could not be cut: ${ran.stderr}`);
    return is_held ? found.slice(found.indexOf(project)) : null;
  }
}

/** A file of this name below the folder, relative to it. */
function find(folder: string, name: RegExp, below = ''): string | null {
  let entries: ReturnType<typeof list>;
  try {
    entries = list(join(folder, below));
  } catch {
    return null;
  }
  for (const entry of entries) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (!entry.isDirectory()) {
      if (name.test(path)) return join(folder, path);
    } else {
      const found = find(folder, name, path);
      if (found !== null) return found;
    }
  }
  return null;
}

function list(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}

/** Nothing is done by hand that was under way when the power went. */
async function look(project: string, { asks }: Kind): Promise<void> {
  const cwd = join(story.disk, project);
  const views = await settled();
  const view = views.find(one => one.project === cwd);
  const blame = (text: string) => void wrong.push(`${project}: ${text}`);
  if (asks === 'gc') {
    const said = story.run(['rasen', 'gc', '--older-than', '0', '--unmerged'], { may_fail: true });
    if (said.startsWith('exit')) blame(`gc: ${said}`);
    const refs = story.run(['git', 'for-each-ref', '--format=%(refname)', 'refs/rasen'], { cwd });
    if (refs !== '') blame(`refs are left: ${refs}`);
  } else {
    if (!view) return blame('its task is gone');
    if (view.status !== 'completed') blame(`is ${view.status}: ${view.reason}`);
    if (asks === 'merge') await mergedByItself(view.id, blame);
    else await merged(project);
  }
  const lines = story.run(['git', 'show', 'main:lines.txt'], { cwd, may_fail: true });
  if (lines !== `base\n${subtaskOf(project)}\n`) blame(`main has ${JSON.stringify(lines)}`);
  // What its user does next.
  for (const args of [
    ['commit', '-q', '--allow-empty', '-m', 'of the user'],
    ['pack-refs', '--all'],
  ]) {
    const said = story.run(['git', ...args], { cwd, may_fail: true });
    if (said !== '') blame(`git ${args[0]}: ${said}`);
  }
  const fsck = story.run(['git', 'fsck', '--strict', '--no-dangling'], { cwd, may_fail: true });
  if (fsck.trim() !== '') blame(`git fsck: ${fsck}`);
  const status = story.run(['git', 'status', '--porcelain', '--', 'lines.txt', 'one.txt', 'two.txt'], {
    cwd,
  });
  if (status !== '') blame(`git status: ${status}`);
}

async function mergedByItself(task: string, blame: (text: string) => void): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ; await pause(50)) {
    const view = await ask<TaskView>('task.get', { task });
    if (view.merged !== null) return;
    if (view.merging !== null && Date.now() < end) continue;
    blame(`its merge does not go on: ${JSON.stringify(view.merging)}, ${view.reason}`);
    return;
  }
}

async function merged(project: string): Promise<void> {
  const said = story.run(['rasen', 'merge'], { cwd: join(story.disk, project), may_fail: true });
  if (said.startsWith('exit') && !/already merged/.test(said)) wrong.push(`${project}: merge: ${said}`);
}

async function settled(): Promise<TaskView[]> {
  for (const end = Date.now() + PATIENCE_MS; ; await pause(50)) {
    const views = await ask<TaskView[]>('task.list', { limit: 1000 });
    if (!views.some(({ status }) => ['pending', 'running', 'waiting'].includes(status))) return views;
    if (Date.now() > end) return views;
  }
}

async function ask<T>(method: string, params: object): Promise<T> {
  const client = await story.client();
  return await client.call<T>(method, params).finally(() => client.close());
}

/** The agent leaves one of them for us to commit. */
function subtaskOf(project: string): string {
  return Number(project.slice(1)) % 2 === 0 ? 'one' : 'two';
}

async function makeProject(project: string): Promise<string> {
  const cwd = join(story.disk, project);
  mkdirSync(cwd);
  const id = subtaskOf(project);
  const files = {
    'lines.txt': 'base\n',
    '.gitignore': '.rasen/\n.worktrees/\n',
    'rasen.yml': `agent: [${story.agent}]\ngates:\n  - [test, -s, lines.txt]\n`,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(cwd, file), text);
  const plan = join(live, `${project}.yml`);
  writeFileSync(plan, `subtasks:\n  - {id: ${id}, title: ${id}, agent: coder}\n`);
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '-A'],
    ['commit', '-qm', 'base'],
  ])
    story.run(['git', ...args], { cwd });
  story.run(['rasen', 'init', '--task', project, '--plan', plan], { cwd });
  story.run(['sync']);
  return cwd;
}
