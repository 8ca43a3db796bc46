/**
 * npm run bench: speed as ratios, side by side in one run. Prints a line a figure with its goal; ends with status 1
 * when one is missed. Needs Linux for the figures that come from /proc.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { agentFolders } from '../../src/agents/index.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { chooseSandbox } from '../../src/sandbox/choose.ts';
import { rulesFor, type Wanted } from '../../src/sandbox/look.ts';
import { commandSpec, Instance, pipelineSpec, RASEN, until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';
import { gaps } from './gaps.ts';
import { storeTasks } from './stored.ts';
import { workspaces } from './workspaces.ts';

const ROUNDS = 40;
const STORED = 10_000;
const LIVE = 50;
const SILENT_S = 30;

let missed = 0;
function figure(name: string, value: number, unit: string, goal?: { max?: number; min?: number }): void {
  const bad =
    goal && ((goal.max !== undefined && value > goal.max) || (goal.min !== undefined && value < goal.min));
  if (bad) missed++;
  const wanted = goal
    ? `   goal ${goal.max !== undefined ? `≤ ${goal.max}` : `≥ ${goal.min}`}${bad ? '   MISSED' : ''}`
    : '';
  console.log(`${name.padEnd(72)} ${value.toFixed(value < 10 ? 2 : 1).padStart(9)} ${unit}${wanted}`);
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function timed(program: string, args: string[], options: { cwd: string; env: NodeJS.ProcessEnv }): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(program, args, {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}: ${stderr}`);
  return performance.now() - began;
}

/** Medians of commands that take turns, so that whatever else the machine does hits all of them. */
function interleaved(commands: Record<string, () => number>): Record<string, number> {
  const times: Record<string, number[]> = {};
  for (let round = -3; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(commands)) {
      const ms = run();
      if (round >= 0) times[name] = [...(times[name] ?? []), ms];
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

async function clientStart(): Promise<void> {
  const few = new Instance();
  const many = new Instance();
  try {
    const smallIds = storeTasks(few.home, 10);
    const began = performance.now();
    const manyIds = storeTasks(many.home, STORED);
    console.log(`(${STORED} stored tasks made in ${((performance.now() - began) / 1000).toFixed(1)} s)`);
    await few.start();
    const start = performance.now();
    await many.start();
    figure(
      `start of rasend with ${STORED} stored tasks, until it answers`,
      (performance.now() - start) / 1000,
      's',
    );
    const result = interleaved({
      node: () => timed(process.execPath, ['-e', '0'], { cwd: few.folder, env: few.env }),
      few: () => timed(RASEN, ['status', smallIds[5]!], { cwd: few.folder, env: few.env }),
      many: () => timed(RASEN, ['status', manyIds[5000]!], { cwd: many.folder, env: many.env }),
    });
    figure('`node -e 0` of the same runtime, median', result.node!, 'ms');
    figure('`rasen status` with 10 stored tasks, median', result.few!, 'ms');
    figure('`rasen status` / `node -e 0`', result.few! / result.node!, '×', { max: 1.4 });
    figure(`\`rasen status\` with ${STORED} stored tasks / with 10`, result.many! / result.few!, '×', {
      max: 1.2,
    });

    const specs = Array.from({ length: LIVE }, (_, i) =>
      commandSpec(['sleep', '3600'], many.folder, { key: `live-${i}` }),
    );
    for (const spec of specs) await many.call('task.run', { spec, env: many.env });
    const views = await until('50 live tasks', async () => {
      const list = await many.call<TaskView[]>('task.list', { status: ['running'], limit: 1000 });
      return list.length === LIVE && list.every(v => v.subtasks[0]!.attempt?.pid) ? list : null;
    });
    const pid = many.daemon!.pid!;
    figure(`RSS of rasend with ${STORED} stored and ${LIVE} live tasks`, rssMiB(pid), 'MiB');
    figure(
      'RSS per live attempt outside of the command, mean',
      mean(views.map(v => rssMiB(v.subtasks[0]!.attempt!.pid!))),
      'MiB',
      { max: 3 },
    );
    const cpu = cpuMs(pid);
    const from = performance.now();
    await until('30 silent seconds', () => performance.now() - from >= SILENT_S * 1000, SILENT_S * 2000);
    figure(
      `CPU of rasend while ${LIVE} tasks are silent for ${SILENT_S} s`,
      ((cpuMs(pid) - cpu) / (performance.now() - from)) * 100,
      '% of a core',
      { max: 0.3 },
    );
    for (const spec of specs) await many.call('task.cancel', { task: spec.id, force: true });
  } finally {
    await few.close();
    await many.close();
  }
}

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const rssMiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function attempts(): Promise<void> {
  const instance = new Instance();
  await instance.start();
  try {
    for (const [name, argv, count] of [
      ['true', ['true'], 300],
      ['node -e 0', [process.execPath, '-e', '0'], 150],
    ] as const) {
      const ours: number[] = [];
      const plain: number[] = [];
      for (let round = 0; round < 3; round++) {
        plain.push(await plainRate([...argv], count));
        ours.push(await ourRate(instance, [...argv], count));
      }
      figure(`attempts of \`${name}\` started, reaped and recorded`, median(ours), '/s');
      figure(`plain spawn + wait of \`${name}\`, as many at once`, median(plain), '/s');
      figure(`ratio for \`${name}\``, median(ours) / median(plain), '×', { min: 0.5 });
    }
    const waits: number[] = [];
    for (let i = 0; i < 20; i++) waits.push(await exitToWait(instance));
    figure('from the exit of a command to `task.wait` answering, median', median(waits), 'ms');
  } finally {
    await instance.close();
  }
}

const AT_ONCE = 16;

async function plainRate(argv: string[], count: number): Promise<number> {
  const began = performance.now();
  let left = count;
  const one = () =>
    new Promise<void>(resolve =>
      spawn(argv[0]!, argv.slice(1), { stdio: 'ignore', detached: true }).once('exit', () => resolve()),
    );
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await one();
    }),
  );
  return (count / (performance.now() - began)) * 1000;
}

