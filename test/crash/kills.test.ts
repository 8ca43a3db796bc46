/**
 * Real kills: SIGKILL of rasend at random moments while 20 tasks run (plain commands, pipelines, git tasks), and of
 * runners: 100 and 50 times in the long form. The witness is a file outside of rasen that every command writes to by itself.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { ulid } from '../../src/util/ulid.ts';
import {
  attemptFolder,
  commandSpec,
  Instance,
  marked,
  pipelineSpec,
  tick,
  unpacked,
  until,
} from '../support/instance.ts';
import { LONG } from '../support/long.ts';
import { makeRepo } from './kills-repo.ts';

const KILLS = LONG ? 100 : 25;
const LIVE_TASKS = 20;
const RUNNER_KILLS = LONG ? 50 : 20;

let instance: Instance | null = null;
afterEach(async () => {
  await instance?.close({ leftovers: 'kill' });
  instance = null;
});

/** A command that tells the witness when it starts and ends, prints `lines` lines, and exits with `code`. */
function worker(
  witness: string,
  label: string,
  options: { lines: number; steps: number; code: number },
): string[] {
  const script =
    'w=$1; l=$2; n=$3; s=$4; c=$5; echo "start $l $$" >>"$w"; i=0; ' +
    'while [ $i -lt $s ]; do j=0; while [ $j -lt $n ]; do echo "$l step $i line $j 0123456789abcdefghijklmnopqrstuvwxyz"; j=$((j+1)); done; sleep 0.2; i=$((i+1)); done; ' +
    'echo "end $l $$ $c" >>"$w"; exit $c';
  return [
    '/bin/sh',
    '-c',
    script,
    'worker',
    witness,
    label,
    String(options.lines),
    String(options.steps),
    String(options.code),
  ];
}

function expectedOutput(label: string, options: { lines: number; steps: number }): string {
  let text = '';
  for (let i = 0; i < options.steps; i++) {
    for (let j = 0; j < options.lines; j++)
      text += `${label} step ${i} line ${j} 0123456789abcdefghijklmnopqrstuvwxyz\n`;
  }
  return text;
}

const sha = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');

interface Expected {
  label: string;
  task: string;
  subtask: string;
  code: number;
  output: string;
}

