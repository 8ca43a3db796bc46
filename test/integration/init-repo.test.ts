/** `rasen init --repo`: a task of a repository that nobody has cloned, through to its pull request. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { FakeForge } from '../support/forge.ts';
import { SeedProject, WORKS } from '../support/scripted-agent.ts';

const SECRET = 'ghp_sesame0123456789';
const LONG = 240_000;
const PLAN = 'subtasks:\n  - id: token\n    description: Make the token\n';

let project: SeedProject;
let forge: FakeForge;
let config: string;
afterEach(async () => {
  await forge.close();
  await project.close();
});

/** A forge that asks for a password, which the user's own git knows. */
async function started(): Promise<string> {
  project = new SeedProject({ config: { baseline: 'allow', limits: { attempts: 1 } } });
  const { folder } = project.instance;
  forge = new FakeForge(folder, SECRET);
  await forge.start();
  config = join(folder, 'gitconfig');
  const helper = `!f() { test "$1" = get && printf 'username=x-access-token\\\\npassword=${SECRET}\\\\n'; }; f`;
  writeFileSync(config, `[credential]\n\thelper = "${helper.replaceAll('"', '\\"')}"\n`);
  writeFileSync(join(folder, 'plan.yml'), PLAN);
  return forge.add('owner/app', project.root);
}

const rasen = (args: string[], cwd = project.instance.folder, env: Record<string, string> = {}) =>
  project.instance.rasenAsync(args, { cwd, env: { GIT_CONFIG_GLOBAL: config, ...env } });
const init = (repo: string, ...more: string[]) =>
  rasen(['init', '--repo', repo, '--task', 'Make the token', '--json', ...more]);
const gatewayFolder = (name: string) => {
  const path = join(project.instance.home, 'gateway', name);
  return existsSync(path) ? readdirSync(path) : [];
};

test(
  'clones, works, and proposes; a second task shares the mirror, and nothing of yours is touched',
  async () => {
    const repo = await started();
    project.script({ '*': [WORKS] });
    const before = project.git('status', '--porcelain', '--ignored');
    const made = await init(repo, '--plan', 'plan.yml');
    expect(made.status, made.stderr).toBe(0);
    const { id, project: folder } = JSON.parse(made.stdout);
    expect(folder).toBe(join(project.instance.home, 'gateway/checkouts', id));
    expect(readFileSync(join(folder, '.rasen/task.txt'), 'utf8')).toBe('Make the token\n');
    const ran = await rasen(['run'], folder);
    expect(ran.status, ran.stderr).toBe(0);
    const env = { GITHUB_TOKEN: SECRET };
    const pr = () => rasen(['pr', id, '--forge-api', `${forge.url}/api`, '--json'], folder, env);
    const pulls = await Promise.all([pr(), pr()]);
    expect(
      pulls.map(({ status }) => status),
      pulls.map(({ stderr }) => stderr).join(),
    ).toEqual([0, 0]);
    expect(new Set(pulls.map(({ stdout }) => JSON.parse(stdout).url)).size).toBe(1);
    expect(forge.pulls.map(({ title, base }) => [title, base.ref])).toEqual([['Make the token', 'main']]);
    expect(forge.git('owner/app', 'log', '--format=%s', '-1', forge.pulls[0]!.head.ref)).not.toBe('');

    const clones = () => forge.calls.filter(call => /git-upload-pack$/.test(call)).length;
    const fetched = clones();
    // Two at a time take turns at one mirror.
    const more = await Promise.all([init(repo), init(repo)]);
    expect(
      more.map(({ status }) => status),
      more.map(({ stderr }) => stderr).join(),
    ).toEqual([0, 0]);
    expect(clones()).toBeGreaterThanOrEqual(fetched);
    expect(gatewayFolder('checkouts').sort()).toEqual(
      [id, ...more.map(({ stdout }) => JSON.parse(stdout).id)].sort(),
    );
    expect(gatewayFolder(`repositories/${new URL(repo).host.replace(':', '_')}/owner`).sort()).toEqual([
      'app.git',
      'app.git.turn',
    ]);
    expect(project.git('status', '--porcelain', '--ignored')).toBe(before);
  },
  LONG,
);

test(
  'what cannot be is told, and leaves nothing',
  async () => {
    const repo = await started();
    writeFileSync(join(project.instance.folder, 'bad.yml'), 'subtasks: 3\n');
    const wrong: [[string, ...string[]], string][] = [
      [[repo, '--plan', 'bad.yml'], 'config'],
      [[`${forge.url}/owner/none.git`], 'git'],
      [['https://u:p@example.com/o/n'], 'usage'],
      [['--upload-pack=x'], 'usage'],
      [['/somewhere'], 'usage'],
    ];
    for (const [args, kind] of wrong) {
      const { status, stdout } = await init(...args);
      expect(status, stdout).not.toBe(0);
      expect(JSON.parse(stdout).error.kind).toBe(kind);
    }
    expect(gatewayFolder('checkouts')).toEqual([]);
    const without = await rasen(['init', '--repo', repo, '--task', 'x'], undefined, {
      GIT_CONFIG_GLOBAL: '/dev/null',
    });
    expect([without.status, without.stderr]).toEqual([
      expect.any(Number),
      expect.stringMatching(/Username|auth/i),
    ]);
    expect(gatewayFolder('checkouts')).toEqual([]);
  },
  LONG,
);
