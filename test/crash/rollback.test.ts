/**
 * SIGKILL of rasend at each call of git that a rollback makes, before it and behind it. The branch is at one of the two
 * commits at any time, the history says which, and whoever comes next makes the rollback to its end.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { WORKS } from '../support/scripted-agent.ts';

const project = projects();
/** A rollback makes at least so many calls; fewer would mean that the kills missed it. */
const MIN_KILLS = 10;

let folder: string;
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A git that kills the supervisor at a call of it; the even ones are made before. */
function killingGit(): { path: string; arm: (pid: number, call: number) => void; disarm: () => void } {
  folder = mkdtempSync(join(tmpdir(), 'rk-'));
  const path = join(folder, 'bin');
  mkdirSync(path);
  const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const at = (name: string) => join(folder, name);
  writeFileSync(
    join(path, 'git'),
    `#!/bin/sh
read -r pid call <${at('armed')} || exec ${git} "$@"
mkdir ${at('calls')}/$$ 2>/dev/null
[ "$(ls ${at('calls')} | wc -l)" -eq "$call" ] || exec ${git} "$@"
[ $((call % 2)) -eq 1 ] || ${git} "$@" >/dev/null 2>&1
kill -9 "$pid"
exit 1
`,
    { mode: 0o755 },
  );
  const disarm = () => {
    writeFileSync(at('armed'), '');
    rmSync(at('calls'), { recursive: true, force: true });
    mkdirSync(at('calls'));
  };
  disarm();
  return {
    path,
    disarm,
    arm: (pid, call) => {
      disarm();
      writeFileSync(at('armed'), `${pid} ${call}\n`);
    },
  };
}

it('is made to its end by whoever comes next, and asked for again is done already', {
  timeout: 300_000,
}, async () => {
  const git = killingGit();
  const env = { PATH: `${git.path}:${process.env.PATH}` };
  const p = project({ config: { limits: { attempts: 1 } }, env });
  p.script({ a: [WORKS], b: [[{ exit: 1 }], WORKS] });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  expect((await p.rasen('run')).status).toBe(3);
  const before = await p.view();
  // Which no commit has: it is removed.
  writeFileSync(join(before.worktree!, 'left.txt'), '');
  await p.crash();
  const { instance } = p;
  await instance.start();

  const tip = () => p.git('rev-parse', before.branch!);
  const view = () => instance.call<TaskView>('task.get', { task: before.id });
  /** Once: null where nobody answers any more. */
  const ask = async () => {
    const client = await instance.client().catch(() => null);
    const params = { task: before.id, subtask: 'a', op: 'r' };
    const answer = await client?.call<TaskView>('task.rollback', params).catch(() => null);
    client?.close();
    return answer ?? null;
  };
  const isDead = () => instance.daemon!.signalCode !== null;
  let kills = 0;
  for (let call = 1; ; call++) {
    git.arm(instance.daemon!.pid!, call);
    // The next supervisor goes on by itself; so does one that is asked again.
    const answer = await ask();
    if (answer === null) await until('it is dead', isDead);
    git.disarm();
    expect([before.commit, before.base]).toContain(tip());
    if (!isDead()) break;
    kills++;
    await instance.start();
    const now = await view();
    const done = !now.rolling_back;
    expect(now).toMatchObject({
      completed_subtasks: done ? 0 : 1,
      commit: done ? before.base : before.commit,
    });
  }
  console.log(`rollback: ${kills} × SIGKILL at its calls of git`);
  expect(kills).toBeGreaterThanOrEqual(MIN_KILLS);
  expect(await view()).toMatchObject({ completed_subtasks: 0, commit: before.base });
  expect(tip()).toBe(before.base);
  expect(p.git('-C', before.worktree!, 'status', '--porcelain')).toBe('');

  const { seq } = (await ask())!;
  expect((await p.rasen('rollback')).stderr).toContain('has no good commit yet');
  expect([(await view()).seq, tip()]).toEqual([seq, before.base]);
  expect((await p.rasen('resume')).status).toBe(0);
  expect(p.git('rev-parse', `refs/rasen/${before.id}/good/1`)).toBe(before.commit);
  expect(readFileSync(join((await p.view()).worktree!, 'app.txt'), 'utf8')).not.toBe('');
});
