/**
 * The real OpenCode, by its own command and over the Agent Client Protocol, and the real gemini over the protocol:
 * through real supervisors, with a model of ours. What they come through at night is in nights.ts.
 */
import { writeFileSync } from 'node:fs';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { BAD_KEY, NEVER } from './model-server.ts';
import { UNAVAILABLE } from './nights.ts';
import { type RealOptions, RealProject, works } from './real-project.ts';
import { WAYS, type WayName } from './ways.ts';

/** OpenCode makes a database in a home that is new, which takes its time where others work. */
const SLOW_MS = 240_000;

for (const name of ['opencode', 'opencode over acp', 'gemini over acp'] as const) {
  const installed = inject('agents')[WAYS[name].program].newest;
  if ('missing' in installed) test.skip(`${name}: is not installed: ${installed.missing}`, () => {});

  describe.skipIf('missing' in installed)(name, { timeout: 2 * SLOW_MS }, () => {
    test('a key that is refused blocks the task', async () => {
      const p = await run(name);
      p.model.down = BAD_KEY;
      await p.start();
      await p.ends('blocked', 'auth');
    });

    test('a whole task, and the supervisor is killed in the middle: adopted, ended in the same session', async () => {
      const p = await run(name);
      const [first, ...rest] = works();
      const go = p.beside('go');
      const shell = `touch begun.txt; until [ -e ${go} ]; do sleep 0.1; done; ${first!.shell}`;
      p.model.turns = [{ ...first!, shell }, ...rest];
      await p.start();
      expect((await p.inTool()).status).toBe('running');
      await p.crash();
      await p.ok('resume', '--background');
      writeFileSync(go, '');
      const view = await p.ends('completed');
      expect(view.verified).toBe(true);
      expect(await p.outcomes()).toEqual(['ok']);
      expect(view.total_commits).toBe(1);
      expect(p.model.requests.filter(request => request.turn === 0)).toHaveLength(1);
      expect(p.model.requests.every(request => request.key?.endsWith('test-key'))).toBe(true);
    });

    test('stopped in the middle: nothing is left of it, and the work is gone on with', async () => {
      const p = await run(name);
      const [first, ...rest] = works();
      const go = p.beside('go');
      const shell = `touch begun.txt; [ -e ${go} ] || sleep 1000; ${first!.shell}`;
      p.model.turns = [{ ...first!, shell }, ...rest];
      await p.start();
      await p.inTool();
      writeFileSync(go, '');
      await p.ok('stop');
      await p.ok('resume', '--background');
      await p.ends('completed');
      expect(await p.outcomes()).toEqual(['killed', 'ok']);
    });
  });
}

const opencode = inject('agents').opencode.newest;
describe.skipIf('missing' in opencode)('opencode, by itself', { timeout: 2 * SLOW_MS }, () => {
  test('an answer that fails once is its own to get over', async () => {
    const p = await run('opencode');
    p.model.failures = [UNAVAILABLE];
    await p.start();
    await p.ends('completed');
    expect(await p.outcomes()).toEqual(['ok']);
    expect(p.model.failures).toEqual([]);
    expect(p.model.begun).toBe(2);
  });

  test('a request that nobody answers is ended by the watchdog, and the next attempt does the work', async () => {
    const p = await run('opencode', {
      config: { orchestrator: { session_delay_seconds: 0, idle_timeout_seconds: 10 } },
    });
    p.model.failures = [NEVER];
    await p.start();
    await p.ends('waiting', 'network');
    await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
    expect(await p.outcomes()).toEqual(['network', 'ok']);
    expect(p.model.failures).toEqual([]);
  });

  test('a budget of tokens ends it in the middle', async () => {
    const p = await run('opencode', { config: { limits: { attempt_tokens: 2500 } } });
    p.model.turns = [{ say: 'And on I go.', shell: 'sleep 1' }];
    await p.start();
    const view = await p.ends('blocked', 'budget');
    expect(await p.outcomes()).toEqual(['budget']);
    expect(view.total_tokens).toBeGreaterThan(2500);
  });
});

async function run(name: WayName, options: RealOptions = {}): Promise<RealProject> {
  const way = WAYS[name];
  const installed = inject('agents')[way.program].newest;
  if ('missing' in installed) throw new Error(installed.missing);
  const p = await RealProject.make(way, installed.command, options);
  onTestFinished(() => p.close());
  return p;
}