async function ourRate(instance: Instance, argv: string[], count: number): Promise<number> {
  const tasks = Math.ceil(count / 100);
  const specs = Array.from({ length: tasks }, () => {
    const subtasks = Array.from({ length: count / tasks }, (_, i) => ({ id: `s${i}`, do: { run: argv } }));
    const spec = pipelineSpec(subtasks, instance.folder);
    Object.assign(spec.limits, { parallel: Math.ceil(AT_ONCE / tasks) });
    return spec;
  });
  const client = await instance.client();
  const began = performance.now();
  for (const spec of specs) await client.call('task.run', { spec, env: instance.env });
  const views = await client.stream<TaskView[]>('task.wait', { tasks: specs.map(s => s.id) }, () => {});
  const rate = (count / (performance.now() - began)) * 1000;
  client.close();
  if (views.some(v => v.status !== 'completed'))
    throw new Error(`a pipeline of the bench is ${views.map(v => v.status)}`);
  return rate;
}

async function exitToWait(instance: Instance): Promise<number> {
  const stamp = join(instance.folder, 'stamp');
  rmSync(stamp, { force: true });
  const client = await instance.client();
  const spec = commandSpec(
    [process.execPath, '-e', `require('fs').writeFileSync(${JSON.stringify(stamp)}, String(Date.now()))`],
    instance.folder,
  );
  await client.call('task.run', { spec, env: instance.env });
  await client.stream('task.wait', { tasks: [spec.id] }, () => {});
  const now = Date.now();
  client.close();
  return now - Number(readFileSync(stamp, 'utf8'));
}

