/**
 * The machine is in trouble for a while: a disk without space or without inodes, of the state, of a project, of temporary
 * files, at each moment of a task's life; a lock that somebody holds; a repository that is gone. What a session left is
 * still there afterwards, and nobody has to do anything. RASEN_TEST_LONG=1: also for two minutes and for ten.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, test } from 'vitest';
import { isRasenError } from '../../src/contract/errors.ts';
import type { Event } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { lockPlace } from '../../src/git/lock.ts';
import { makeRepo } from '../crash/kills-repo.ts';
import { holdRepository } from '../support/hold-repository.ts';
import { Instance, pipelineSpec, until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';
import { canMount, SmallDisk } from '../support/small-disk.ts';

/** How long a disk is full, in ms. */
const OUTAGES = LONG ? [6_000, 120_000, 600_000] : [6_000];
const AFTER_MS = LONG ? 300_000 : 60_000;
/** A gate that waits for the end of the trouble at its station is no gate that hangs. */
const GATE_S_MAX = 3600;
const mounts = canMount();

let rig: Instance;
/** Outside of every disk that is filled: what sessions, gates and commands say by themselves, and what they wait for. */
let outside: string;
const disks: SmallDisk[] = [];

afterEach(async () => {
  for (const full of disks) full.free();
  await rig.kill('SIGTERM');
  for (const full of disks.splice(0)) full.close();
  await rig.close({ leftovers: 'kill' });
  rmSync(outside, { recursive: true, force: true });
});

function begin(env: Record<string, string> = {}): void {
  rig = new Instance(env);
  outside = mkdtempSync(join(tmpdir(), 'ro-'));
}

function disk(path: string, options: ConstructorParameters<typeof SmallDisk>[1]): SmallDisk {
  const made = new SmallDisk(path, options);
  disks.push(made);
  return made;
}

const PHASES = ['prepare', 'session', 'seal', 'gate', 'good', 'merge'] as const;
type Phase = (typeof PHASES)[number];

/** A git task whose session and last gate come to a station each, and wait there until they are let go. */
class Story {
  readonly phase: Phase;
  readonly repo: string;
  readonly spec: ReturnType<typeof pipelineSpec>;

  constructor(phase: Phase, repo: string) {
    this.phase = phase;
    this.repo = makeRepo(repo, rig.env);
    const agent = join(outside, `${phase}.sh`);
    writeFileSync(
      agent,
      `#!/bin/sh\ncat >/dev/null\necho hours of work >work.txt\necho session >>${this.#at('said')}\n${this.#station('session')}\n` +
        // Its disk may be the one that is full; then the file is there, and nothing is in it.
        `echo '{"status":"done"}' >"$RASEN_RESULT_FILE" || true\n`,
      { mode: 0o755 },
    );
    const gate = `test -s work.txt || exit 1; echo gate >>${this.#at('said')}\n${this.#station('gate')}`;
    this.spec = pipelineSpec(
      [
        {
          id: 'one',
          do: { agent: 'coder' },
          gates: [{ name: 'looks', run: ['sh', '-c', gate], timeout_seconds: GATE_S_MAX }],
        },
      ],
      this.repo,
      {
        name: phase,
        workspace: { kind: 'git', slug: `trouble-${phase}` },
        agents: { coder: { command: [agent] } },
      },
    );
  }

