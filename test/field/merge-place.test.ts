/** Where the files of the user are, a merge arrives: files, index and branch say the same, and what was not committed stays. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RASEN, until } from '../support/instance.ts';
import type { SeedProject } from '../support/scripted-agent.ts';
import { shellProject } from '../support/shell-project.ts';

let p: SeedProject;
afterEach(async () => await p?.close());

/** No repository yet: each test makes its own, in folders below the root. */
function layout(config: Record<string, unknown> = {}): void {
  p = shellProject({ git: false, agent: 'date +%N >>done.txt\n', config: { gates: [['true']], ...config } });
}
/** In a folder, which is made where it is not there. */
function git(folder: string, ...args: string[]): string {
  const cwd = join(p.root, folder);
  mkdirSync(cwd, { recursive: true });
  return execFileSync('git', args, { cwd, env: p.instance.env, encoding: 'utf8', stdio: 'pipe' }).trimEnd();
}
/** A repository with a commit. */
function repository(folder: string, ...options: string[]): void {
  git(folder, 'init', '-q', '-b', 'main', ...options);
  p.write({ [`${folder}/a`]: '1\n', [`${folder}/b`]: '2\n', [`${folder}/rasen.yml`]: p.read('rasen.yml') });
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'base');
}
const rasen = (folder: string, ...args: string[]) =>
  p.instance.rasenAsync(args, { cwd: join(p.root, folder) });
/** Makes a task in the folder and completes it. */
async function completed(folder: string): Promise<void> {
  writeFileSync(
    p.beside('plan.yml'),
    JSON.stringify({ subtasks: [{ id: 'one', title: 'One', agent: 'coder' }] }),
  );
  const init = await rasen(folder, 'init', '--task', 'make it', '--plan', p.beside('plan.yml'));
  expect(init.status, init.stderr).toBe(0);
  const ran = await rasen(folder, 'run');
  expect(ran.status, ran.stdout + ran.stderr).toBe(0);
}
/** As it is after a merge: the work is there, and nothing differs from what is committed. */
function arrived(folder: string): void {
  expect([existsSync(join(p.root, folder, 'done.txt')), git(folder, 'status', '--porcelain')]).toEqual([
    true,
    '',
  ]);
}

test('a git directory elsewhere, whatever it is called', async () => {
  layout();
  for (const store of ['store/.git', 'store/x']) {
    const folder = `user-of-${store.replaceAll(/\W+/g, '-')}`;
    mkdirSync(join(p.root, 'store'), { recursive: true });
    repository(folder, '--separate-git-dir', join(p.root, store));
    await completed(folder);
    expect(await rasen(folder, 'merge')).toMatchObject({ status: 0 });
    arrived(folder);
  }
  expect(existsSync(join(p.root, 'store/done.txt'))).toBe(false);
  // From a linked worktree of it nobody knows where main has its files: then it is refused, and nothing has moved.
  const main = git('user-of-store-git', 'rev-parse', 'main');
  git('user-of-store-git', 'worktree', 'add', '-q', join(p.root, 'linked'), '-b', 'side');
  await completed('linked');
  const refused = await rasen('linked', 'merge', '--into', 'main');
  expect(refused).toMatchObject({ status: 5 });
  expect(refused.stderr).toContain('does not say where its files are');
  expect([git('user-of-store-git', 'rev-parse', 'main'), existsSync(join(p.root, 'store/done.txt'))]).toEqual(
    [main, false],
  );
  expect(await rasen('linked', 'merge')).toMatchObject({ status: 0 });
  arrived('linked');
});

test('a linked worktree: its own branch, and one that is checked out beside it; of a bare repository, too', async () => {
  layout();
  repository('main');
  git('main', 'worktree', 'add', '-q', join(p.root, 'linked'), '-b', 'side');
  await completed('linked');
  expect(await rasen('linked', 'merge', '--into', 'main')).toMatchObject({ status: 0 });
  arrived('main');
  expect(existsSync(join(p.root, 'linked/done.txt'))).toBe(false);
  expect(await rasen('linked', 'merge')).toMatchObject({ status: 0 });
  arrived('linked');

  git('.', 'clone', '-q', '--bare', join(p.root, 'main'), join(p.root, 'bare/.bare'));
  writeFileSync(join(p.root, 'bare/.git'), 'gitdir: ./.bare\n');
  git('bare', 'worktree', 'add', '-q', join(p.root, 'bare/work'), 'main');
  await completed('bare/work');
  expect(await rasen('bare/work', 'merge')).toMatchObject({ status: 0 });
  arrived('bare/work');
});

