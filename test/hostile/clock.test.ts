/**
 * The wall clock is set while tasks run and wait, by people, by time servers, by a machine without a battery: a wait lasts
 * as long as it was meant to, and what runs is not taken for late. The clock of the supervisor is libfaketime's.
 */
import { globSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Event, EventOf } from '../../src/contract/event.ts';
import { definitionDraft, type TriggerView } from '../../src/contract/trigger.ts';
import { ulid } from '../../src/util/ulid.ts';
import { commandSpec, Instance, until } from '../support/instance.ts';
import { type Claim, SeedProject, WORKS } from '../support/scripted-agent.ts';

const [lib] = globSync('/usr/lib/{*/,}faketime/libfaketimeMT.so.1');
const DAY_S = 86_400;
const MINUTE_MS = 60_000;

if (!lib) console.log('clock.test.ts: skipped, since libfaketime is not installed (package faketime)');
const story = lib ? test.concurrent : test.skip;
/** Ends what a story has opened: that of this story, since others run beside it. */
type AtEnd = (close: () => Promise<void>) => void;

/** The clock of one supervisor. */
class SetClock {
  readonly #file: string;
  readonly #instance: Instance;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#file = join(instance.folder, 'clock');
    this.set(0);
  }

  /** Seconds ahead of the true time. */
  set(seconds: number): void {
    writeFileSync(`${this.#file}.next`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(`${this.#file}.next`, this.#file);
  }

  /** Only rasend has it, and not what a test asks or an agent does. */
  async start(): Promise<void> {
    const faked = {
      LD_PRELOAD: lib,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    Object.assign(this.#instance.env, faked);
    await this.#instance.start();
    for (const name of Object.keys(faked)) delete this.#instance.env[name];
  }
}

function journal(instance: Instance, id: string): Event[] {
  const text = readFileSync(join(instance.home, 'tasks', id, 'events.jsonl'), 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Event);
}

const jumps = (instance: Instance, id: string) =>
  journal(instance, id).filter(
    (event): event is EventOf<'clock_jumped'> & Event => event.type === 'clock_jumped',
  );

/** A task of one session, that ends with a claim the first time and works the second. */
async function waiting(atEnd: AtEnd, claim: Claim, why: string, ahead_s = 0) {
  const p = new SeedProject({
    config: { limits: { wait: true } },
    script: { a: [[{ claim }], WORKS] },
  });
  atEnd(() => p.close());
  const clock = new SetClock(p.instance);
  clock.set(ahead_s);
  await clock.start();
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  const view = await p.seen('it waits', v => v.status === 'waiting');
  expect(view.why).toBe(why);
  return { p, clock, view };
}

const OVERLOADED: Claim = { status: 'overloaded', summary: 'try again' };
const LIMIT: Claim = { status: 'limit', summary: 'used up', retry_after_seconds: 3600 };

story(
  'a wait of ten seconds is one of ten seconds when the clock is set back by a day, twice',
  async ({ onTestFinished }) => {
    const { p, clock, view } = await waiting(onTestFinished, OVERLOADED, 'overloaded');
    clock.set(-DAY_S);
    await until('that is seen', () => jumps(p.instance, view.id).length === 1);
    clock.set(-2 * DAY_S);
    await p.seen('it is done', v => v.status === 'completed');
    expect(p.sessions()).toHaveLength(2);
    for (const { ms, slept_ms } of jumps(p.instance, view.id)) {
      expect(Math.round(ms / 1000)).toBeCloseTo(-DAY_S, -1);
      expect(slept_ms).toBe(0);
    }
  },
);

story('also when it is set back while no supervisor is there', async ({ onTestFinished }) => {
  const { p, clock, view } = await waiting(onTestFinished, OVERLOADED, 'overloaded');
  await p.crash();
  clock.set(-DAY_S);
  await clock.start();
  await p.seen('it is done', v => v.status === 'completed');
  expect(jumps(p.instance, view.id)).toHaveLength(1);
  expect(p.sessions()).toHaveLength(2);
});

story(
  'a usage limit is not over because the clock was set ahead, while it lives or is away',
  async ({ onTestFinished }) => {
    const { p, clock, view } = await waiting(onTestFinished, LIMIT, 'limit');
    const left = (ahead_s: number, resume_at: string) =>
      Date.parse(resume_at) - (Date.now() + ahead_s * 1000);
    clock.set(DAY_S);
    await until('that is seen', () => jumps(p.instance, view.id).length === 1);
    const later = await p.seen('it waits on', v => v.status === 'waiting' && v.resume_at !== view.resume_at);
    // Not the whole hour: a clock that was put right may have come nearer to the end that was stated.
    expect(left(DAY_S, later.resume_at!)).toBeGreaterThan(13 * MINUTE_MS);
    expect(left(DAY_S, later.resume_at!)).toBeLessThan(62 * MINUTE_MS);

    await p.crash();
    clock.set(3 * DAY_S);
    await clock.start();
    const last = await p.seen('it waits on', v => v.status === 'waiting' && v.resume_at !== later.resume_at);
    expect(left(3 * DAY_S, last.resume_at!)).toBeGreaterThan(12 * MINUTE_MS);
    expect(p.sessions()).toHaveLength(1);
  },
);

for (const [wrong, years] of [
  ['ahead', 7],
  ['behind', -6],
] as const) {
  story(
    `a wait that begins under a clock that is years ${wrong} ends in its time under the right one`,
    async ({ onTestFinished }) => {
      const { p, clock, view } = await waiting(onTestFinished, OVERLOADED, 'overloaded', years * 365 * DAY_S);
      expect(new Date(view.resume_at!).getFullYear()).not.toBe(new Date().getFullYear());
      await p.crash();
      clock.set(0);
      await clock.start();
      await p.seen('it is done', v => v.status === 'completed');
      expect(p.sessions()).toHaveLength(2);
      const [jump] = jumps(p.instance, view.id);
      expect(Math.round(jump!.ms / (365 * DAY_S * 1000))).toBe(-years);
    },
  );

  story(
    `what a trigger is to start in seconds is started then, though the clock was years ${wrong}`,
    async ({ onTestFinished }) => {
      const instance = new Instance();
      onTestFinished(() => instance.close());
      const clock = new SetClock(instance);
      clock.set(years * 365 * DAY_S);
      await clock.start();
      const draft = definitionDraft.parse({
        ...{ name: 'soon', when: { kind: 'at', at: '10s' }, policy: { tz: 'UTC' } },
        task: commandSpec(['true'], instance.folder),
      });
      const id = ulid();
      await instance.call('trigger.create', { id, definition: draft, env: {} });
      await instance.kill();
      clock.set(0);
      await clock.start();
      const shown = await until('its run is over', async () => {
        const view = await instance.call<TriggerView>('trigger.get', { trigger: id });
        return view.last_end === null ? null : view;
      });
      expect(shown).toMatchObject({
        status: 'finished',
        last_end: 'completed',
        counts: { started: 1, missed: 0 },
      });
      expect(Math.abs(Date.parse(shown.last!.slot) - Date.now())).toBeLessThan(DAY_S * 1000);
    },
  );
}

story(
  'what runs is neither late nor silent because of the clock, and its time is counted as it was',
  async ({ onTestFinished }) => {
    const instance = new Instance();
    onTestFinished(() => instance.close());
    const clock = new SetClock(instance);
    await clock.start();
    const go = join(instance.folder, 'go');
    const spec = commandSpec(['sh', '-c', `while ! [ -e ${go} ]; do sleep 0.1; done`], instance.folder);
    Object.assign(spec.limits, {
      session_timeout_seconds: 600,
      idle_timeout_seconds: 300,
      max_runtime_seconds: 900,
    });
    await instance.call('task.run', { spec, env: {} });
    const started = () => journal(instance, spec.id).some(event => event.type === 'attempt_started');
    await until('it runs', started);
    for (const [n, days] of [1, -1, 3].entries()) {
      clock.set(days * DAY_S);
      await until('that is seen', () => jumps(instance, spec.id).length === n + 1);
    }
    writeFileSync(go, '');
    const [view] = await until('it ends', async () => {
      const found = await instance.call<{ status: string; active_seconds: number }[]>('task.list', {});
      return found[0]?.status === 'running' ? null : found;
    });
    expect(view).toMatchObject({ status: 'completed' });
    expect(view!.active_seconds).toBeLessThan(600);
  },
);