  #at(name: string): string {
    return join(outside, `${this.phase}-${name}`);
  }

  #station(name: string): string {
    return `touch ${this.#at(`at-${name}`)}; while [ ! -e ${this.#at(`go-${name}`)} ]; do sleep 0.05; done`;
  }

  go(name: 'session' | 'gate'): void {
    writeFileSync(this.#at(`go-${name}`), '');
  }

  arrives(name: 'session' | 'gate'): Promise<unknown> {
    return until(`${this.phase} is at its ${name}`, () => existsSync(this.#at(`at-${name}`)), AFTER_MS);
  }

  said(what: string): number {
    const text = existsSync(this.#at('said')) ? readFileSync(this.#at('said'), 'utf8') : '';
    return text.split('\n').filter(line => line === what).length;
  }

  submit(env: Record<string, string> = {}): Promise<unknown> {
    return rig.call('task.run', { spec: this.spec, env: { PATH: process.env.PATH, ...env } });
  }

  view(): Promise<TaskView> {
    return rig.call('task.get', { task: this.spec.id });
  }
}

const over = (view: TaskView) => ['completed', 'failed', 'blocked', 'cancelled'].includes(view.status);

/** Also of a task that is packed by then. */
function events(id: string): Event[] {
  const { stdout } = rig.rasen(['events', id, '--json']);
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Event);
}

/** Which disk is full, and of what. */
const FULL: Record<string, { where: 'project' | 'state' | 'temporary'; of: 'bytes' | 'inodes' }> = {
  'the disk of the projects has no space': { where: 'project', of: 'bytes' },
  'the disk of the projects has no inodes': { where: 'project', of: 'inodes' },
  'the disk of the state has no space': { where: 'state', of: 'bytes' },
  'the disk of the state has no inodes': { where: 'state', of: 'inodes' },
  'the disk of temporary files has no space': { where: 'temporary', of: 'bytes' },
};

describe.skipIf(!mounts)('a disk is full, at each moment of a task (skipped without root)', () => {
  // In the short form each disk, and what it can be short of, once.
  const all = Object.entries(FULL).filter((_, i) => LONG || [1, 2, 4].includes(i));
  const cases = all.flatMap(([what, how]) => OUTAGES.map(ms => ({ what, ...how, ms })));
  it.each(cases)(
    '$what for $ms ms: nothing is lost, nothing is asked of anybody',
    async ({ where, of, ms }) => {
      begin();
      const projects = join(rig.folder, 'p');
      const temporary = join(rig.folder, 't');
      mkdirSync(temporary);
      const inodes = of === 'inodes' ? { inodes: 4000 } : {};
      const full = disk({ project: projects, state: rig.home, temporary }[where], {
        size: where === 'state' ? '400m' : '64m',
        mode: '700',
        ...inodes,
      });
      await rig.start();
      const stories = PHASES.map(phase => new Story(phase, join(projects, phase)));
      const [prepare, session, seal, gate, good, merge] = stories as [
        Story,
        Story,
        Story,
        Story,
        Story,
        Story,
      ];
      const env = { TMPDIR: temporary };
      for (const story of stories.slice(1)) {
        // What is not held up later goes through: the baseline of a gate is not asked for here.
        if (story !== session && story !== seal) story.go('session');
        if (story === merge) story.go('gate');
        await story.submit(env);
      }
      await Promise.all([session.arrives('session'), seal.arrives('session')]);
      await Promise.all([gate.arrives('gate'), good.arrives('gate')]);
      await until('one is completed', async () => over(await merge.view()), AFTER_MS);

      if (of === 'bytes') full.fill();
      else full.fillInodes();
      const end = performance.now() + ms;
      const submitted = prepare.submit(env).then(
        () => true,
        error => {
          // Not accepted, and said so: nothing was acknowledged.
          if (!isRasenError(error) || error.kind !== 'storage') throw error;
          return false;
        },
      );
      const merged = rig.call('task.merge', { task: merge.spec.id, op: 'm' }, ms + AFTER_MS).then(
        () => null,
        error => error,
      );
      seal.go('session');
      gate.go('gate');
      const waits = new Set<string>();
      await until(
        'the end of the trouble',
        async () => {
          for (const { name, status, why } of await rig.call<TaskView[]>('task.list', { limit: 100 }))
            if (status === 'waiting') waits.add(`${name}: ${why}`);
          const seen = where !== 'project' || ['prepare: disk', 'seal: disk'].every(what => waits.has(what));
          return seen && performance.now() >= end;
        },
        ms + AFTER_MS,
      );
      // The gate of `good` passes in the last moment of it, and what comes then meets what is left of it.
      good.go('gate');
      full.free();
      session.go('session');
      for (const story of stories) {
        story.go('session');
        story.go('gate');
      }
      if (!(await submitted)) await prepare.submit(env);
      // Who was refused asks again.
      if ((await merged) !== null) await rig.call('task.merge', { task: merge.spec.id, op: 'again' });

      const results: Record<string, unknown> = {};
      for (const story of stories) {
        const view = await until(
          `${story.phase} is over`,
          async () => {
            const now = await story.view();
            return over(now) ? now : null;
          },
          AFTER_MS,
        );
        results[story.phase] = {
          status: view.status,
          reason: view.reason,
          sessions: story.said('session'),
          attempts: view.subtasks.find(s => s.id === 'one')?.attempts,
          work:
            view.commit &&
            execFileSync('git', ['show', `${view.commit}:work.txt`], {
              cwd: story.repo,
              env: rig.env,
              encoding: 'utf8',
            }),
        };
      }
      const fine = { status: 'completed', reason: null, sessions: 1, attempts: 1, work: 'hours of work\n' };
      expect(results).toEqual(Object.fromEntries(PHASES.map(phase => [phase, fine])));
      expect(readFileSync(join(merge.repo, 'work.txt'), 'utf8')).toBe('hours of work\n');
      for (const story of stories) {
        const told = events(story.spec.id).filter(({ type }) => type === 'task_waiting');
        expect(told.length).toBeLessThanOrEqual(3);
      }
    },
  );
});

test('a lock that somebody holds: waiting (lock); a person can stop and cancel meanwhile, and the work stays', async () => {
  begin();
  await rig.start();
  const story = new Story('seal', join(rig.folder, 'repo'));
  await story.submit();
  await story.arrives('session');
  const lock = lockPlace(join(story.repo, '.git'));
  await holdRepository(join(story.repo, '.git'));
  story.go('session');
  const waiting = async () => {
    const view = await story.view();
    return view.status === 'waiting' ? view : null;
  };
  const view = await until('it waits', waiting, AFTER_MS);
  expect([view.why, view.resume_at, view.reason]).toEqual(['lock', null, expect.stringContaining(lock)]);
  expect(rig.rasen(['list']).stdout).toContain('waiting (lock)');

  expect(rig.rasen(['stop', story.spec.id]).status).toBe(0);
  expect((await story.view()).status).toBe('interrupted');
  expect(rig.rasen(['resume', '--background', story.spec.id]).status).toBe(0);
  await until('it waits again', waiting, AFTER_MS);
  expect(rig.rasen(['cancel', story.spec.id]).status).toBe(0);
  const cancelled = await story.view();
  expect(cancelled.status).toBe('cancelled');
  // No commit holds it, and nobody removes what does.
  const gone = rig.rasen(['gc', '--older-than', '0d']);
  expect(gone.stdout + gone.stderr).toContain('no commit');
  expect(readFileSync(join(cancelled.worktree!, 'work.txt'), 'utf8')).toBe('hours of work\n');
});

test('a repository that is gone when a session ends: blocked, with the reason; its work is not done again', async () => {
  begin();
  await rig.start();
  const story = new Story('session', join(rig.folder, 'repo'));
  await story.submit();
  await story.arrives('session');
  const git = join(story.repo, '.git');
  renameSync(git, `${git}.away`);
  story.go('session');
  story.go('gate');
  const blocked = await until(
    'it is blocked',
    async () => {
      const view = await story.view();
      return view.status === 'blocked' ? view : null;
    },
    AFTER_MS,
  );
  expect([blocked.why, blocked.reason]).toEqual(['config', expect.stringContaining(story.repo)]);
  expect(readFileSync(join(blocked.worktree!, 'work.txt'), 'utf8')).toBe('hours of work\n');
  renameSync(`${git}.away`, git);
  expect(rig.rasen(['resume', '--background', story.spec.id]).status).toBe(0);
  await until('it is completed', async () => (await story.view()).status === 'completed', AFTER_MS);
  expect(story.said('session')).toBe(1);
});
