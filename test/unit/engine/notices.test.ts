/** Which notices a task owes: once for a reason, within bounds, and none where nobody asked. */
import { describe, expect, it } from 'vitest';
import {
  againAt,
  isOver,
  isToldOf,
  MAX_NOTICE_TRIES,
  MAX_NOTICES_PER_HOUR,
  MAX_NOTIFIED,
  NOTICE_RETRY_MS,
  owedNotices,
  stillTo,
} from '../../../src/engine/notices.ts';
import type { TaskState } from '../../../src/engine/state.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, type Script } from './engine.ts';

const start = (script: Script = {}, over: Record<string, unknown> = {}) =>
  new Engine(
    specOf({ gates: [], time_zone: 'UTC', notify: { command: ['tell'] }, ...over }),
    planOf(['a']),
    script,
  );
const kind = (key: string) => key.split(':')[0];
const claim = (status: 'limit' | 'auth' | 'blocked') => ({ claim: { status, summary: status } });

describe('a person is told', () => {
  it('of the end, once', () => {
    const engine = start().run();
    expect([engine.state.status.name, engine.told]).toEqual(['completed', ['completed']]);
    expect(engine.types().filter(type => type === 'notified')).toHaveLength(1);
    expect(engine.run().told).toEqual(['completed']);
  });
  it('of a wait for a usage limit once, however often its end moves, and of the next one again', () => {
    const limit = claim('limit');
    const engine = start(
      { work: { a: [limit, limit, limit, { code: 1 }, limit, {}] } },
      { limits: { wait: true } },
    ).run();
    expect(engine.told).toEqual(['waiting:limit:a/1', 'waiting:limit:a/5', 'completed']);
  });
  it('of a login that is missing once, however often it is looked at, and again when it is missing anew', () => {
    const auth = claim('auth');
    const engine = start({ work: { a: [auth, auth, auth, claim('blocked'), auth, {}] } }).run();
    expect(engine.told.map(key => key.split(':').slice(0, 2).join(':'))).toEqual([
      'blocked:auth',
      'blocked:auth',
      'completed',
    ]);
  });
  it('of a question, and of the next one after a person went on', () => {
    const asks = claim('blocked');
    const engine = start({ work: { a: [asks] } }).run();
    expect(engine.told).toEqual(['blocked:question:0']);
    expect(engine.resume().run().told).toEqual(['blocked:question:0', 'blocked:question:1']);
  });
  it('that a restart of the machine cut something short, and not of one of the supervisor', () => {
    const engine = start({ work: { a: [{ hangs: true }, {}] } });
    engine.run(() => engine.step('a').attempt?.phase === 'running');
    engine.claim();
    engine.look();
    expect(owedNotices(engine.state)).toEqual([]);
    engine.reboot().run();
    expect(engine.told).toEqual(['resumed:b1+', 'completed']);
  });
  it('of a budget that is nearly used, once, and again when a person allowed it once more', () => {
    const nearly = (used: number) =>
      ({ type: 'budget_nearly_used', budget: 'tokens', used, limit: 100, until: null }) as const;
    const used = { claim: { status: 'blocked' as const, input_tokens: 100 } };
    const engine = start({ work: { a: [used] } }, { limits: { tokens: 100 } });
    engine.add(nearly(80)).run();
    expect(engine.told.map(kind)).toEqual(['budget', 'blocked']);
    engine
      .resume()
      .run(s => s.status.name === 'running')
      .add(nearly(180))
      .run();
    expect(engine.told.map(kind).filter(k => k === 'budget')).toHaveLength(2);
    expect(new Set(engine.told).size).toBe(engine.told.length);
  });
  it('of what was asked for alone, and by nobody where no channel is', () => {
    expect(start({}, { notify: { command: ['tell'], on: ['failed', 'blocked'] } }).run().told).toEqual([]);
    expect(start({}, { notify: {} }).run().told).toEqual([]);
    expect(start({}, { notify: null }).run().told).toEqual([]);
  });
  it('not more often than so many times an hour, and of what is true then', () => {
    const engine = start({ work: { a: [claim('blocked')] } });
    engine.run();
    const settled = (s: TaskState) =>
      s.status.name === 'blocked' &&
      (owedNotices(s).length === 0 || engine.told.length >= MAX_NOTICES_PER_HOUR);
    for (let i = 0; i < 2 * MAX_NOTICES_PER_HOUR; i++) engine.resume().run(settled);
    const from = engine.now;
    expect(engine.told).toHaveLength(MAX_NOTICES_PER_HOUR);
    engine.run();
    expect(engine.told).toHaveLength(MAX_NOTICES_PER_HOUR + 1);
    expect(engine.told.at(-1)).toBe(`blocked:question:${2 * MAX_NOTICES_PER_HOUR}`);
    expect(engine.now - from).toBeLessThanOrEqual(3_600_000);
  });
  it('by the next supervisor, where this one goes down', () => {
    const engine = start({ work: { a: [claim('auth')] } });
    engine.draining = true;
    engine.add({ type: 'task_blocked', why: 'config', message: 'x', subtask: null });
    expect(engine.look()).toEqual([]);
    engine.draining = false;
    expect(engine.look()).toMatchObject([{ type: 'notify', notice: 'blocked:config:0' }]);
  });
  it('again where that failed: ten minutes later, then after twice as long each time, by the channels that failed, for most of a day', () => {
    const notify = { command: ['tell'], webhook: 'https://example.org/', desktop: true };
    const engine = start({}, { notify });
    engine.unheard = 1;
    engine.run(({ notified }) => notified.length === 1);
    const from = engine.now;
    expect(isOver(engine.state)).toBe(false);
    const again = new Date(Date.parse(engine.state.notified[0]!.t) + NOTICE_RETRY_MS).toISOString();
    expect(againAt(engine.state, engine.state.notified[0]!)).toBe(again);
    expect(engine.look()).toEqual([]);
    expect(stillTo(engine.state, 'completed')).toMatchObject({
      ...{ command: null, webhook: notify.webhook, desktop: false },
    });
    engine.run();
    expect(engine.state.notified.map(({ key, ok }) => [key, ok])).toEqual([
      ['completed', false],
      ['completed', true],
    ]);
    expect(engine.now - from).toBeGreaterThanOrEqual(NOTICE_RETRY_MS);
    expect(isOver(engine.state)).toBe(true);

    const deaf = start();
    deaf.unheard = 100;
    expect(deaf.run().told).toEqual(Array(MAX_NOTICE_TRIES).fill('completed'));
    const at = deaf.state.notified.map(({ t }) => Date.parse(t));
    const pauses = at.slice(1).map((t, i) => t - at[i]!);
    for (const [i, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(NOTICE_RETRY_MS * 2 ** i);
    expect(at.at(-1)! - at[0]!).toBeLessThan(24 * 3_600_000);
    expect(at.at(-1)! - at[0]!).toBeGreaterThan(18 * 3_600_000);
    expect(deaf.state.notified.map(line => againAt(deaf.state, line))).toEqual(at.map(() => null));
    expect(isOver(deaf.state)).toBe(true);
  });
  it('what is refused for good is asked once more, and not for a day', () => {
    const engine = start();
    engine.add({ type: 'task_blocked', why: 'config', message: 'x', subtask: null });
    const key = 'blocked:config:0';
    const refused = { type: 'notified' as const, key, ok: false, detail: '410', final: true };
    expect(isToldOf(engine.add(refused).state, key)).toBe(false);
    expect(isToldOf(engine.add(refused).state, key)).toBe(true);
  });
  it('of a budget once, however many other notices were sent since', () => {
    const used = { claim: { status: 'blocked' as const, input_tokens: 100 } };
    const engine = start({ work: { a: [used] } });
    const budget = 'tokens';
    engine.add({ type: 'budget_nearly_used', budget, used: 80, limit: 100, until: null }).run();
    const [key] = engine.told;
    expect(key).toBe('budget:tokens:0');
    for (let i = 0; i < 2 * MAX_NOTIFIED; i++)
      engine.add({ type: 'notified', key: `blocked:question:x${i}`, ok: true, detail: null });
    expect(owedNotices(engine.state).map(notice => notice.key)).not.toContain(key);
    expect(engine.state.notified.length).toBeLessThanOrEqual(MAX_NOTIFIED + 2);
  });
});