test('a submodule: its checkout has the work, and the repository around it is not touched', async () => {
  layout();
  repository('library');
  git('app', 'init', '-q', '-b', 'main');
  git(
    'app',
    '-c',
    'protocol.file.allow=always',
    'submodule',
    '--quiet',
    'add',
    join(p.root, 'library'),
    'lib',
  );
  git('app', 'add', '-A');
  git('app', 'commit', '-qm', 'app');
  const before = git('app', 'rev-parse', 'HEAD');
  await completed('app/lib');
  expect(await rasen('app/lib', 'merge')).toMatchObject({ status: 0 });
  arrived('app/lib');
  expect([git('app', 'rev-parse', 'HEAD'), git('app', 'status', '--porcelain')]).toEqual([before, ' M lib']);
});

test('what the user has not committed stays, staged or not; what would be overwritten is named, and nothing moves', async () => {
  layout();
  repository('user');
  await completed('user');
  p.write({ 'user/a': 'mine\n', 'user/b': 'staged\n', 'user/new': 'new\n', 'user/done.txt': 'in the way\n' });
  git('user', 'add', 'b');
  const main = git('user', 'rev-parse', 'main');
  const refused = await rasen('user', 'merge');
  expect(refused).toMatchObject({ status: 5 });
  expect(refused.stderr).toMatch(/Uncommitted changes in .* are in the way of the merge: done\.txt/);
  expect([git('user', 'rev-parse', 'main'), p.read('user/done.txt')]).toEqual([main, 'in the way\n']);
  p.write({ 'user/done.txt': '' });
  git('user', 'clean', '-fq', 'done.txt');
  expect(await rasen('user', 'merge')).toMatchObject({ status: 0 });
  expect(git('user', 'status', '--porcelain').split('\n')).toEqual([' M a', 'M  b', '?? new']);
  expect([p.read('user/a'), p.read('user/b'), p.read('user/new')]).toEqual(['mine\n', 'staged\n', 'new\n']);
});

test('a file of the user’s that git ignores is not written over, though git itself would', async () => {
  layout({
    agent: ['sh', '-c', 'cat >/dev/null; echo theirs >x.log; git add -f x.log; git commit -qm work'],
  });
  repository('user');
  p.write({ 'user/.gitignore': '*.log\n' });
  git('user', 'add', '-A');
  git('user', 'commit', '-qm', 'ignore');
  await completed('user');
  p.write({ 'user/x.log': 'mine\n' });
  const refused = await rasen('user', 'merge');
  expect(refused.stderr).toContain('are in the way of the merge: x.log');
  expect([refused.status, p.read('user/x.log')]).toEqual([5, 'mine\n']);
});

test('gates of a merge are named as they run; cancelled, by Ctrl-C or from elsewhere, nothing has moved', async () => {
  const waits = 'case $PWD in */merge-*) until test -f "$HOME/go"; do sleep 0.1; done;; esac';
  layout({ gates: [['sh', '-c', waits], ['true']] });
  repository('user');
  await completed('user');
  const main = git('user', 'rev-parse', 'main');
  const merge = () => {
    const { env } = p.instance;
    const child = spawn(RASEN, ['merge'], {
      cwd: join(p.root, 'user'),
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { text: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', data => {
        said.text += data;
      });
    return { child, said, ended: once(child, 'close').then(([code]) => code as number) };
  };
  const cancels = [
    async (child: ChildProcess) => child.kill('SIGINT'),
    async () => expect(await rasen('user', 'merge', '--cancel')).toMatchObject({ status: 0 }),
  ];
  for (const cancel of cancels) {
    const { child, said, ended } = merge();
    await until('the gate is named', () => said.text.includes('on the merge result: sh -c case'));
    expect(said.text).toContain('(1 of 2)');
    await cancel(child);
    expect(await ended).toBe(130);
    expect(said.text).toContain('was cancelled; nothing was moved');
    expect([git('user', 'rev-parse', 'main'), git('user', 'status', '--porcelain')]).toEqual([main, '']);
    expect(git('user', 'worktree', 'list').split('\n')).toHaveLength(1);
  }
  expect(await rasen('user', 'merge', '--cancel')).toMatchObject({ status: 5 });
  writeFileSync(join(p.instance.env.HOME!, 'go'), '');
  expect(await rasen('user', 'merge', '--squash')).toMatchObject({ status: 0 });
  arrived('user');
  const trailers = git('user', 'log', '-1', '--format=%(trailers:only,unfold)').trim().split('\n');
  expect(trailers.map(line => line.split(':')[0])).toEqual(['Rasen-Task', 'Rasen-Commit']);
  const { stdout } = await rasen('user', 'status');
  expect(stdout).toContain('Merged: into main');
  expect(stdout).not.toContain('Next: rasen merge');
});