describe('kill -9', () => {
  it(`${KILLS} × rasend with ${LIVE_TASKS} tasks running: nothing lost, nothing twice`, {
    timeout: 600_000,
  }, async () => {
    instance = new Instance();
    unpacked(instance);
    const rig = instance;
    const witness = join(rig.folder, 'witness');
    writeFileSync(witness, '');
    const expected: Expected[] = [];
    const gitTasks: string[] = [];
    const repos = [0, 1, 2].map(i => makeRepo(join(rig.folder, `repo${i}`), rig.env));
    let made = 0;
    const submit = async () => {
      const n = made++;
      const kind = n % 10;
      if (kind === 9) {
        const spec = gitSpec(repos[n % repos.length]!, witness, `g${n}`, expected);
        gitTasks.push(spec.id);
        await rig.call('task.run', { spec, env: rig.env });
        return spec.id;
      }
      const sizes = { lines: 5 + (n % 40), steps: 3 + (n % 12) };
      if (kind >= 7) {
        const ids = ['a', 'b', 'c', 'd'];
        const subtasks = ids.map((id, i) => ({
          id,
          do: { run: worker(witness, `p${n}${id}`, { ...sizes, code: 0 }) },
          needs: i === 3 ? ['b', 'c'] : i === 0 ? [] : ['a'],
        }));
        const spec = pipelineSpec(subtasks, rig.folder);
        Object.assign(spec.limits, { parallel: 2 });
        for (const id of ids)
          expected.push({
            label: `p${n}${id}`,
            task: spec.id,
            subtask: id,
            code: 0,
            output: expectedOutput(`p${n}${id}`, sizes),
          });
        await rig.call('task.run', { spec, env: rig.env });
        return spec.id;
      }
      const code = n % 7 === 3 ? (n * 13) % 120 : 0;
      const spec = commandSpec(worker(witness, `c${n}`, { ...sizes, code }), rig.folder, { key: `key-${n}` });
      expected.push({
        label: `c${n}`,
        task: spec.id,
        subtask: 'run',
        code,
        output: expectedOutput(`c${n}`, sizes),
      });
      await rig.call('task.run', { spec, env: rig.env });
      return spec.id;
    };

    const tasks: string[] = [];
    await rig.start();
    let kills = 0;
    while (kills < KILLS) {
      const running = await rig.call<TaskView[]>('task.list', {
        status: ['pending', 'running', 'waiting'],
        limit: 1000,
      });
      const submitting: Promise<string>[] = [];
      for (let i = running.length; i < LIVE_TASKS; i++) submitting.push(submit());
      // The kill comes while tasks are being submitted, started, ended: any moment of the next 0.4 s.
      const wait = Math.random() * 400;
      const at = performance.now();
      await until('the moment of the kill', () => performance.now() - at >= wait);
      await rig.kill();
      kills++;
      await rig.start();
      tasks.push(...(await Promise.all(submitting)));
    }
    await until(
      'all tasks are over',
      async () =>
        (await rig.call<TaskView[]>('task.list', { status: ['pending', 'running', 'waiting'], limit: 1000 }))
          .length === 0,
      180_000,
    );

    const lines = readFileSync(witness, 'utf8').trim().split('\n');
    const count = (what: string, label: string) =>
      lines.filter(l => l.startsWith(`${what} ${label} `)).length;
    const views = new Map((await rig.call<TaskView[]>('task.list', { limit: 1000 })).map(v => [v.id, v]));
    let lost = 0;
    let twice = 0;
    let codes = 0;
    let bytes = 0;
    let wrongBytes = 0;
    const odd: string[] = [];
    for (const e of expected) {
      const view = views.get(e.task);
      const step = view?.subtasks.find(s => s.id === e.subtask);
      if (!view || count('end', e.label) === 0) lost++;
      if (count('start', e.label) > 1) twice++;
      if (step?.history.at(-1)?.code !== e.code) codes++;
      const path = join(attemptFolder(join(rig.home, 'tasks', e.task), e.subtask), 'output');
      const output = existsSync(path) ? readFileSync(path, 'utf8') : '';
      if (output !== e.output || step?.history.at(-1)?.code !== e.code)
        odd.push(`${e.label}: ${view?.status} ${JSON.stringify(step?.history)}`);
      bytes += e.output.length;
      if (sha(output) !== sha(e.output)) wrongBytes += Math.max(1, Math.abs(e.output.length - output.length));
    }
    console.log(
      `kills: ${kills} × SIGKILL of rasend, ${tasks.length} tasks (${gitTasks.length} in git), ${expected.length} attempts; ` +
        `lost ${lost}, run twice ${twice}, exit codes lost ${codes}, output bytes lost ${wrongBytes} of ${bytes}`,
    );
    if (odd.length > 0) console.log(odd.join('\n'));
    const wrong = [...views.values()].filter(v => gitTasks.includes(v.id) && v.status !== 'completed');
    expect({
      kills,
      lost,
      twice,
      codes,
      wrongBytes,
      unfinished_git: wrong.map(v => `${v.id} ${v.status} ${v.reason}`),
    }).toEqual({
      kills: KILLS,
      lost: 0,
      twice: 0,
      codes: 0,
      wrongBytes: 0,
      unfinished_git: [],
    });
    expect(new Set(tasks).size).toBe(tasks.length);
    expect(views.size).toBe(tasks.length);
    expect(marked(rig.home)).toEqual([]);
  });

  it(`${RUNNER_KILLS} × a runner: lost, never completed, no second copy while anything of the first lives`, {
    timeout: 300_000,
  }, async () => {
    instance = new Instance();
    unpacked(instance);
    const rig = instance;
    const witness = join(rig.folder, 'witness');
    writeFileSync(witness, '');
    await rig.start();
    // The command refuses to run beside another copy of itself: it says "overlap" when its lock folder is there.
    const script =
      'w=$1; l=$2; mkdir "$w.$l" 2>/dev/null || echo "overlap $l" >>"$w"; echo "start $l $$" >>"$w"; ' +
      'trap "rmdir \\"$w.$l\\" 2>/dev/null" EXIT; trap "exit 143" TERM; (trap "" TERM; sleep 0.3) & while :; do sleep 0.05; done';
    const specs = Array.from({ length: RUNNER_KILLS }, (_, i) => ({
      label: `r${i}`,
      spec: pipelineSpec(
        [
          {
            id: 'run',
            do: { run: ['/bin/sh', '-c', script, 'x', witness, `r${i}`] },
            on_lost: i % 2 ? 'fail' : 'rerun',
          },
        ],
        rig.folder,
      ),
    }));
    let lostSeen = 0;
    let completed = 0;
    for (const batch of [specs.slice(0, 25), specs.slice(25)]) {
      await Promise.all(batch.map(({ spec }) => rig.call('task.run', { spec, env: rig.env })));
      for (const { spec, label } of batch) {
        await until('it works', () => readFileSync(witness, 'utf8').includes(`start ${label} `));
        const view = await until('the runner is known', async () => {
          const now = await rig.call<TaskView>('task.get', { task: spec.id });
          return now.subtasks[0]!.attempt?.pid ? now : null;
        });
        process.kill(view.subtasks[0]!.attempt!.pid!, 'SIGKILL');
      }
      for (const { spec } of batch) {
        const first = await until('the loss is seen', async () => {
          const now = await rig.call<TaskView>('task.get', { task: spec.id });
          return now.subtasks[0]!.history[0] ?? null;
        });
        if (first.outcome === 'lost') lostSeen++;
        const view = await rig.call<TaskView>('task.get', { task: spec.id });
        if (view.status === 'completed') completed++;
        if (view.exit_code === null) await rig.call('task.cancel', { task: spec.id, force: true });
      }
    }
    const overlaps = readFileSync(witness, 'utf8')
      .split('\n')
      .filter(l => l.startsWith('overlap')).length;
    console.log(
      `kills: ${RUNNER_KILLS} × SIGKILL of a runner: lost ${lostSeen}, completed ${completed}, overlapping copies ${overlaps}`,
    );
    expect({ lostSeen, completed, overlaps }).toEqual({ lostSeen: RUNNER_KILLS, completed: 0, overlaps: 0 });
    await until('nothing is left', () => marked(rig.home).length === 0);
    await tick();
  });
});

