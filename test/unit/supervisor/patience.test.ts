/** What a job left and a disk does not give back: it is waited for, and then the job comes to its end without it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { gatesOf } from '../../../src/engine/gates-of.ts';
import { stepOf, type TaskState } from '../../../src/engine/state.ts';
import type { Log } from '../../../src/log.ts';
import type { Paths } from '../../../src/paths.ts';
import { RecordKeys } from '../../../src/runner/record-key.ts';
import { acceptPlan } from '../../../src/supervisor/effects/accept-plan.ts';
import type { EffectContext } from '../../../src/supervisor/effects/context.ts';
import { end } from '../../../src/supervisor/effects/end.ts';
import { PATIENCE_MS, Patience } from '../../../src/supervisor/effects/patience.ts';
import { Jobs } from '../../../src/supervisor/jobs.ts';
import { Places } from '../../../src/supervisor/places.ts';
import { NO_DOORS } from '../../support/no-doors.ts';
import { NO_MASKS } from '../../support/no-masks.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

/** What reading an output, and opening a result file, meets. */
const disk = vi.hoisted(() => ({ output: null as string | null, result: null as string | null }));

vi.mock('../../../src/host/foreign-file.ts', async importOriginal => {
  const real = await importOriginal<typeof import('../../../src/host/foreign-file.ts')>();
  const failing = (code: string) =>
    new Readable({
      read() {
        this.destroy(Object.assign(new Error(`${code}: read`), { code }));
      },
    });
  return {
    ...real,
    streamForeign: (...args: Parameters<typeof real.streamForeign>) =>
      disk.output === null
        ? real.streamForeign(...args)
        : { ok: true, value: { stream: failing(disk.output), size: 10 } },
    readForeign: (...args: Parameters<typeof real.readForeign>) =>
      disk.result === null || !/result/.test(args[0].path)
        ? real.readForeign(...args)
        : { ok: false, fault: 'unreadable', problem: `${disk.result}: open`, errno: disk.result },
  };
});

const SILENT: Log = { info() {}, warn() {}, error() {} };
let folder: string;
let jobs: Jobs;
let now: number;
let context: EffectContext;
beforeEach(() => {
  Object.assign(disk, { output: null, result: null });
  folder = mkdtempSync(join(tmpdir(), 'rasen-patience-'));
  jobs = new Jobs(() => {}, SILENT);
  now = 1000;
  const paths = {
    ...{ home: folder, tasks: join(folder, 'tasks') },
    ...{ runtime: join(folder, 'run'), sessions: join(folder, 's') },
  };
  context = {
    store: { env: () => ({}), files: (id: string) => ({ folder: join(folder, 'tasks', id) }) },
    ...{ places: new Places(paths as Paths), jobs, patience: new Patience(() => now) },
    ...{ sweeper: { isEmpty: async () => true }, log: SILENT, cage: { kind: 'group' } },
    ...{
      worktrees: () => [],
      keys: new RecordKeys(),
      secrets: {},
      masks: NO_MASKS,
      doors: NO_DOORS,
      umask: '022',
    },
  } as unknown as EffectContext;
});
afterEach(() => {
  jobs.close();
  rmSync(folder, { recursive: true, force: true });
});

const agent = { backend: 'claude', command: ['claude'] };
const begun = (coder: object = agent) =>
  new TaskBuilder(specOf({ project: folder, agents: { coder } })).claimed().plan(['a']).started().begin('a');

async function endOf(state: TaskState, gate: number | null) {
  mkdirSync(join(folder, 'tasks', state.id), { recursive: true });
  const job = gate === null ? 'a/1' : `a/1/gates/${gate}.1`;
  const effect = { type: 'end', key: 'end', kill: null, why: null, step: 'a', n: 1, gate, job } as const;
  const result = await end(context, state, effect, new AbortController().signal);
  return result.type === 'end' ? result.facts : null;
}

it.each(['EIO', 'ESTALE', 'ENOTCONN'])(
  'an output that stays lost (%s) is a problem of the session',
  async code => {
    const { state } = begun();
    disk.output = code;
    await expect(endOf(state, null)).rejects.toMatchObject({ code });
    now += PATIENCE_MS - 1;
    await expect(endOf(state, null)).rejects.toMatchObject({ code });
    now += 1;
    expect(await endOf(state, null)).toMatchObject({
      claim: null,
      claim_problem: `its output cannot be read: ${code} for 4 hours`,
    });
  },
);

it('so is a result file', async () => {
  const { state } = begun({ command: ['true'] });
  disk.result = 'ESTALE';
  await expect(endOf(state, null)).rejects.toMatchObject({ code: 'ESTALE' });
  now += PATIENCE_MS;
  expect(await endOf(state, null)).toMatchObject({
    claim_problem: 'the result file cannot be read: ESTALE for 4 hours',
  });
});

it('and that of a planner, whose plan is refused then', async () => {
  const spec = specOf({ project: folder, plan: null, agents: { initializer: agent, coder: agent } });
  const { state } = new TaskBuilder(spec).claimed().started().begin('_plan').end('_plan');
  const effect = { type: 'accept_plan', key: 'plan', step: '_plan', n: 1 } as const;
  disk.result = 'EIO';
  await expect(acceptPlan(context, state, effect)).rejects.toMatchObject({ code: 'EIO' });
  now += PATIENCE_MS;
  expect(await acceptPlan(context, state, effect)).toMatchObject({
    accepted: null,
    problem: 'the result file cannot be read: EIO for 4 hours',
  });
});

it('a gate ends without the proof of its output', async () => {
  const task = begun().end('a').gateBegin('a', 'test');
  const gate = gatesOf(task.state, stepOf(task.state, 'a')).findIndex(({ name }) => name === 'test');
  disk.output = 'EIO';
  await expect(endOf(task.state, gate)).rejects.toMatchObject({ code: 'EIO' });
  now += PATIENCE_MS;
  expect(await endOf(task.state, gate)).toMatchObject({ log_sha256: null });
});

it('a machine without descriptors is waited for without an end, and what was read again begins anew', async () => {
  const { state } = begun();
  disk.output = 'EIO';
  await expect(endOf(state, null)).rejects.toMatchObject({ code: 'EIO' });
  disk.output = 'EMFILE';
  for (const _ of [1, 2]) {
    now += PATIENCE_MS;
    await expect(endOf(state, null)).rejects.toMatchObject({ code: 'EMFILE' });
  }
  disk.output = 'EIO';
  await expect(endOf(state, null)).rejects.toMatchObject({ code: 'EIO' });
});
