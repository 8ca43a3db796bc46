/** A project folder that is not where it was when its task was submitted: renamed, moved away, replaced. Nothing is lost, and the way is told. */
import { renameSync, rmSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { SeedProject } from '../support/scripted-agent.ts';
import { shellProject } from '../support/shell-project.ts';

let p: SeedProject;
afterEach(async () => await p?.close());
const elsewhere = (...args: string[]) => p.instance.rasenAsync(args, { cwd: p.beside('renamed') });

test('renamed while the task is stopped: every command that goes on says where it was made; moved back, it goes on', async () => {
  p = shellProject({
    agent: 'test -f "$(dirname "$0")/go" || sleep 60; echo done >done.txt\n',
  });
  await p.init([{ id: 'one' }]);
  await p.ok('run', '--background');
  await p.seen('the session', v => v.subtasks.find(s => s.id === 'one')?.attempt?.started_at);
  await p.ok('stop');
  renameSync(p.root, p.beside('renamed'));
  for (const command of [['resume'], ['run'], ['retry', 'one'], ['merge']]) {
    const { status, stderr } = await elsewhere(...command);
    expect(status, command.join(' ')).toBe(5);
    expect(stderr).toContain('This project was moved');
    expect(stderr).toContain(`mv ${p.beside('renamed')} ${p.root}`);
  }
  // From anywhere else the supervisor is asked, which says as much.
  const { id, name } = JSON.parse((await elsewhere('status', '--format', 'json')).stdout);
  for (const named of [id, id.slice(-8), name])
    expect((await elsewhere('resume', named)).stderr, named).toContain(`mv ${p.beside('renamed')} ${p.root}`);
  const { stdout, stderr } = await p.instance.rasenAsync(['resume', id], { cwd: p.beside('.') });
  expect(stdout + stderr).toContain('it was moved, renamed or removed. Move it back');
  renameSync(p.beside('renamed'), p.root);
  p.write({ '../go': '' });
  expect((await p.rasen('resume')).status).toBe(0);
  expect(await p.view()).toMatchObject({ status: 'completed' });
});

test('renamed after the task is completed: its commits are on the branch there', async () => {
  p = shellProject({ agent: 'echo done >done.txt\n' });
  await p.init([{ id: 'one' }]);
  await p.ok('run');
  const { branch } = await p.view();
  renameSync(p.root, p.beside('renamed'));
  const { status, stderr } = await elsewhere('merge');
  expect(status).toBe(5);
  expect(stderr).toContain(`git merge ${branch}`);
  renameSync(p.beside('renamed'), p.root);
  p.git('merge', '-q', branch!);
  expect(p.read('done.txt')).toBe('done\n');
});

test('another repository in its place: nothing is done to it, and it is named', async () => {
  p = shellProject({ agent: 'test -f "$(dirname "$0")/go" || sleep 60; echo done >done.txt\n' });
  await p.init([{ id: 'one' }]);
  await p.ok('run', '--background');
  await p.seen('the session', v => v.subtasks.find(s => s.id === 'one')?.attempt?.started_at);
  await p.ok('stop');
  renameSync(p.root, p.beside('renamed'));
  p.write({ 'other.txt': 'other\n' });
  p.git('init', '-q', '-b', 'main');
  p.git('add', '-A');
  p.git('commit', '-qm', 'another');
  const id = JSON.parse((await elsewhere('status', '--format', 'json')).stdout).id;
  const { stdout } = await elsewhere('resume', id);
  expect(stdout).toContain(`another repository is in ${p.root} than when the task was submitted`);
  expect([p.git('log', '--oneline', '--all').split('\n').length, p.git('status', '--porcelain')]).toEqual([
    1,
    '',
  ]);
  rmSync(p.root, { recursive: true });
  renameSync(p.beside('renamed'), p.root);
  p.write({ '../go': '' });
  expect((await p.rasen('resume')).status).toBe(0);
});
