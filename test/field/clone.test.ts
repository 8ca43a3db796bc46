/**
 * Situations from the field: what agents and the tests that they run do to the repository that they work in. The user's
 * stays what it was, what no commit can hold is told, and the git of the user's shell is the git of the task.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fingerprint } from '../support/git-repo.ts';
import { projects } from '../support/projects.ts';
import type { SeedProject } from '../support/scripted-agent.ts';
import { works } from '../support/shell-project.ts';

const make = projects();
const DONE = `\nprintf '{"status":"done"}' >"$RASEN_RESULT_FILE"\n`;

/** Its agent is a shell script, run in the workspace. */
function project(
  script: string,
  more: { files?: Record<string, string>; config?: object } = {},
): SeedProject {
  const agent = ['sh', '-c', `cat >/dev/null\n${script}\n:${DONE}`];
  return make({
    files: more.files ?? {},
    config: { agent, gates: [['true']], limits: { attempts: 2 }, ...more.config },
  });
}

test('whatever an agent does with git stays in its clone: stash, branches, settings, hooks', async () => {
  const p = project(`
    git stash; git stash pop; git stash clear
    git branch -D precious; git update-ref refs/heads/main HEAD~1; git tag -d v1
    GIT_DIR=$(git rev-parse --git-dir) git init -q
    git config core.bare true; git config --unset core.bare; git config user.name Nobody
    printf '#!/bin/sh\nexit 1\n' >"$(git rev-parse --git-path hooks)/pre-commit" 2>/dev/null
    git gc -q --prune=now
    git log --oneline precious main >/dev/null 2>&1
    echo done >done.txt
  `);
  p.git('branch', 'precious');
  p.git('tag', 'v1');
  p.write({ 'app.txt': 'private\n' });
  p.git('stash', '-q');
  p.write({ 'app.txt': 'second\n' });
  p.git('commit', '-qam', 'second');
  await p.init([{ id: 'a' }]);
  const before = [p.git('for-each-ref'), p.git('stash', 'list'), p.git('status', '--porcelain')];
  const files = fingerprint(p.root);
  expect((await p.rasen('run')).status).toBe(0);
  const users = p
    .git('for-each-ref')
    .split('\n')
    .filter(line => !line.includes('/rasen/'));
  expect([users.join('\n'), p.git('stash', 'list'), p.git('status', '--porcelain')]).toEqual(before);
  for (const [path, now] of fingerprint(p.root))
    if (path.startsWith('.git/')) expect([path, now]).toEqual([path, files.get(path)]);
  const { branch } = await p.view();
  expect(p.git('show', `${branch}:done.txt`)).toBe('done');
});

test('what is lost in the user’s repository meanwhile is told with what it was, wherever the task is told of', async () => {
  const p = project(
    `cd "$RASEN_PROJECT"; git branch -D precious; git config user.name evil
    echo staged >staged.txt; git add staged.txt; cd - >/dev/null; echo done >done.txt`,
  );
  p.git('branch', 'precious');
  const was = p.git('rev-parse', 'precious');
  await p.init([{ id: 'a' }]);
  const { stdout } = await p.rasen('run');
  const line = `Meanwhile in your repository: refs/heads/precious is gone; it was ${was}`;
  for (const said of [stdout, await p.ok('status'), await p.ok('report'), await p.ok('logs')]) {
    expect(said).toContain(line);
    expect(said).toMatch(/Meanwhile in your repository: .*config was changed/);
  }
  // What people do all the time is no news, and is in the journal.
  const events = await p.ok('events', '--format', 'json');
  expect(events).toContain(`what is staged in ${p.root} was changed`);
  expect(stdout).not.toContain('what is staged');
});

test('remotes can be fetched from, and refuse to be pushed to, in words', async () => {
  const p = project(`
    git fetch -q origin && git log -1 --format=%s origin/main >fetched.txt
    git push origin HEAD:main 2>pushed.txt
    git push "$HOME/origin.git" HEAD:refs/heads/around 2>/dev/null
  `);
  const origin = p.beside('origin.git');
  p.git('init', '-q', '--bare', origin);
  p.git('remote', 'add', 'origin', origin);
  p.git('push', '-q', 'origin', 'main');
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { branch, base } = await p.view();
  expect(p.git('show', `${branch}:fetched.txt`)).toBe(p.git('log', '-1', '--format=%s', 'origin/main'));
  expect(p.git('show', `${branch}:pushed.txt`)).toContain(
    'rasen does not let tasks push (worktree.push in rasen.yml)',
  );
  expect(p.git('ls-remote', origin, 'main')).toContain(base!);
  expect(p.git('ls-remote', origin, 'around'), 'nor to an address').toBe('');
});

