/** A login that is missing: blocked, looked at every ten minutes for a day, and gone on from when it is there. */
import { describe, expect, it } from 'vitest';
import { LOGIN_TRIES } from '../../../src/engine/login.ts';
import { viewOf } from '../../../src/engine/view.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, type Script } from './engine.ts';

const MINUTE = 60_000;
const out = { claim: { status: 'auth' as const, summary: 'token expired' } };
const start = (script: Script, over: Record<string, unknown> = {}) =>
  new Engine(specOf({ gates: [], time_zone: 'UTC', ...over }), planOf(['a']), script);
const isBlocked = (engine: Engine) => engine.state.status.name === 'blocked';

describe('a login that is missing', () => {
  it('is looked at again after ten minutes, and the task goes on when it is there', () => {
    const engine = start({ work: { a: [out, out, {}] } }, { limits: { max_iterations: 1, attempts: 1 } });
    engine.run(state => state.status.name === 'blocked');
    const first = engine.now;
    expect(engine.state.status).toMatchObject({
      why: 'auth',
      retry_at: new Date(first + 10 * MINUTE).toISOString(),
    });
    expect(viewOf(engine.state, 1, first)).toMatchObject({ status: 'blocked', exit_code: 3, why: 'auth' });
    engine.run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.now - first).toBeGreaterThanOrEqual(2 * 10 * MINUTE);
    expect(engine.step('a').history.map(h => h.outcome)).toEqual(['auth', 'auth', 'ok']);
    expect(engine.types().filter(type => type === 'login_retried')).toHaveLength(2);
    expect(engine.state.login).toBeNull();
  });
  it('is a matter of a person after a day, and the journal stays short', () => {
    const engine = start({ work: { a: [out] } });
    const from = engine.now;
    engine.run();
    expect(isBlocked(engine)).toBe(true);
    expect(engine.state.status).toMatchObject({ retry_at: null });
    expect(engine.step('a').attempts).toBe(1 + LOGIN_TRIES);
    expect(engine.now - from).toBeLessThan(25 * 60 * MINUTE);
    expect(engine.events.length).toBeLessThan(LOGIN_TRIES * 12);
    // A person who says go on gives it another day.
    engine.resume().run(state => state.status.name === 'blocked');
    expect(engine.state.status).toMatchObject({ retry_at: expect.any(String) });
  });
  it('is armed again after a restart, and not where a restart is not to go on by itself', () => {
    const engine = start({ work: { a: [out, {}] } });
    engine.run(state => state.status.name === 'blocked');
    engine.reboot();
    engine.run();
    expect(engine.state.status.name).toBe('completed');

    const waits = start({ work: { a: [out, {}] } }, { auto_resume: false });
    waits.run();
    expect(waits.state.status).toMatchObject({ name: 'blocked', retry_at: null });

    const never = start({ work: { a: [out, {}] } }, { limits: { login_retry_seconds: null } });
    never.run();
    expect(never.state.status).toMatchObject({ name: 'blocked', retry_at: null });
  });
  it('is not looked at when the task was stopped, nor in quiet hours', () => {
    const stopped = start({ work: { a: [out, {}] } });
    stopped.run(state => state.status.name === 'blocked');
    stopped.stop().run();
    expect(isBlocked(stopped)).toBe(true);

    // It is 08:00, and quiet from 08:05.
    const quiet = start({ work: { a: [out, {}] } }, { limits: { quiet_hours: ['08:05-12:00'] } });
    quiet.run(state => state.status.name === 'blocked');
    expect(quiet.state.status).toMatchObject({ retry_at: '2026-01-27T12:00:00.000Z' });
    quiet.run();
    expect(quiet.state.status.name).toBe('completed');
  });
  it('is looked at soon when the clock was set back meanwhile', () => {
    const engine = start({ work: { a: [out, {}] } });
    engine.run(state => state.status.name === 'blocked');
    engine.now -= 5 * 3_600_000;
    const from = engine.now;
    engine.run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.now - from).toBeLessThan(60 * MINUTE);
  });
});
