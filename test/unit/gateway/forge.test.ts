/** What is pushed, and which forge gets the token of the environment. Real repositories, and a forge on loopback. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../../src/contract/view.ts';
import { Forge, type ForgeOptions } from '../../../src/gateway/forge.ts';
import { Repositories } from '../../../src/gateway/repositories.ts';
import { gatewayPaths } from '../../../src/gateway/state.ts';
import { FakeForge } from '../../support/forge.ts';

const TOKEN = 'ghp_sesame0123456789';
const ID = '01k0000000000000000000000a';
let folder: string;
let project: string;
let hub: FakeForge;
let base: string;

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
    cwd: project,
    encoding: 'utf8',
  }).trim();

function commit(text: string, message: string): string {
  writeFileSync(join(project, 'a.txt'), text);
  git('add', 'a.txt');
  git('commit', '-qm', message);
  return git('rev-parse', 'HEAD');
}

const view = (commit: string) =>
  ({
    ...{ id: ID, project, base, commit, branch: 'rasen/x', status: 'completed', goal: 'Make it', name: 'x' },
    ...{
      subtasks: [],
      result: null,
      verified: true,
      total_commits: 1,
      total_tokens: 0,
      total_cost_usd: null,
    },
  }) as unknown as TaskView;

function forge(options: ForgeOptions = {}): Forge {
  const paths = gatewayPaths(folder);
  return new Forge(paths, new Repositories(paths), options);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-forge-'));
  project = join(folder, 'project');
  execFileSync('git', ['init', '-q', '-b', 'main', project]);
  base = commit('one\n', 'Begin');
  hub = new FakeForge(folder, TOKEN);
  await hub.start();
  const url = hub.add('owner/app', project);
  git('remote', 'add', 'origin', url);
  // Pushed past HTTP, which asks for a password.
  git('config', `url.${hub.root}/.insteadOf`, `${hub.url}/`);
});
afterEach(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

test('what was done again after it was pushed as one commit is pushed on top of that', async () => {
  const first = commit('two\n', 'wip');
  const pushed = await forge().push(view(first), 'Add two', null);
  expect((await forge().push(view(first), null, null)).commit).toBe(pushed.commit);
  git('reset', '-q', '--hard', base);
  const second = commit('three\n', 'wip again');
  const again = await forge().push(view(second), null, null);
  expect(again.again).toBe(false);
  expect(hub.git('owner/app', 'show', 'rasen/x:a.txt')).toBe('three');
  expect(hub.git('owner/app', 'log', '--format=%s', 'main..rasen/x').split('\n')).toEqual([
    'Make it',
    'Add two',
  ]);
  expect(await forge().push(view(second), 'Add three', null)).toMatchObject({ again: true });
});

test('the token of the environment goes to its own forge, and to no host that origin names', async () => {
  const done = view(commit('two\n', 'Add two'));
  const other = hub.url.replace('127.0.0.1', '127.0.0.2');
  for (const api of [undefined, `${other}/api`, 'https://api.github.com'])
    await expect(forge({ token: TOKEN, api }).openPullRequest(done, null, {})).rejects.toMatchObject({
      kind: 'secret',
    });
  expect(hub.calls).toEqual([]);
  const pull = await forge({ token: TOKEN, api: `${hub.url}/api` }).openPullRequest(done, null, {});
  expect(pull).toMatchObject({ number: 1, again: false });
  git('remote', 'set-url', 'origin', 'https://github.com.evil.example/owner/app');
  await expect(forge({ token: TOKEN }).openPullRequest(done, null, {})).rejects.toMatchObject({
    kind: 'secret',
  });
});