test('a push that is allowed is told', async () => {
  const config = { worktree: { push: true } };
  const p = project('echo done >done.txt; git add -A; git commit -qm done; git push -q origin HEAD:shared', {
    config,
  });
  const origin = p.beside('origin.git');
  p.git('init', '-q', '--bare', origin);
  p.git('remote', 'add', 'origin', origin);
  p.git('push', '-q', 'origin', 'main');
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const pushed = p.git('ls-remote', origin, 'shared').split('\t')[0];
  expect(await p.ok('logs')).toContain(`Pushed: origin/shared is ${pushed} by a push`);
});

test('commits on other branches are kept, and told; the task has those that it stands on', async () => {
  const p = project(`
    echo idea >idea.txt; git add -A; git checkout -q -b idea; git commit -qm idea
    git checkout -q rasen/* 2>/dev/null || git checkout -q -
    rm -f idea.txt; echo done >done.txt; git add -A; git commit -qm done
  `);
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { id, branch } = await p.view();
  const kept = p.git('for-each-ref', '--format=%(refname)', `refs/rasen/${id}/kept/`);
  expect(p.git('show', `${kept}:idea.txt`)).toBe('idea');
  expect(p.git('ls-tree', '--name-only', branch!)).not.toContain('idea.txt');
  expect(await p.ok('logs', '-n', 'all')).toContain(`Kept as ${kept}: refs/heads/idea`);
});

