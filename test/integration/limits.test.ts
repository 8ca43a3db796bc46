/** Limits: how much runs at once, how long, how often, and with how much room on the disk. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { commandSpec, Instance, pipelineSpec, until } from '../support/instance.ts';

let rig: Instance;
let witness: string;
beforeEach(() => {
  rig = new Instance();
  witness = join(rig.folder, 'witness');
  writeFileSync(witness, '');
});
afterEach(() => rig.close());

const sh = (script: string) => ['/bin/sh', '-c', script.replaceAll('$W', witness)];
const said = () =>
  readFileSync(witness, 'utf8')
    .trim()
    .split('\n')
    .filter(line => line !== '');
const submit = async (spec: ReturnType<typeof pipelineSpec>) => {
  await rig.call('task.run', { spec, env: rig.env });
  return spec.id;
};
const wait = async (task: string) => (await rig.call<TaskView[]>('task.wait', { tasks: [task] }))[0]!;
const limited = (spec: ReturnType<typeof pipelineSpec>, limits: object) => ({
  ...spec,
  limits: { ...spec.limits, ...limits },
});
const steps = (v: TaskView) => Object.fromEntries(v.subtasks.map(s => [s.id, s.status]));

/** Says when it begins and ends; short enough for many, long enough to overlap. */
const busy = () => sh('echo + >>$W; sleep 0.15; echo - >>$W');

/** Most that were between + and - at once. */
function most(): number {
  let now = 0;
  let top = 0;
  for (const line of said()) {
    now += line === '+' ? 1 : -1;
    top = Math.max(top, now);
  }
  return top;
}

function settings(text: string): void {
  mkdirSync(rig.home, { recursive: true, mode: 0o700 });
  writeFileSync(join(rig.home, 'rasend.yml'), text);
}

test('max_live_jobs: never more, and all are done, over a kill as well', async () => {
  settings('max_live_jobs: 2\n');
  await rig.start();
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) ids.push(await submit(commandSpec(busy(), rig.folder)));
  await until('some are done', () => said().length > 6);
  await rig.kill();
  await rig.start();
  for (const id of ids) expect((await wait(id)).status).toBe('completed');
  expect(said().length).toBe(20);
  expect(most()).toBe(2);
});

test('parallel: of one pipeline, and none starts before what it needs', async () => {
  await rig.start();
  const wide = Array.from({ length: 7 }, (_, i) => ({ id: `s${i}`, do: { run: busy() } }));
  const id = await submit(limited(pipelineSpec(wide, rig.folder), { parallel: 3 }));
  expect((await wait(id)).status).toBe('completed');
  expect(most()).toBe(3);
  writeFileSync(witness, '');
  const diamond = [['a'], ['b', 'a'], ['c', 'a'], ['d', 'b', 'c']].map(([name, ...needs]) => ({
    id: name,
    needs,
    do: { run: sh(`echo ${name} >>$W`) },
  }));
  await wait(await submit(limited(pipelineSpec(diamond, rig.folder), { parallel: 8 })));
  expect(said().length).toBe(4);
  expect([said()[0], said()[3]]).toEqual(['a', 'd']);
});

test('on_fail: stop starts nothing more, continue goes on; neither is called completed', async () => {
  await rig.start();
  const plan = (on_fail: string) => [
    { id: 'bad', do: { run: sh('echo bad >>$W; exit 1') }, on_fail },
    { id: 'apart', do: { run: sh('echo apart >>$W') } },
    { id: 'after', do: { run: sh('echo after >>$W') }, needs: ['bad'] },
  ];
  const stopped = await wait(await submit(pipelineSpec(plan('stop'), rig.folder)));
  expect([stopped.status, steps(stopped), said()]).toEqual([
    'failed',
    { bad: 'failed', apart: 'skipped', after: 'skipped' },
    ['bad'],
  ]);
  writeFileSync(witness, '');
  const went = await wait(await submit(pipelineSpec(plan('continue'), rig.folder)));
  expect([went.status, steps(went), said()]).toEqual([
    'failed',
    { bad: 'failed', apart: 'completed', after: 'skipped' },
    ['bad', 'apart'],
  ]);
});

