/**
 * Every call to the system by which rasend, its runners and git write, sync, rename, create, remove or open a file fails
 * once, one at a time, while a task goes on: a git task with a session, gates and a merge, and a pipeline of commands.
 * Witnesses are files outside of rasen that every session, gate and command writes to by itself. RASEN_TEST_LONG=1: each
 * call; RASEN_TEST_STRIDE=20: one in twenty of those that open a file, and each of the rest; else a few of each.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isRasenError } from '../../src/contract/errors.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { makeRepo } from '../crash/kills-repo.ts';
import { type Errno, FaultShim, hasCompiler, KINDS, type Kind, type Program } from '../support/fault-shim.ts';
import { Instance, pipelineSpec, tick } from '../support/instance.ts';
import { LONG } from '../support/long.ts';

/**
 * One call in so many that open a file fails, from a random one on, and each of the rest, of which there are few; 0: as many
 * as `SAMPLE` says, for each story and kind of call.
 */
const STRIDE = Number(process.env.RASEN_TEST_STRIDE ?? (LONG ? 1 : 0));
const SAMPLE = 1;
const TASK_MS = 90_000;

/** What a full or broken disk says to each kind of call; a table that is full of files says it to those that open one. */
const ERRNOS: Readonly<Record<Kind, readonly Errno[]>> = {
  write: ['ENOSPC', 'EDQUOT', 'EIO'],
  sync: ['EIO', 'ENOSPC', 'EDQUOT'],
  rename: ['ENOSPC', 'EROFS', 'EIO'],
  create: ['ENOSPC', 'EMFILE', 'EROFS', 'EDQUOT'],
  mkdir: ['ENOSPC', 'EDQUOT', 'EROFS'],
  unlink: ['EIO', 'EROFS'],
  open: ['EMFILE', 'EIO'],
};

let rig: Instance;
let shim: FaultShim;
let folder: string;
let tools: string;

beforeAll(async () => {
  if (!hasCompiler()) return;
  rig = new Instance();
  ({ folder } = rig);
  tools = mkdtempSync(join(tmpdir(), 'rf-'));
  shim = new FaultShim(tools, folder);
  Object.assign(rig.env, shim.env, { PATH: `${shim.path}:${process.env.PATH}` });
  await rig.start();
});
afterAll(async () => {
  shim?.close();
  await rig?.close({ leftovers: 'kill' });
  if (tools) rmSync(tools, { recursive: true, force: true });
});

interface Story {
  spec: ReturnType<typeof pipelineSpec>;
  /** Throws what is wrong when the task is over. */
  check: (view: TaskView) => Promise<void> | void;
}

let stories = 0;
const lines = (path: string) =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(line => line !== '')
    : [];

/** A session that leaves one file uncommitted, a gate that looks at it, and the merge into the user's branch. */
function gitStory(): Story {
  const place = join(folder, `git-${++stories}`);
  const repo = makeRepo(join(place, 'repo'), { ...rig.env, PATH: process.env.PATH, LD_PRELOAD: '' });
  const witness = join(tools, `witness-${stories}`);
  const agent = join(place, 'agent.sh');
  writeFileSync(
    agent,
    `#!/bin/sh\ncat >/dev/null\necho session >>${witness}\necho hours of work >work.txt\necho '{"status":"done"}' >"$RASEN_RESULT_FILE"\n`,
    { mode: 0o755 },
  );
  const gate = ['sh', '-c', `echo gate >>${witness}; test -s work.txt`];
  const spec = pipelineSpec(
    [{ id: 'one', do: { agent: 'coder' }, gates: [{ name: 'looks', run: gate }] }],
    repo,
    { workspace: { kind: 'git', slug: `faults-${stories}` }, agents: { coder: { command: [agent] } } },
  );
  return {
    spec,
    check: async view => {
      const said = lines(witness);
      expect([view.status, view.reason, said.filter(line => line === 'session').length]).toEqual([
        'completed',
        null,
        1,
      ]);
      expect(said.filter(line => line === 'gate').length).toBeGreaterThanOrEqual(2);
      await accepted(() => rig.call('task.merge', { task: view.id, op: `merge ${view.id}` }, TASK_MS));
      expect(readFileSync(join(repo, 'work.txt'), 'utf8')).toBe('hours of work\n');
      shim.disarm();
      execFileSync('git', ['fsck', '--strict'], {
        cwd: repo,
        env: { ...rig.env, LD_PRELOAD: '' },
        stdio: 'pipe',
      });
    },
  };
}

/** Three commands, one after the other, each of which must run once. */
const pipelineStory = () => commandsStory('a', 'b', 'c');

function commandsStory(...ids: string[]): Story {
  const place = join(folder, `commands-${++stories}`);
  mkdirSync(place);
  const witness = join(tools, `witness-${stories}`);
  const command = (id: string, needs: string[]) => ({
    ...{ id, needs },
    do: { run: ['sh', '-c', `echo ${id} >>${witness}; echo said by ${id}`] },
  });
  const spec = pipelineSpec(
    ids.map((id, i) => command(id, ids.slice(i - 1, i))),
    place,
  );
  return {
    spec,
    check: view => {
      expect([view.status, view.reason, lines(witness)]).toEqual(['completed', null, ids]);
    },
  };
}

/** A repository that git cannot look at now is no repository at the moment of the submit. */
const REFUSALS: ReadonlySet<string> = new Set(['storage', 'overloaded', 'git', 'not_git']);

