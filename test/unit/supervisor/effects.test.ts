/** Effects where something they need is damaged, gone or refuses: what is over comes to its end, and nothing is left. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RasenError } from '../../../src/contract/errors.ts';
import { gatesOf } from '../../../src/engine/gates-of.ts';
import { stepOf, type TaskState } from '../../../src/engine/state.ts';
import type { Log } from '../../../src/log.ts';
import type { Paths } from '../../../src/paths.ts';
import { RecordKeys } from '../../../src/runner/record-key.ts';
import type { EffectContext } from '../../../src/supervisor/effects/context.ts';
import { end } from '../../../src/supervisor/effects/end.ts';
import { launch } from '../../../src/supervisor/effects/launch.ts';
import { Patience } from '../../../src/supervisor/effects/patience.ts';
import { clearTemporaryFolder } from '../../../src/supervisor/effects/temporary-folder.ts';
import { Jobs } from '../../../src/supervisor/jobs.ts';
import { Places } from '../../../src/supervisor/places.ts';
import { NO_DOORS } from '../../support/no-doors.ts';
import { NO_MASKS } from '../../support/no-masks.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

const SILENT: Log = { info() {}, warn() {}, error() {} };

let folder: string;
let jobs: Jobs;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-effects-'));
  jobs = new Jobs(() => {}, SILENT);
});
afterEach(() => {
  jobs.close();
  rmSync(folder, { recursive: true, force: true });
});

const DAMAGED = (): never => {
  throw new RasenError('damaged', 'env.json is not what was written');
};

function contextOf(env: () => Record<string, string>, start: () => Promise<void> = async () => {}) {
  const paths = {
    home: folder,
    tasks: join(folder, 'tasks'),
    runtime: join(folder, 'run'),
    sessions: join(folder, 's'),
  };
  return {
    store: {
      env,
      files: (id: string) => ({ env: join(folder, 'env.json'), folder: join(folder, 'tasks', id) }),
    },
    places: new Places(paths as Paths),
    jobs,
    patience: new Patience(),
    sweeper: { isEmpty: async () => true },
    log: SILENT,
    cage: { kind: 'group', start },
    worktrees: () => [],
    sandbox: { get: async () => ({ sandbox: null, why: 'none in this test', fix: '' }) },
    keys: new RecordKeys(),
    secrets: {},
    masks: NO_MASKS,
    doors: NO_DOORS,
    umask: '022',
  } as unknown as EffectContext;
}

const judged = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 3 };

/** A gate that has begun, and where an effect upon it is. */
function gateOf(spec: Record<string, unknown>, name: string, step: 'a' | '_final' = 'a') {
  const task = new TaskBuilder(specOf({ project: folder, ...spec })).claimed().plan(['a']).started();
  if (step === 'a') task.begin('a').end('a');
  else task.done('a').begin(step);
  task.gateBegin(step, name);
  const gate = gatesOf(task.state, stepOf(task.state, step)).findIndex(g => g.name === name);
  return { state: task.state, at: { step, n: 1, gate, job: `${step}/1/gates/${gate}.1` } };
}

const endOf = async (context: EffectContext, { state, at }: ReturnType<typeof gateOf>) => {
  mkdirSync(join(folder, 'tasks', state.id), { recursive: true });
  const effect = { type: 'end', key: 'end', kill: null, why: null, ...at } as const;
  const result = await end(context, state, effect, new AbortController().signal);
  return result.type === 'end' ? result.facts : null;
};

it('a damaged environment keeps no temporary folder from being cleared away', async () => {
  const { state } = gateOf({ workspace: { kind: 'folder' } }, 'test');
  const nonce = `effects-${process.pid}`;
  mkdirSync(`/tmp/rasen-${nonce}`);
  await clearTemporaryFolder(contextOf(DAMAGED), state, nonce);
  expect(existsSync(`/tmp/rasen-${nonce}`)).toBe(false);
});

describe('a project that is not there any more', () => {
  it('keeps no judge from being ended: there is no verdict', async () => {
    const gate = gateOf({ review: judged }, 'review');
    const context = contextOf(DAMAGED);
    const job = context.places.job(gate.state.id, gate.at.job);
    mkdirSync(job, { recursive: true });
    writeFileSync(join(job, 'judged.json'), '{"tip":"a","head":"a","tree":"a","refs":{}}');
    const facts = await endOf(context, gate);
    expect(facts?.claim_problem).toMatch(
      /^what it judged could not be looked at: .* is in no git repository/,
    );
  });

  it('keeps no gate of the tests of the base from being ended', async () => {
    const gate = gateOf({ base_tests: true }, 'base_tests:test', '_final');
    expect(
      (
        await endOf(
          contextOf(() => ({})),
          gate,
        )
      )?.base_tests,
    ).toEqual([]);
  });
});

describe('a gate that cannot be launched', () => {
  const launched = async (error: RasenError) => {
    const { state, at } = gateOf({ workspace: { kind: 'folder' } }, 'test');
    const named: TaskState = { ...state, spec: { ...state.spec, env: { TMPDIR: folder } } };
    const context = contextOf(
      () => ({}),
      () => Promise.reject(error),
    );
    const effect = { type: 'launch', key: 'launch', ...at } as const;
    await expect(launch(context, named, effect)).rejects.toThrow(error);
    jobs.seenAlive(context.places.job(state.id, at.job), { boot: 'b', pid: 2, start: '1' });
    const watched = jobs.lives(context.places.job(state.id, at.job));
    return { watched, temporary: existsSync(join(folder, 'rasen-gate')) };
  };

  it('is not watched, and leaves no temporary folder', async () => {
    expect(await launched(new RasenError('spawn', 'no'))).toEqual({ watched: false, temporary: false });
  });

  it('has both yet where it may come all the same', async () => {
    const away = new RasenError('manager_away', 'later');
    expect(await launched(away)).toEqual({ watched: true, temporary: true });
  });
});