test('session_timeout and idle_timeout end an attempt; one that talks is not idle', async () => {
  await rig.start();
  const ids = await Promise.all([
    submit(limited(commandSpec(['sleep', '600'], rig.folder), { session_timeout_seconds: 1 })),
    submit(limited(commandSpec(sh('echo once; sleep 600'), rig.folder), { idle_timeout_seconds: 1 })),
    submit(
      limited(
        commandSpec(sh('i=0; while [ $i -lt 10 ]; do echo x; sleep 0.3; i=$((i+1)); done'), rig.folder),
        { idle_timeout_seconds: 2 },
      ),
    ),
    submit(pipelineSpec([{ id: 'own', timeout_seconds: 1, do: { run: ['sleep', '600'] } }], rig.folder)),
  ]);
  const views = await Promise.all(ids.map(wait));
  expect(views.map(v => [v.status, v.subtasks[0]!.history[0]!.outcome])).toEqual([
    ['failed', 'timeout'],
    ['failed', 'stalled'],
    ['completed', 'ok'],
    ['failed', 'timeout'],
  ]);
});

test('attempts: as many as allowed, with a pause, and the first that works counts', async () => {
  await rig.start();
  const flaky = sh('echo x >>$W; [ "$(wc -l <$W)" -ge 2 ]');
  const id = await submit(pipelineSpec([{ id: 'flaky', attempts: 3, do: { run: flaky } }], rig.folder));
  const view = await wait(id);
  expect([view.status, view.subtasks[0]!.history.map(h => h.outcome)]).toEqual([
    'completed',
    ['failed', 'ok'],
  ]);
});

test('max_iterations and max_runtime block; a resume gives a fresh allowance', async () => {
  await rig.start();
  const chain = ['a', 'b', 'c'].map((id, i, all) => ({
    id,
    do: { run: ['true'] },
    needs: i ? [all[i - 1]!] : [],
  }));
  const counted = await submit(limited(pipelineSpec(chain, rig.folder), { max_iterations: 1 }));
  for (const done of [1, 2]) {
    const view = await wait(counted);
    expect([view.status, view.why, view.completed_subtasks, view.exit_code]).toEqual([
      'blocked',
      'budget',
      done,
      3,
    ]);
    expect(view.reason).toContain('max_iterations (1)');
    await rig.call('task.resume', { task: counted });
  }
  expect((await wait(counted)).status).toBe('completed');

  const timed = await submit(
    limited(commandSpec(sh('echo run >>$W; [ -e $W.go ] || sleep 600'), rig.folder), {
      max_runtime_seconds: 1,
    }),
  );
  const view = await wait(timed);
  expect([view.status, view.why]).toEqual(['blocked', 'budget']);
  writeFileSync(`${witness}.go`, '');
  await rig.call('task.resume', { task: timed });
  expect((await wait(timed)).status).toBe('completed');
});

test('a disk that is nearly full: waiting, in words; it goes on when there is room', async () => {
  settings('disk_min: 900000gb\n');
  await rig.start();
  const id = await submit(commandSpec(sh('echo ran >>$W'), rig.folder));
  const view = await until('it waits', async () => {
    const now = await rig.call<TaskView>('task.get', { task: id });
    return now.status === 'waiting' ? now : null;
  });
  expect([view.why, view.exit_code]).toEqual(['disk', null]);
  expect(view.reason).toContain('disk');
  const doctor = rig.rasen(['doctor']);
  expect([doctor.status, /disk_min/.test(doctor.stdout)]).toEqual([5, true]);
  expect(said()).toEqual([]);
  // Cancelling and stopping need no room.
  const other = await submit(commandSpec(['true'], rig.folder));
  expect(rig.rasen(['cancel', other]).status).toBe(0);
  await rig.kill();
  settings('disk_min: 0\n');
  await rig.start();
  expect((await wait(id)).status).toBe('completed');
  expect(said()).toEqual(['ran']);
});

test('settings that are wrong are told with their place, and nothing is started', async () => {
  for (const [text, word] of [
    ['max_live_jobs: 0\n', 'max_live_jobs'],
    ['max_live_jbos: 2\n', 'max_live_jobs'],
    ['disk_min: much\n', 'disk_min'],
    ['[', 'rasend.yml'],
    ['log_level: loud\n', 'log_level'],
  ] as const) {
    settings(text);
    const { status, stderr } = rig.rasen(['run', '--', 'true']);
    expect(status, text).not.toBe(0);
    expect(stderr, text).toContain(word);
    await expect(rig.start(), text).rejects.toThrow(word);
  }
  settings('');
  await rig.start();
});
