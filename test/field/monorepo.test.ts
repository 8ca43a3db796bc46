/** A package of a repository with a rasen.yml of its own: that package is the project, for everybody who works in it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import type { SeedProject } from '../support/scripted-agent.ts';
import { shellProject } from '../support/shell-project.ts';

let p: SeedProject;
afterEach(async () => await p?.close());

/** The repository has no configuration; the package `web` has. */
function repository(agent: string, config: Record<string, unknown> = {}): void {
  const here = 'case $PWD in */.worktrees/*/pkgs/web) ;; *) exit 1;; esac';
  p = shellProject({
    agent,
    config: {
      setup: ['sh', '-c', `${here} && touch ready`],
      gates: [['sh', '-c', `${here} && test -f ready && sh test/a.test.sh`]],
      ...config,
    },
    files: {
      'pkgs/web/test/a.test.sh': 'exit 0\n',
      'pkgs/api/test/a.test.sh': 'exit 0\n',
      '.gitignore': 'ready\n',
    },
  });
  mkdirSync(join(p.root, 'pkgs/web/src'));
  p.write({ 'pkgs/web/src/index.js': '\n' });
  p.git('mv', 'rasen.yml', 'pkgs/web/rasen.yml');
  p.git('add', '-A');
  p.git('commit', '-qm', 'packages');
}
const below = (folder: string, ...args: string[]) =>
  p.instance.rasenAsync(args, { cwd: join(p.root, folder) });
const view = async () =>
  JSON.parse((await below('pkgs/web', 'status', '--format', 'json')).stdout) as TaskView;
async function init(subtask: Record<string, unknown>, from = 'pkgs/web'): Promise<void> {
  p.write({
    '../plan.yml': JSON.stringify({ subtasks: [{ id: 'one', title: 'One', agent: 'coder', ...subtask }] }),
  });
  expect(await below(from, 'init', '--task', 'x', '--plan', p.beside('plan.yml'))).toMatchObject({
    status: 0,
  });
}

test('agent, setup, gates, final check and merge are in the package; so are the views, from wherever it is asked', async () => {
  repository('case $PWD in */task-*/pkgs/web) ;; *) exit 1;; esac; echo done >done.txt\n');
  await init({}, 'pkgs/web/src');
  expect(p.has('pkgs/web/.rasen/task.json')).toBe(true);
  expect(await below('pkgs/web', 'run')).toMatchObject({ status: 0 });
  expect(await view()).toMatchObject({ status: 'completed', verified: true });
  expect(JSON.parse((await below('pkgs/web/src', 'status', '--format', 'json')).stdout).id).toBe(
    (await view()).id,
  );
  expect(p.json('pkgs/web/.rasen/status.json')).toMatchObject({ status: 'completed' });
  expect(await below('pkgs/web', 'merge')).toMatchObject({ status: 0 });
  expect([p.read('pkgs/web/done.txt'), p.has('done.txt'), p.git('status', '--porcelain')]).toEqual([
    'done\n',
    false,
    '',
  ]);
});

test('paths of a plan and of the configuration are those of the package; what the top protects stays protected', async () => {
  repository('echo "exit 0 # other" >test/a.test.sh\nmkdir -p "$WHERE"; date >"$WHERE/file"\n', {
    ...{ protected: ['locked'], env: { WHERE: 'free' } },
  });
  await init({ tests: ['test/**'] });
  expect(await below('pkgs/web', 'run')).toMatchObject({ status: 0 });
  for (const where of ['locked', '../../.github/workflows']) {
    const changed = p.read('pkgs/web/rasen.yml').replace(/"WHERE": "[^"]*"/, `"WHERE": "${where}"`);
    p.write({ 'pkgs/web/rasen.yml': changed });
    p.git('commit', '-qam', where);
    await below('pkgs/web', 'reinit', '--force', '--task', where, '--plan', p.beside('plan.yml'));
    expect(await below('pkgs/web', 'run'), where).toMatchObject({ status: 3 });
    expect((await view()).reason, where).toContain('diff gate');
  }
});

test('a subtask with a folder of its own has it within the package', async () => {
  repository('case $PWD in */task-*/pkgs/web/src) ;; *) exit 1;; esac; echo done >done.txt\n');
  await init({ cwd: 'src' });
  expect(await below('pkgs/web', 'run')).toMatchObject({ status: 0 });
  expect(await below('pkgs/web', 'merge')).toMatchObject({ status: 0 });
  expect(p.has('pkgs/web/src/done.txt')).toBe(true);
});