/** A task of three agent subtasks whose agent commits a file each and tells the witness. */
function gitSpec(repo: string, witness: string, label: string, expected: Expected[]) {
  const id = ulid();
  const agent = join(repo, '..', 'agent.sh');
  mkdirSync(join(repo, '..'), { recursive: true });
  writeFileSync(
    agent,
    `#!/bin/sh\ncat >/dev/null\necho "start $L-$RASEN_SUBTASK $$" >>"$W"\nsleep 0.3\necho "$RASEN_SUBTASK" >"$RASEN_SUBTASK.txt"\ngit add -A && git commit -qm "$RASEN_SUBTASK"\nsleep 0.3\n` +
      `echo work of $RASEN_SUBTASK\necho "end $L-$RASEN_SUBTASK $$ 0" >>"$W"\n`,
    { mode: 0o755 },
  );
  const subtasks = ['one', 'two', 'three'].map((sub, i, all) => ({
    id: sub,
    do: { agent: 'coder' },
    needs: i === 0 ? [] : [all[i - 1]!],
    env: { W: witness, L: label },
    gates: [{ name: 'there', run: ['test', '-f', `${sub}.txt`] }],
  }));
  for (const sub of ['one', 'two', 'three'])
    expected.push({ label: `${label}-${sub}`, task: id, subtask: sub, code: 0, output: `work of ${sub}\n` });
  return {
    ...pipelineSpec([], repo),
    id,
    workspace: { kind: 'git', slug: `kills-${label}` },
    agents: { coder: { command: [agent] } },
    plan: { version: 1, task: id, goal: 'test', source: 'file', rev: 1, subtasks },
  };
}