/** Asked until it is accepted, as a script would do it: what is refused for the disk was not acknowledged. */
async function accepted(ask: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + TASK_MS; ; ) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!isRasenError(error) || !REFUSALS.has(error.kind) || Date.now() > end) throw error;
      await tick();
    }
  }
}

/** The task is submitted and waited for. */
async function live({ spec, check }: Story): Promise<void> {
  const end = Date.now() + TASK_MS;
  const env = { PATH: rig.env.PATH, TMPDIR: folder, ...shim.env };
  await accepted(() => rig.call('task.run', { spec, env }));
  let view: TaskView;
  do {
    await tick();
    view = await rig.call<TaskView>('task.get', { task: spec.id });
  } while (!['completed', 'failed', 'blocked', 'cancelled'].includes(view.status) && Date.now() < end);
  await check(view);
}

/** One life with one fault; what it led to, where that is wrong. */
async function fail(
  make: () => Story,
  n: number,
  kind: Kind,
  errno: Errno,
  programs?: readonly Program[],
): Promise<string | null> {
  const story = make();
  shim.arm(n, errno, [kind], programs);
  try {
    await live(story);
    return null;
  } catch (error) {
    const events = await rig.call('task.get', { task: story.spec.id }).catch(() => null);
    const { history } = (events as TaskView | null)?.subtasks[0] ?? { history: [] };
    return `${errno} at ${kind} ${n} (${shim.seen().what}): ${error instanceof Error ? error.message.slice(0, 600) : error}\n${JSON.stringify(history)}`;
  } finally {
    shim.disarm();
  }
}

/** Numbers of calls that fail: by the stride, or some from the first to the last of them. */
function chosen(kind: Kind, count: number, sample: number): number[] {
  const stride = kind === 'open' ? STRIDE : Math.min(STRIDE, 1);
  const first = 1 + Math.floor(Math.random() * stride);
  if (stride > 0)
    return Array.from({ length: count }, (_, i) => i + 1).filter(n => (n - first) % stride === 0);
  if (count <= sample) return Array.from({ length: count }, (_, i) => i + 1);
  return Array.from({ length: sample }, (_, i) => 1 + Math.floor(((i + Math.random()) * count) / sample));
}

describe.skipIf(!hasCompiler())('one call fails (skipped without a C compiler)', () => {
  test.each([
    ['a git task with a session, gates and a merge', gitStory],
    ['a pipeline of commands', pipelineStory],
  ])(
    '%s completes all the same: nothing lost, nothing twice',
    { timeout: STRIDE > 0 ? 12 * 3_600_000 : 180_000 },
    async (what, make) => {
      shim.arm(0, 'EIO', KINDS);
      await live(make());
      const all = shim.seen();
      shim.disarm();
      expect(all.by_program.rasend).toBeGreaterThan(0);
      expect(all.by_program.runner).toBeGreaterThan(0);
      if (make === gitStory) expect(all.by_program.git).toBeGreaterThan(0);
      const faults = KINDS.flatMap(kind => {
        const count = all.by_kind[kind] ?? 0;
        const errnos = ERRNOS[kind];
        return chosen(kind, count, SAMPLE).map((n, i) => ({
          kind,
          n,
          errno: errnos[(n + i) % errnos.length]!,
        }));
      });
      let fired = 0;
      const wrong: string[] = [];
      for (const { kind, n, errno } of faults) {
        const said = await fail(make, n, kind, errno);
        fired += shim.seen().fired;
        if (said !== null) wrong.push(said);
      }
      console.log(
        `${what}: ${all.count} calls (${JSON.stringify(all.by_kind)}; ${JSON.stringify(all.by_program)}); ${faults.length} faults asked for, ${fired} injected, ${wrong.length} went wrong`,
      );
      // A life is not as long as another: the last calls of one may not be there in the next.
      expect(fired).toBeGreaterThan(0);
      expect(wrong.join('\n\n')).toBe('');
    },
  );

  test('the record of a gate of the merge is written when it can be', { timeout: 180_000 }, async () => {
    shim.arm(0, 'EIO', KINDS, ['runner']);
    await live(gitStory());
    const { by_kind } = shim.seen();
    shim.disarm();
    const last = (['create', 'write'] as const).map(kind => [kind, by_kind[kind]!] as const);
    const wrong: string[] = [];
    for (const [kind, n] of last) {
      const said = await fail(gitStory, n, kind, 'EDQUOT', ['runner']);
      expect(shim.seen().fired, `${kind} ${n}`).toBe(1);
      if (said !== null) wrong.push(said);
    }
    expect(wrong.join('\n\n')).toBe('');
  });

  test('each call of a runner, of which there are few: its command runs once', async () => {
    const make = () => commandsStory('a');
    shim.arm(0, 'EIO', KINDS, ['runner']);
    await live(make());
    const { by_kind } = shim.seen();
    shim.disarm();
    const wrong: string[] = [];
    for (const kind of KINDS)
      for (let n = 1; n <= (by_kind[kind] ?? 0); n++) {
        const said = await fail(make, n, kind, ERRNOS[kind][0]!, ['runner']);
        if (said !== null) wrong.push(said);
      }
    console.log(
      `calls of a runner, each failed once: ${JSON.stringify(by_kind)}; ${wrong.length} went wrong`,
    );
    expect(wrong.join('\n\n')).toBe('');
  });
});