/** What a sandbox adds to the start of a program: names are looked up, and the system makes it. */
async function sandboxes(): Promise<void> {
  const instance = new Instance();
  try {
    const env = { HOME: instance.folder, PATH: process.env.PATH ?? '' };
    const attempt = async ([program, ...args]: readonly string[]) => {
      const { status, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
      return status === 0 ? null : stderr || 'it did not start';
    };
    const choice = await chooseSandbox({ wanted: 'on', env, fence: [process.execPath], attempt });
    if (choice.sandbox === null) return console.log(`SKIPPED: sandboxes: ${choice.why}`);
    const { sandbox } = choice;
    const { folder } = instance;
    const wanted: Wanted = {
      ...{ env, tmp: mkdtempSync(join(folder, 't')), own_tmp: sandbox.own_tmp, project: folder, door: null },
      ...{ closed: [], needed: [], hidden: [], command: [], write: [], read: [] },
      workspace: { path: mkdtempSync(join(folder, 'w')), access: 'write' },
      agent: agentFolders('claude'),
    };
    const looked: number[] = [];
    let argv: string[] = [];
    for (let round = -3; round < ROUNDS; round++) {
      const began = performance.now();
      const inside = { network: 'all' as const, tmp: '/tmp', outer_tmp: wanted.tmp, env: {} };
      argv = sandbox.wrap({ ...inside, rules: await rulesFor(wanted) }, ['true']);
      if (round >= 0) looked.push(performance.now() - began);
    }
    const result = interleaved({
      node: () => timed(process.execPath, ['-e', '0'], { cwd: folder, env }),
      plain: () => timed('/bin/sh', ['-c', 'exec true'], { cwd: folder, env }),
      sandbox: () => timed(argv[0]!, argv.slice(1), { cwd: folder, env }),
    });
    figure('a sandbox: its rules, median', median(looked), 'ms');
    figure('a sandbox: added to the start of a program, median', result.sandbox! - result.plain!, 'ms');
    figure(
      'both of it / `node -e 0`',
      (result.sandbox! - result.plain! + median(looked)) / result.node!,
      '×',
      {
        max: 1.5,
      },
    );
  } finally {
    await instance.close();
  }
}

async function logs(): Promise<void> {
  const instance = new Instance();
  await instance.start();
  try {
    const mib = 200;
    const spec = commandSpec(
      [
        'sh',
        '-c',
        `yes 0123456789012345678901234567890123456789012345678901234567890 | head -c ${mib * 1024 * 1024}`,
      ],
      instance.folder,
    );
    await instance.call('task.run', { spec, env: instance.env });
    const client = await instance.client();
    await client.stream('task.wait', { tasks: [spec.id] }, () => {});
    client.close();
    const began = performance.now();
    const child = spawn(RASEN, ['logs', '--follow', spec.id], {
      env: instance.env,
      cwd: instance.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await new Promise(resolve => child.once('close', resolve));
    figure(
      '`rasen logs --follow` of a 200 MiB output, through a pipe',
      bytes / 1024 / 1024 / ((performance.now() - began) / 1000),
      'MiB/s',
    );
    if (bytes < mib * 1024 * 1024) {
      missed++;
      console.log(`  only ${bytes} bytes of ${mib * 1024 * 1024} arrived   MISSED`);
    }
  } finally {
    await instance.close();
  }
}

console.log(`rasen bench: Node ${process.version}, ${process.platform}`);
await clientStart();
await attempts();
await sandboxes();
await logs();
const SIZES = [
  { files: 20_000, gap_ms: 300 },
  { files: 200_000, gap_ms: 1500 },
];
for (const { files, gap_ms } of LONG ? SIZES : SIZES.slice(0, 1))
  for (const figures of [workspaces(files), gaps(files, gap_ms)])
    for await (const { name, value, unit, max } of figures)
      figure(name, value, unit, max === undefined ? undefined : { max });
console.log(missed === 0 ? 'every goal met' : `${missed} goals missed`);
process.exitCode = missed === 0 ? 0 : 1;
