/**
 * A project on a disk that does not answer (a network file system whose server is away, a program's own): whoever looks
 * at it waits for ever. That is not the supervisor, and nobody else's views.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CAN_HANG, type HangingDisk, hangingDisk } from '../support/hanging-disk.ts';
import { commandSpec, Instance, pipelineSpec, until } from '../support/instance.ts';
import { answerMsMax, type Pinger, startPinger } from '../support/pinger.ts';
import { VIEWS } from '../support/task-builder.ts';

/** The helper's patience with a disk, how long it then leaves it alone, and some more, in ms. */
const VIEWS_MS_MAX = 40_000;

let rig: Instance;
let pinger: Pinger;
let disk: HangingDisk | null;

beforeEach(async () => {
  disk = null;
  rig = new Instance();
  await rig.start();
  pinger = await startPinger(rig.socket, rig.daemon!.pid!);
});
afterEach(async () => {
  await disk?.end();
  await pinger.end();
  await rig.close({ leftovers: 'kill' });
});

function newProject(name: string): string {
  const path = join(rig.folder, name);
  mkdirSync(join(path, '.rasen'), { recursive: true });
  return path;
}

async function submit(spec: { id: string }): Promise<string> {
  await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
  return spec.id;
}

const ends = (id: string) =>
  until('the task ends', async () => {
    const { status } = await rig.call<{ status: string }>('task.get', { task: id });
    return status === 'completed';
  });

const viewed = (project: string) =>
  until(
    `the views of ${project}`,
    () => {
      const path = join(project, '.rasen/status.json');
      return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).status === 'completed';
    },
    VIEWS_MS_MAX,
  );

async function pinged(): Promise<void> {
  const { longest_ms, longest_raw_ms, count, error } = await pinger.end();
  pinger = { end: async () => ({ count, longest_ms, longest_raw_ms, error }) };
  expect(error).toBeNull();
  expect(longest_ms).toBeLessThan(answerMsMax());
}

const seen = (project: string, run: string) =>
  pipelineSpec([{ id: 'a', do: { run: ['sh', '-c', run] } }], project, { views: VIEWS });

it.skipIf(!CAN_HANG)(
  'the folder of the views hangs: the task ends, other views are written, and its own when the disk is back',
  async () => {
    const [hangs, fine] = [newProject('hangs'), newProject('fine')];
    disk = await hangingDisk(join(hangs, '.rasen'));
    const ids = await Promise.all([hangs, fine].map(project => submit(seen(project, 'true'))));
    await Promise.all(ids.map(ends));
    await viewed(fine);
    await pinged();
    await disk.end();
    disk = null;
    await viewed(hangs);
  },
);

it.skipIf(!CAN_HANG)(
  'the whole project comes to hang under a task: others go on, and doctor says which it is',
  async () => {
    const [hangs, fine] = [newProject('hangs'), newProject('fine')];
    const go = join(rig.folder, 'go');
    const id = await submit(seen(hangs, `while [ ! -e ${go} ]; do sleep 0.05; done`));
    await viewedAs(hangs, 'running');
    disk = await hangingDisk(hangs);
    const doctor = rig.call<{ findings: { message: string }[] }>('daemon.doctor');
    await ends(await submit(commandSpec(['true'], fine)));
    await ends(await submit(seen(fine, 'true')));
    const { findings } = await doctor;
    expect(findings.map(({ message }) => message)).toContainEqual(
      expect.stringContaining(`task ${id}: ${hangs} is gone, or on a disk that does not answer`),
    );
    await viewed(fine);
    writeFileSync(go, '');
    await ends(id);
    await pinged();
    // A supervisor that is told to end does not wait for that disk either.
    await rig.kill('SIGTERM');
  },
);

const viewedAs = (project: string, status: string) =>
  until(`it is ${status} in the views`, () => {
    const path = join(project, '.rasen/status.json');
    return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).status === status;
  });