test('work in a submodule, or in a repository that was made inside, is told, and no `verified` where the plan names it', async () => {
  const script = `
    git -c protocol.file.allow=always submodule -q update --init
    echo new >lib/new.c; echo fixed >lib/app.txt
    mkdir tool && git -C tool init -q && echo tool >tool/main.c
    echo done >done.txt
  `;
  const p = project(script, { config: { limits: { attempts: 1 } } });
  const lib = p.beside('lib');
  p.git('clone', '-q', p.root, lib);
  p.git('-c', 'protocol.file.allow=always', 'submodule', '-q', 'add', lib, 'lib');
  p.git('commit', '-qm', 'sub');
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  for (const said of [await p.ok('status'), await p.ok('report'), await p.ok('logs', '-n', 'all')]) {
    expect(said).toMatch(/lib\/ is a submodule with changes that are not committed \(.*new\.c/);
    expect(said).toContain('tool/ is a repository of its own');
  }
  expect((await p.rasen('merge')).status).toBe(0);
  // Its workspace went with the merge; what no commit holds did not.
  const left = join(p.instance.home, 'git');
  await expect
    .poll(() => find(left, 'new.c').map(path => readFileSync(path, 'utf8')), { timeout: 400_000 })
    .toEqual(['new\n']);
  expect(find(left, 'main.c').map(path => readFileSync(path, 'utf8'))).toEqual(['tool\n']);
  const gc = await p.ok('gc', '--older-than', '0');
  expect(gc).toContain(`--unmerged`);
  expect(find(left, 'new.c')).toHaveLength(1);

  const q = project(script, { config: { limits: { attempts: 1 } } });
  q.git('-c', 'protocol.file.allow=always', 'submodule', '-q', 'add', lib, 'lib');
  q.git('commit', '-qm', 'sub');
  await q.init([{ id: 'a', files: ['lib/new.c'] }]);
  expect((await q.rasen('run')).status).not.toBe(0);
  expect((await q.view()).reason).toMatch(/The plan names files that are in no commit: lib\/ is a submodule/);
});

test('a file that the plan names and git ignores is no work that was done', async () => {
  const p = project('mkdir -p build; echo out >build/out.txt; echo done >done.txt', {
    files: { '.gitignore': 'build/\n' },
    config: { limits: { attempts: 1 } },
  });
  await p.init([{ id: 'a', files: ['build/out.txt'] }]);
  expect((await p.rasen('run')).status).not.toBe(0);
  expect((await p.view()).reason).toMatch(/build\/out\.txt is ignored by git/);
});

test('the git of the user’s shell is that of the task: filters on PATH, GIT_CONFIG_GLOBAL', async () => {
  const p = project('git add -A; echo more >more.up', { files: { '.gitattributes': '*.up filter=case\n' } });
  // The supervisor has the environment of whoever needed it first.
  expect((await p.rasen('run', '--', 'true')).status).toBe(0);
  const tools = p.beside('tools');
  mkdirSync(tools);
  const filter = '#!/bin/sh\ncase $1 in clean) tr a-z A-Z;; smudge) tr A-Z a-z;; esac\n';
  writeFileSync(join(tools, 'case-filter'), filter, { mode: 0o755 });
  const config = p.beside('gitconfig');
  writeFileSync(
    config,
    '[user]\nname = Somewhere Else\nemail = else@example.org\n[filter "case"]\nclean = case-filter clean\nsmudge = case-filter smudge\nrequired = true\n',
  );
  const env = { PATH: `${tools}:${p.instance.env.PATH}`, GIT_CONFIG_GLOBAL: config };
  await p.init([{ id: 'a' }]);
  const ran = await p.instance.rasenAsync(['run'], { cwd: p.root, env });
  expect([ran.status, ran.stderr]).toEqual([0, expect.anything()]);
  const { branch } = await p.view();
  expect(p.git('cat-file', '-p', `${branch}:more.up`)).toBe('MORE');
  expect(p.git('log', '-1', '--format=%an <%ae>', branch!)).toBe('Somewhere Else <else@example.org>');
});

test('files that a filter keeps beside the repository, as git-lfs does, go into the task and come back', async () => {
  const p = project('grep -q BIG x.bin || exit 1; echo MORE >>x.bin; echo NEW >y.bin', {
    files: { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n' },
  });
  const tools = p.beside('tools');
  mkdirSync(tools);
  // A stand-in that finds its store as git-lfs does, and writes what git-lfs writes.
  const lfs = `#!/bin/sh
store=$(git config lfs.storage || echo "$(git rev-parse --git-common-dir)/lfs"); mkdir -p "$store/objects"
kept=$(mktemp); cat >"$kept"
case $1 in
clean) id=$(sha256sum <"$kept" | cut -c1-64); cp "$kept" "$store/objects/$id"
  printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' "$id" "$(wc -c <"$kept")";;
smudge) cat "$store/objects/$(sed -n 's/^oid sha256://p' "$kept")";;
esac
`;
  writeFileSync(join(tools, 'git-lfs'), lfs, { mode: 0o755 });
  const env = { PATH: `${tools}:${p.instance.env.PATH}` };
  for (const [name, value] of [
    ['clean', 'git-lfs clean -- %f'],
    ['smudge', 'git-lfs smudge -- %f'],
    ['required', 'true'],
  ])
    p.git('config', `filter.lfs.${name}`, value!);
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: p.root, env: { ...p.instance.env, ...env }, encoding: 'utf8' });
  p.write({ 'x.bin': 'BIG\n' });
  git('add', '-A');
  git('commit', '-qm', 'large');
  await p.init([{ id: 'a' }]);
  const rasen = (...args: string[]) => p.instance.rasenAsync(args, { cwd: p.root, env });
  const ran = await rasen('run');
  expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  expect((await rasen('merge')).status).toBe(0);
  expect([p.read('x.bin'), p.read('y.bin'), git('status', '--porcelain')]).toEqual([
    'BIG\nMORE\n',
    'NEW\n',
    '',
  ]);
  expect(git('show', 'HEAD:y.bin')).toContain('oid sha256:');
  // It is in the store of the user, and not in one that goes with the task.
  await rasen('gc', '--older-than', '0');
  git('rm', '-q', 'y.bin');
  git('checkout', '-q', 'HEAD', '--', 'y.bin');
  expect(p.read('y.bin')).toBe('NEW\n');
});

/** A project with git-lfs itself, its remote in a folder. False: git-lfs is not installed. */
function withLfs(p: SeedProject): boolean {
  if (!works(p, ['git', 'lfs', 'version'])) return false;
  p.git('lfs', 'install', '--local', '--skip-repo');
  p.git('lfs', 'track', '*.bin');
  p.write({ 'x.bin': 'BIG\n', 'z.bin': 'OTHER\n' });
  p.git('add', '-A');
  p.git('commit', '-qm', 'large');
  p.git('init', '-q', '--bare', '-b', 'main', p.beside('remote.git'));
  p.git('remote', 'add', 'origin', `file://${p.beside('remote.git')}`);
  p.git('lfs', 'push', 'origin', 'main');
  p.git('push', '-q', '-u', 'origin', 'main');
  return true;
}
const NO_LFS = 'git-lfs is not installed';

