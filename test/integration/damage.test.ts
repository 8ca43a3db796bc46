/**
 * Damaged files, one at a time: cut to half, emptied, one byte flipped, removed, a folder in its place. The supervisor
 * comes up and names what is wrong, the other tasks go on, the damaged bytes are kept, and no work that lives is
 * started a second time. Tasks with damage share an instance, so that one start looks at all of them.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import {
  attemptFolder,
  commandSpec,
  Instance,
  pipelineSpec,
  RASEND,
  unpacked,
  until,
} from '../support/instance.ts';

const KINDS = ['half', 'empty', 'flip', 'removed', 'folder'] as const;
type Kind = (typeof KINDS)[number];
const TASK_FILES = ['events.jsonl', 'spec.json', 'plan.1.json', 'task.json', 'env.json'];
const ATTEMPT_FILES = ['spec.json', 'runner', 'claim', 'output', 'exit'];

let images = 0;
let rig: Instance;
let witness: string;
beforeEach(() => {
  rig = new Instance();
  unpacked(rig);
  witness = join(rig.folder, 'witness');
  writeFileSync(witness, '');
});
afterEach(async () => {
  // What a lost task left running ends by itself at this word.
  writeFileSync(`${witness}.go`, '');
  await until('no command is left', () => commandsOf(rig.folder).length === 0);
  // A runner whose folder is in quarantine tries for a minute to record the end.
  await until('no runner is left', () => {
    const left = runnersOf(rig.home);
    for (const pid of left) spawnSync('kill', ['-KILL', String(pid)]);
    return left.length === 0;
  });
  await rig.close();
});
afterAll(() => {
  console.log(`damage: ${images} images`);
  expect(images).toBeGreaterThanOrEqual(100);
});

const said = () =>
  readFileSync(witness, 'utf8')
    .trim()
    .split('\n')
    .filter(line => line !== '');

function processesWith(...words: string[]): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  const found = pids.filter(pid => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return words.every(word => line.includes(word));
    } catch {
      return false;
    }
  });
  return found.map(Number);
}

const commandsOf = (folder: string) => processesWith('worker', `${folder}/witness`);
const runnersOf = (home: string) => processesWith('runner.sh', `${home}/tasks/`);

/** Does the damage; gives what is there then, null where nothing is, or the file was not there to begin with. */
function hurt(path: string, kind: Kind): Buffer | null {
  if (!existsSync(path)) {
    if (kind !== 'folder') return null;
    mkdirSync(path);
    images++;
    return null;
  }
  const bytes = readFileSync(path);
  // An empty file cannot be cut or flipped.
  if (bytes.length > 0 || kind === 'removed' || kind === 'folder') images++;
  if (kind === 'half') truncateSync(path, bytes.length >> 1);
  else if (kind === 'empty') truncateSync(path, 0);
  else if (kind === 'flip') {
    if (bytes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    copy[bytes.length >> 1]! ^= 0x15;
    // In place: a live runner or command has it open.
    writeFileSync(path, copy, { flag: 'r+' });
  } else {
    rmSync(path);
    if (kind === 'folder') mkdirSync(path);
    return null;
  }
  return readFileSync(path);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(e =>
    e.isDirectory() ? filesBelow(join(folder, e.name)) : [join(folder, e.name)],
  );
}

/** Whether damaged bytes are still somewhere: in one file, or the sound part in one and what was torn off in another. */
function isKept(path: string, bytes: Buffer, quarantine: Buffer[]): boolean {
  const here = existsSync(path) && statSync(path).isFile() ? [readFileSync(path)] : [];
  const begins = (wanted: Buffer) =>
    [...here, ...quarantine].some(kept => kept.subarray(0, wanted.length).equals(wanted));
  if (begins(bytes)) return true;
  return quarantine.some(
    torn =>
      torn.length > 0 &&
      torn.length < bytes.length &&
      bytes.subarray(-torn.length).equals(torn) &&
      begins(bytes.subarray(0, -torn.length)),
  );
}

/** A command that says when it starts and ends, and when another copy of it lives. */
function worker(label: string): string[] {
  const script =
    'mkdir "$1.$2" 2>/dev/null || echo "overlap $2" >>"$1"; echo "start $2" >>"$1"; echo "output of $2"; while [ ! -e "$1.go" ]; do sleep 0.1; done; rmdir "$1.$2"; echo "end $2" >>"$1"';
  return ['/bin/sh', '-c', script, 'worker', witness, label];
}

interface Victim {
  label: string;
  id: string;
  path: string;
  kind: Kind;
  bytes: Buffer | null;
}

async function submit(label: string, argv: string[]): Promise<string> {
  const spec = commandSpec(argv, rig.folder, { name: label });
  await rig.call('task.run', { spec, env: { PATH: process.env.PATH, LABEL: label } });
  return spec.id;
}

/** `attempt/…`: in the folder of the one attempt; to be asked when that is there. */
const pathOf = (id: string, file: string) =>
  file.startsWith('attempt/')
    ? join(attemptFolder(folderOf(id), 'run'), file.slice(8))
    : join(folderOf(id), file);
const folderOf = (id: string) => join(rig.home, 'tasks', id);
const stateOf = async (id: string): Promise<string> => {
  try {
    return (await rig.call<TaskView>('task.get', { task: id })).status;
  } catch (error) {
    return (error as { kind?: string }).kind ?? String(error);
  }
};

/** The healthy ones, and what has to hold of every victim after a start. */
async function judge(victims: Victim[], healthy: string[], allowed: readonly string[]): Promise<void> {
  const wrong: string[] = [];
  const doctor = JSON.parse(rig.rasen(['doctor', '--json']).stdout).findings as {
    level: string;
    message: string;
    fix: string | null;
  }[];
  const moved = existsSync(join(rig.home, 'quarantine'))
    ? filesBelow(join(rig.home, 'quarantine')).map(f => readFileSync(f))
    : [];
  for (const { label, id, path, bytes } of victims) {
    const state = await stateOf(id);
    if (!allowed.includes(state)) wrong.push(`${label}: ${state}`);
    if (state === 'damaged' && !doctor.some(f => f.level === 'error' && f.message.includes(id)))
      wrong.push(`${label}: doctor does not name it`);
    if (state === 'damaged') {
      const { status, stdout, stderr } = rig.rasen(['status', id]);
      if (status !== 5 || stdout !== '' || !stderr.includes(id))
        wrong.push(`${label}: status ${status} ${stderr}`);
    }
    if (bytes && bytes.length > 0 && !isKept(path, bytes, moved)) wrong.push(`${label}: its bytes are gone`);
  }
  for (const id of healthy)
    if (!['completed', 'running'].includes(await stateOf(id)))
      wrong.push(`healthy ${id}: ${await stateOf(id)}`);
  expect(wrong).toEqual([]);
}

test('files of tasks that are over, found at a start', { timeout: 400_000 }, async () => {
  await rig.start();
  const healthy = [await submit('healthy', ['true']), await submit('healthy-live', worker('healthy'))];
  const victims: Victim[] = [];
  for (const file of TASK_FILES) {
    for (const kind of KINDS) {
      const label = `over ${file} ${kind}`;
      const id = await submit(label, ['/bin/sh', '-c', `echo "ran ${label}" >>${witness}`]);
      victims.push({
        ...{ label, id, kind, bytes: null },
        get path() {
          return pathOf(id, file);
        },
      });
    }
  }
  await rig.call('task.wait', { tasks: [...victims.map(v => v.id), healthy[0]!] });
  await rig.kill();
  for (const v of victims) v.bytes = hurt(v.path, v.kind);
  await rig.start();
  await judge(victims, healthy, ['completed', 'damaged']);
  // A snapshot and the environment of a task that is over are not needed; spec, plan and journal are its truth.
  for (const v of victims)
    if (/task\.json/.test(v.label)) expect([v.label, await stateOf(v.id)]).toEqual([v.label, 'completed']);
  // Another start finds the same.
  await rig.kill();
  await rig.start();
  await judge(victims, healthy, ['completed', 'damaged', 'task_unknown']);
  for (const v of victims) expect(said().filter(line => line === `ran ${v.label}`).length, v.label).toBe(1);
});

test('files of tasks that run, found at a start', { timeout: 400_000 }, async () => {
  await rig.start();
  const healthy = [await submit('healthy-live', worker('healthy'))];
  const victims: Victim[] = [];
  const add = async (label: string, file: string, kind: Kind) => {
    const id = await submit(label, worker(label.replaceAll(/[ /]/g, '-')));
    victims.push({
      ...{ label, id, kind, bytes: null },
      get path() {
        return pathOf(id, file);
      },
    });
  };
  for (const file of TASK_FILES) for (const kind of KINDS) await add(`live ${file} ${kind}`, file, kind);
  for (const file of ATTEMPT_FILES)
    for (const kind of KINDS)
      if (file !== 'exit') await add(`attempt ${file} ${kind}`, `attempt/${file}`, kind);
  await until(
    'all run',
    () => said().filter(line => line.startsWith('start')).length === victims.length + 1,
    60_000,
  );
  await rig.kill();
  for (const v of victims) v.bytes = hurt(v.path, v.kind);
  await rig.start();
  await judge(victims, healthy, ['running', 'completed', 'damaged', 'blocked', 'failed', 'pending']);
  writeFileSync(`${witness}.go`, '');
  for (const v of victims) {
    await until(
      `${v.label} comes to an end`,
      async () => !['running', 'pending'].includes(await stateOf(v.id)),
      60_000,
    );
  }
  await judge(victims, healthy, ['completed', 'damaged', 'blocked', 'failed']);
  expect(said().filter(line => line.startsWith('overlap'))).toEqual([]);
  const ends = await Promise.all(victims.map(async v => `${v.label}: ${await stateOf(v.id)}`));
  console.log(
    `damage: of ${victims.length} live tasks ${ends.filter(e => e.endsWith(': completed')).length} are completed`,
  );
  expect(
    ends.filter(
      e => /task\.json|output|attempt claim (?:flip|empty|half)/.test(e) && !e.endsWith(': completed'),
    ),
  ).toEqual([]);
});

test('files of tasks that run, hurt under the eyes of the supervisor', { timeout: 400_000 }, async () => {
  await rig.start();
  const healthy = [await submit('healthy-live', worker('healthy'))];
  const victims: Victim[] = [];
  const add = async (label: string, file: string, kind: Kind) => {
    const id = await submit(label, worker(label.replaceAll(/[ /]/g, '-')));
    victims.push({
      ...{ label, id, kind, bytes: null },
      get path() {
        return pathOf(id, file);
      },
    });
  };
  for (const file of TASK_FILES) for (const kind of KINDS) await add(`under ${file} ${kind}`, file, kind);
  for (const file of ATTEMPT_FILES)
    for (const kind of KINDS)
      if (file !== 'exit') await add(`under attempt ${file} ${kind}`, `attempt/${file}`, kind);
  await until(
    'all run',
    () => said().filter(line => line.startsWith('start')).length === victims.length + 1,
    60_000,
  );
  for (const v of victims) v.bytes = hurt(v.path, v.kind);
  for (const v of victims) expect(['running', 'damaged'], v.label).toContain(await stateOf(v.id));
  const doctor = rig.rasen(['doctor']);
  expect(doctor.status).toBe(5);
  for (const v of victims) if (/events\.jsonl/.test(v.label)) expect(doctor.stdout, v.label).toContain(v.id);
  writeFileSync(`${witness}.go`, '');
  await until(
    'the healthy one is completed',
    async () => (await stateOf(healthy[0]!)) === 'completed',
    60_000,
  );
  await until(
    'all commands end',
    () => said().filter(line => line.startsWith('end')).length >= victims.length + 1,
    60_000,
  );
  expect(rig.pid()).toBe(rig.daemon!.pid);
  expect(rig.daemon!.exitCode).toBe(null);
  await rig.kill();
  await rig.start();
  const known = ['completed', 'running', 'pending', 'damaged', 'blocked', 'failed', 'task_unknown'];
  await judge(victims, healthy, known);
  expect(said().filter(line => line.startsWith('overlap'))).toEqual([]);
});

test('the record of an end that came while nobody looked', { timeout: 400_000 }, async () => {
  await rig.start();
  const victims: Victim[] = [];
  for (const kind of KINDS) {
    const label = `exit ${kind}`;
    const id = await submit(label, worker(`exit-${kind}`));
    victims.push({
      ...{ label, id, kind, bytes: null },
      get path() {
        return pathOf(id, 'attempt/exit');
      },
    });
  }
  const healthy = [await submit('healthy', worker('healthy'))];
  await until('all run', () => said().filter(line => line.startsWith('start')).length === victims.length + 1);
  await rig.kill();
  writeFileSync(`${witness}.go`, '');
  for (const v of [...victims, { path: pathOf(healthy[0]!, 'attempt/exit') }])
    await until('it has ended', () => existsSync(v.path) && readFileSync(v.path, 'utf8').endsWith('\n'));
  for (const v of victims) v.bytes = hurt(v.path, v.kind);
  await rig.start();
  for (const { id } of victims) await rig.call('task.wait', { tasks: [id] });
  // How it ended is not known, so it is lost, and done again: never called completed because of a damaged record.
  const views = await Promise.all(victims.map(v => rig.call<TaskView>('task.get', { task: v.id })));
  for (const [i, view] of views.entries()) {
    const outcomes = view.subtasks[0]!.history.map(h => h.outcome);
    if (victims[i]!.kind === 'flip')
      expect(['ok', 'lost,ok', 'failed', 'startup']).toContain(String(outcomes));
    else expect([victims[i]!.label, String(outcomes)]).toEqual([victims[i]!.label, 'lost,ok']);
  }
  expect(said().filter(line => line.startsWith('overlap'))).toEqual([]);
  await judge(victims, healthy, ['completed', 'failed', 'blocked']);
});

test('files of the instance, with the supervisor stopped and then started', {
  timeout: 400_000,
}, async () => {
  await rig.start();
  writeFileSync(join(rig.home, 'rasend.yml'), 'max_live_jobs: 50\nlog_level: info\n');
  const live = await submit('live', worker('live'));
  await until('it runs', () => said().length === 1);
  const wrong: string[] = [];
  for (const file of [
    'run/rasend.lock',
    'run/rasend.pid',
    'run/rasend.sock',
    'rasend.lock',
    'rasend.log',
    'rasend.yml',
  ]) {
    for (const kind of KINDS) {
      const path = join(rig.home, file);
      const before = existsSync(path) && statSync(path).isFile() ? readFileSync(path) : null;
      await rig.kill();
      if (file.endsWith('.sock')) {
        // A socket is nothing to cut: what stands in its place is.
        images++;
        rmSync(path, { force: true, recursive: true });
        if (kind === 'folder') mkdirSync(path);
        else if (kind !== 'removed') writeFileSync(path, kind === 'empty' ? '' : 'precious');
      } else hurt(path, kind);
      const probe = spawn(RASEND, [], { env: rig.env, stdio: ['ignore', 'ignore', 'pipe'] });
      let words = '';
      probe.stderr.setEncoding('utf8').on('data', (text: string) => {
        words += text;
      });
      const over = new Promise<void>(resolve => probe.once('close', () => resolve()));
      const pid = join(rig.home, 'run/rasend.pid');
      // The pid file is there before the socket, and another program may answer at its path.
      const listens = async () => {
        if (!existsSync(pid) || !statSync(pid).isFile()) return false;
        if (Number(readFileSync(pid, 'utf8')) !== probe.pid) return false;
        const client = await rig.client().catch(() => null);
        client?.close();
        return client !== null;
      };
      await until(
        `rasend decides after ${file} ${kind}`,
        async () => probe.exitCode !== null || (await listens()),
      );
      if (probe.exitCode !== null) await over;
      else rig.daemon = probe;
      const refused = probe.exitCode === null ? null : words;
      if (refused !== null) {
        // Then it says which file, and what it is about; nothing of it is touched.
        if (!String(refused).includes(file.split('/').at(-1)!)) wrong.push(`${file} ${kind}: ${refused}`);
        if (/internal error|at .*:\d+:\d+/.test(refused)) wrong.push(`${file} ${kind}: ${refused}`);
        if (
          file.endsWith('.sock') &&
          (kind === 'half' || kind === 'flip') &&
          readFileSync(path, 'utf8') !== 'precious'
        )
          wrong.push(`${file} ${kind}: touched`);
        rmSync(path, { recursive: true, force: true });
        if (before && file === 'rasend.yml') writeFileSync(path, before);
        await rig.start();
      }
      const view = await rig.call<TaskView>('task.get', { task: live });
      if (view.status !== 'running') wrong.push(`${file} ${kind}: the task is ${view.status}`);
      if (file === 'rasend.yml' && (kind === 'empty' || kind === 'removed') && refused)
        wrong.push(`${file} ${kind}: refused`);
      if (file === 'rasend.yml' && (kind !== 'removed' || !existsSync(path))) {
        rmSync(path, { recursive: true, force: true });
        writeFileSync(path, 'max_live_jobs: 50\nlog_level: info\n');
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(said()).toEqual(['start live']);
});

test('files of the instance, hurt while the supervisor runs', { timeout: 400_000 }, async () => {
  await rig.start();
  const live = await submit('live', worker('live'));
  await until('it runs', () => said().length === 1);
  for (const file of [
    'run/rasend.pid',
    'run/rasend.sock',
    'rasend.lock',
    'run/rasend.lock',
    'rasend.log',
    'rasend.yml',
  ]) {
    for (const kind of file.endsWith('.sock') ? (['removed'] as const) : (['half', 'removed'] as const)) {
      if (file.endsWith('.sock')) {
        images++;
        rmSync(join(rig.home, file));
      } else hurt(join(rig.home, file), kind);
      // A lost socket is bound again within some seconds.
      await until(`it answers after ${file} ${kind}`, async () => (await stateOf(live)) === 'running');
      expect(rig.daemon!.exitCode, `${file} ${kind}`).toBe(null);
      const second = new Promise<number | null>(resolve => {
        void rig.rasenAsync(['status', live]).then(r => resolve(r.status));
      });
      expect(await second).toBe(0);
    }
  }
  writeFileSync(`${witness}.go`, '');
  await rig.call('task.wait', { tasks: [live] });
  expect(said()).toEqual(['start live', 'end live']);
});

test('a pipeline whose plan is touched between two steps does not take the other plan', async () => {
  await rig.start();
  const spec = pipelineSpec(
    [
      { id: 'one', do: { run: worker('one') } },
      { id: 'two', do: { run: ['/bin/sh', '-c', `echo two >>${witness}`] }, needs: ['one'] },
    ],
    rig.folder,
  );
  await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
  await until('it runs', () => said().includes('start one'));
  await rig.kill();
  images++;
  const plan = join(folderOf(spec.id), 'plan.1.json');
  writeFileSync(plan, readFileSync(plan, 'utf8').replace('echo two', 'echo bad'));
  await rig.start();
  writeFileSync(`${witness}.go`, '');
  await until('the command ends', () => said().includes('end one'));
  expect(await stateOf(spec.id)).toBe('damaged');
  const { stdout } = rig.rasen(['doctor']);
  expect(stdout).toContain(spec.id);
  expect(said()).toEqual(['start one', 'end one']);
});
