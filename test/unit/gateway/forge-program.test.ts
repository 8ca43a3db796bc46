/** Requests through gh and glab, which are played by a program that takes each argument as the real ones do, and no other. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../../src/contract/view.ts';
import { Forge } from '../../../src/gateway/forge.ts';
import { Repositories } from '../../../src/gateway/repositories.ts';
import { gatewayPaths } from '../../../src/gateway/state.ts';

const ID = '01k0000000000000000000000a';
let folder: string;
let project: string;
let bin: string;
let state: string;
let base: string;
let head: string;

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
    ...{ cwd: project, encoding: 'utf8' },
  }).trim();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-gh-'));
  project = join(folder, 'project');
  bin = join(folder, 'bin');
  state = join(folder, 'state.json');
  mkdirSync(bin);
  execFileSync('git', ['init', '-q', '-b', 'main', project]);
  base = commit('one\n');
  for (const repo of ['owner/app', 'group/sub/app'])
    execFileSync('git', ['clone', '-q', '--bare', project, join(folder, 'hub', `${repo}.git`)]);
  head = commit('two\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

function commit(text: string): string {
  writeFileSync(join(project, 'a.txt'), text);
  git('add', 'a.txt');
  git('commit', '-qm', 'work');
  return git('rev-parse', 'HEAD');
}

/** Installed programs; `logins`: `gh github.com`. */
function programs(installed: string[], logins: string[], more: object = {}): void {
  const source = readFileSync(join(import.meta.dirname, '../../support/forge-program.mjs'), 'utf8');
  copyFileSync(process.execPath, join(folder, 'node'));
  chmodSync(join(folder, 'node'), 0o755);
  for (const name of installed)
    writeFileSync(join(bin, name), `#!${folder}/node\n${source}`, { mode: 0o755 });
  const fresh = { logins, requests: [], calls: [], forbidden: [], root: join(folder, 'hub') };
  writeFileSync(state, JSON.stringify({ ...fresh, ...more }));
}
const held = () => JSON.parse(readFileSync(state, 'utf8'));

/** `origin` is there; what is pushed goes to the repository in our folder. */
function origin(url: string, repo: string): void {
  git('remote', 'add', 'origin', url);
  git('config', `url.${join(folder, 'hub', `${repo}.git`)}.insteadOf`, url);
}

const view = () =>
  ({
    ...{
      id: ID,
      project,
      base,
      commit: head,
      branch: 'rasen/x',
      status: 'completed',
      goal: 'Make it',
      name: 'x',
    },
    ...{
      subtasks: [],
      result: null,
      verified: true,
      total_commits: 1,
      total_tokens: 0,
      total_cost_usd: null,
    },
  }) as unknown as TaskView;

function forge(env: Record<string, string> = {}, token?: string): Forge {
  const paths = gatewayPaths(join(folder, 'gateway'));
  const PATH = `${bin}:/usr/bin:/bin`;
  return new Forge(paths, new Repositories(paths), {
    token,
    env: { PATH, HOME: folder, FORGE_STATE: state, ...env },
  });
}

test.each([
  [
    'gh',
    'https://github.com/owner/app.git',
    'owner/app',
    'github.com',
    'https://github.com/owner/app/pull/1',
  ],
  ['gh', 'git@hub.example:owner/app.git', 'owner/app', 'hub.example', 'https://hub.example/owner/app/pull/1'],
  [
    ...['glab', 'https://gitlab.com/group/sub/app.git', 'group/sub/app', 'gitlab.com'],
    'https://gitlab.com/group/sub/app/-/merge_requests/1',
  ],
  [
    ...['glab', 'https://lab.example/group/sub/app', 'group/sub/app', 'lab.example'],
    'https://lab.example/group/sub/app/-/merge_requests/1',
  ],
] as [string, string, string, string, string][])(
  'through %s for %s: pushed, opened once, found again, also after a lost answer',
  async (program, remote, repo, host, url) => {
    programs(['gh', 'glab'], [`${program} ${host}`], { lose: true });
    origin(remote, repo);
    const before = git('for-each-ref');
    const lost = await forge().openPullRequest(view(), null, { title: 'Title "of" mine' });
    expect(lost).toEqual({ number: 1, url, branch: 'rasen/x', again: true });
    expect(await forge().openPullRequest(view(), null, {})).toEqual({ ...lost, again: true });
    expect(held().requests).toEqual([
      {
        number: 1,
        source: 'rasen/x',
        target: 'main',
        title: 'Title "of" mine',
        text: expect.stringContaining('Make it'),
      },
    ]);
    const pushed = execFileSync('git', ['rev-parse', 'rasen/x'], {
      cwd: join(folder, 'hub', `${repo}.git`),
      encoding: 'utf8',
    });
    expect(pushed.trim()).toBe(head);
    expect(git('for-each-ref')).toBe(before);
  },
);

test('who is logged in nowhere, or has neither program, is told of both and of a token', async () => {
  origin('https://github.com/owner/app.git', 'owner/app');
  for (const installed of [[], ['gh', 'glab']]) {
    programs(installed, ['gh hub.example', 'glab github.com']);
    const error = await forge()
      .openPullRequest(view(), null, {})
      .catch(e => e);
    expect(error).toMatchObject({ kind: 'secret', hint: expect.stringContaining('gh auth login') });
    expect(held().requests).toEqual([]);
  }
  // glab knows nothing of github.com, and is not asked.
  expect(held().calls).toEqual(['gh auth status --hostname github.com']);
});

test('tokens for any host are kept from one that origin alone names', async () => {
  const tokens = {
    GH_ENTERPRISE_TOKEN: 'a',
    GITHUB_ENTERPRISE_TOKEN: 'b',
    GITLAB_TOKEN: 'c',
    OAUTH_TOKEN: 'd',
  };
  programs(['gh', 'glab'], ['glab evil.example'], { forbidden: Object.keys(tokens) });
  origin('https://evil.example/owner/app', 'owner/app');
  expect(await forge(tokens).openPullRequest(view(), null, {})).toMatchObject({ number: 1 });
  // A host that its user has named is meant.
  programs(['gh'], ['gh evil.example'], { forbidden: ['GH_ENTERPRISE_TOKEN'] });
  const named = forge({ ...tokens, GH_HOST: 'evil.example' });
  await expect(named.openPullRequest(view(), null, {})).rejects.toMatchObject({ kind: 'secret' });
});

test('what the program says is told, and nothing is opened', async () => {
  programs(['gh'], ['gh github.com']);
  origin('https://github.com/owner/app.git', 'owner/app');
  const error = await forge()
    .openPullRequest(view(), null, { base: 'none' })
    .catch(e => e);
  expect(error).toMatchObject({
    kind: 'git',
    message: expect.stringContaining('HTTP 422: Validation Failed'),
  });
  expect(held().requests).toEqual([]);
});