test('git-lfs: the agent has the content, commits have pointers, and the objects are the user’s', async ctx => {
  const p = project(`
    grep -q BIG x.bin || exit 1
    echo MORE >>x.bin; git add x.bin; git commit -qm "agent work"; echo NEW >y.bin
  `);
  if (!withLfs(p)) return ctx.skip(NO_LFS);
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  expect((await p.rasen('merge')).status).toBe(0);
  expect([p.read('x.bin'), p.read('y.bin'), p.git('status', '--porcelain')]).toEqual([
    'BIG\nMORE\n',
    'NEW\n',
    '',
  ]);
  for (const name of ['x.bin', 'y.bin'])
    expect(p.git('cat-file', '-p', `HEAD:${name}`)).toContain('oid sha256:');
  await p.rasen('gc', '--older-than', '0');
  expect(p.git('lfs', 'fsck')).toContain('OK');
  // Everybody else gets them, too.
  p.git('lfs', 'push', 'origin', 'main');
  p.git('push', '-q', 'origin', 'main');
  p.git('clone', '-q', `file://${p.beside('remote.git')}`, p.beside('other'));
  p.git('-C', p.beside('other'), 'lfs', 'install', '--local', '--skip-repo');
  p.git('-C', p.beside('other'), 'lfs', 'pull');
  expect(readFileSync(join(p.beside('other'), 'y.bin'), 'utf8')).toBe('NEW\n');
});

/** The two requests of the protocol of git-lfs that a download needs, over the objects in a folder. */
async function lfsServer(kept: string): Promise<{ url: string; asked: string[]; up: () => void }> {
  const asked: string[] = [];
  let isUp = false;
  const server = createServer(async (request, response) => {
    asked.push(request.url!);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (!isUp) return response.writeHead(404).end();
    const id = /^\/objects\/(\w+)$/.exec(request.url!)?.[1];
    if (id) return response.end(readFileSync(join(kept, id.slice(0, 2), id.slice(2, 4), id)));
    const { objects } = JSON.parse(Buffer.concat(chunks).toString());
    const answers = objects.map(({ oid, size }: { oid: string; size: number }) => {
      const href = `${url}/objects/${oid}`;
      return { oid, size, actions: { download: { href } } };
    });
    response.writeHead(200, { 'content-type': 'application/vnd.git-lfs+json' });
    response.end(JSON.stringify({ transfer: 'basic', objects: answers }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    up: () => {
      isUp = true;
    },
  };
}

test('git-lfs: what the user never fetched is fetched from the user’s remote, or named with the way to fetch it', async ctx => {
  const p = project('grep -q OTHER z.bin || exit 1; echo done >done.txt');
  if (!withLfs(p)) return ctx.skip(NO_LFS);
  const kept = p.beside('kept');
  renameSync(join(p.root, '.git/lfs/objects'), kept);
  const server = await lfsServer(kept);
  p.git('remote', 'set-url', 'origin', `${server.url}/project`);
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const { reason } = await p.view();
  expect(reason).toMatch(/git-lfs could not get the content of [xz]\.bin: .*git lfs fetch/s);
  expect(server.asked[0]).toBe('/project.git/info/lfs/objects/batch');
  server.up();
  const ran = await p.rasen('resume');
  expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  expect((await p.rasen('merge')).status).toBe(0);
  expect([p.read('done.txt'), p.git('status', '--porcelain')]).toEqual(['done\n', '']);
});

test('git-lfs: a server that .lfsconfig names is the user’s as of submit, and no other one later', async ctx => {
  const p = project(`
    grep -q OTHER z.bin || exit 1
    printf '[lfs]\n\turl = http://127.0.0.1:9/elsewhere\n' >.lfsconfig
    echo done >done.txt
  `);
  if (!withLfs(p)) return ctx.skip(NO_LFS);
  const kept = p.beside('kept');
  const server = await lfsServer(kept);
  server.up();
  p.write({ '.lfsconfig': `[lfs]\n\turl = ${server.url}/large\n` });
  p.git('add', '-A');
  p.git('commit', '-q', '-m', 'where large files are');
  renameSync(join(p.root, '.git/lfs/objects'), kept);
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  expect(server.asked[0]).toBe('/large/objects/batch');
  expect((await p.rasen('merge')).status).toBe(0);
  expect(p.read('done.txt')).toBe('done\n');
});

test('git-lfs: a server that an agent names is never asked', async ctx => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secrets`;
  const p = project(`
    printf '[lfs]\n\turl = ${url}\n' >.lfsconfig
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 4\n' 7 >w.bin
  `);
  if (!withLfs(p)) return ctx.skip(NO_LFS);
  await p.init([{ id: 'a' }]);
  await p.rasen('run');
  const view = await p.view();
  expect([view.status, asked]).toEqual(['blocked', 0]);
  expect(view.reason).toContain('git-lfs could not get the content of w.bin');
});

test('files of submodules are there where `setup` makes them; where nothing does, that is told before anything starts', async () => {
  const allowed = ['git', '-c', 'protocol.file.allow=always', 'submodule'];
  const p = project('cat lib/used.txt >copy.txt', {
    config: { gates: [['grep', '-q', 'library', 'lib/used.txt']] },
  });
  const lib = p.beside('lib');
  mkdirSync(lib);
  writeFileSync(join(lib, 'used.txt'), 'library\n');
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '-A'],
    ['commit', '-qm', 'lib'],
  ])
    p.git('-C', lib, ...args);
  p.git(...allowed.slice(1), '-q', 'add', lib, 'lib');
  p.git('commit', '-qm', 'with a library');
  await p.init([{ id: 'a' }]);
  const without = await p.rasen('run');
  expect([without.status, without.stderr]).toEqual([3, expect.stringContaining('submodules of this')]);
  const config = JSON.parse(p.read('rasen.yml'));
  p.write({ 'rasen.yml': JSON.stringify({ ...config, setup: [...allowed, 'update', '--init'] }) });
  await p.rasen('cancel');
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  expect(ran.stderr).not.toContain('submodules of this');
  const { branch } = await p.view();
  expect(p.git('show', `${branch}:copy.txt`)).toBe('library');
});

test('objects that lie elsewhere, behind a link: the task works, and its commits are there', async () => {
  const p = project('echo done >done.txt; git add -A; git commit -qm "agent work"');
  renameSync(join(p.root, '.git/objects'), p.beside('objects'));
  symlinkSync(p.beside('objects'), join(p.root, '.git/objects'));
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  expect((await p.rasen('merge')).status).toBe(0);
  expect([p.read('done.txt'), p.git('status', '--porcelain')]).toEqual(['done\n', '']);
  p.git('fsck', '--strict');
});

test('a task that is submitted from a hook is not by the author of the commit', async () => {
  const p = project('echo done >done.txt; git add -A; git commit -qm "agent work"');
  await p.init([{ id: 'a' }]);
  const env = {
    GIT_AUTHOR_NAME: 'Somebody Else',
    GIT_AUTHOR_EMAIL: 'else@example.org',
    GIT_AUTHOR_DATE: '@1577836800 +0000',
    GIT_INDEX_FILE: '.git/index',
    GIT_PREFIX: '',
  };
  expect((await p.instance.rasenAsync(['run'], { cwd: p.root, env })).status).toBe(0);
  const { branch } = await p.view();
  expect(p.git('log', '-1', '--format=%an %ad', '--date=format:%Y', branch!)).not.toMatch(/Somebody|2020/);
});

test('in a linked worktree, what an attempt does to the user’s branches and stash blocks, with the way back', async () => {
  const p = project(
    'git branch -D precious; git stash drop -q; git update-ref refs/heads/main HEAD~1; echo done >done.txt',
    { config: { worktree: { isolation: 'linked' } } },
  );
  p.git('branch', 'precious');
  p.write({ 'app.txt': 'private\n' });
  p.git('stash', '-q');
  p.write({ 'app.txt': 'second\n' });
  p.git('commit', '-qam', 'second');
  const lost = [p.git('rev-parse', 'precious'), p.git('rev-parse', 'stash'), p.git('rev-parse', 'main')];
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran.stderr).toContain('worktree.isolation is linked');
  expect((await p.rasen('doctor')).stdout).toMatch(/warning +isolation: worktree.isolation is linked/);
  const { status, reason, id } = await p.view();
  expect([status, ran.status]).toEqual(['blocked', expect.any(Number)]);
  for (const [i, ref] of ['refs/heads/precious', 'refs/stash', 'refs/heads/main'].entries())
    expect(reason).toMatch(new RegExp(`${ref} .*${lost[i]}`));
  for (const commit of lost)
    expect(p.git('for-each-ref', '--contains', commit, `refs/rasen/${id}/`)).not.toBe('');
});

test('a repository whose `.git` an agent removed or replaced: its work is there, and so is its place', async () => {
  const p = project(
    'echo done >done.txt; rm -rf .git; [ "$RASEN_SUBTASK" = a ] || { git init -q; git add -A; git commit -qm mine; }',
  );
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  await p.rasen('run');
  const { subtasks, branch } = await p.view();
  expect(subtasks.find(s => s.id === 'a')!.status).toBe('completed');
  expect(p.git('show', `${branch}:done.txt`)).toBe('done');
});

/** What goes while it is listed is looked for again. */
function find(folder: string, name: string): string[] {
  try {
    return (readdirSync(folder, { recursive: true }) as string[])
      .filter(path => path.endsWith(`/${name}`))
      .map(path => join(folder, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return existsSync(folder) ? find(folder, name) : [];
  }
}
