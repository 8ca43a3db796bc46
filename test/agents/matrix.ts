/**
 * What every real agent has to come through, one test for each thing that happens in a night: real programs under real
 * supervisors, with a model that does what the test wants. A file for each agent, so that they run side by side; the
 * tests of a file do, too, since most of a session is waiting.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, inject, type TestContext, test } from 'vitest';
import { marked } from '../support/instance.ts';
import { LIMITS, SUBSCRIPTION } from './limits.ts';
import { BAD_KEY, type Failure, NEVER, type Turn } from './model-server.ts';
import { UNAVAILABLE } from './nights.ts';
import { QUESTIONS } from './questions.ts';
import { type RealOptions, RealProject, works } from './real-project.ts';
import { type Real, WAYS } from './ways.ts';

/** Without it they work as they are, which is seen to work, too. */
const BWRAP = spawnSync('bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true']).status === 0;
const STRACE = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true']).status === 0;

/** No limit: an answer of its kind that says neither of which limit it is nor when that ends. */
const TOO_MANY: Failure = {
  status: 429,
  body: {
    type: 'error',
    error: { code: 429, message: 'slower', status: 'RESOURCE_EXHAUSTED', type: 'rate_limit_error' },
  },
};
const OVERLOADED: Failure = {
  status: 529,
  body: { type: 'error', error: { message: 'Overloaded', type: 'overloaded_error' } },
};
/** What each of them gets over by itself, with the patience for all of these that the user may have set. */
const GOT_OVER: Readonly<Record<Real, { failures: Failure[]; patience: RealOptions }>> = {
  claude: {
    failures: [TOO_MANY, OVERLOADED, UNAVAILABLE],
    patience: { env: { CLAUDE_CODE_MAX_RETRIES: '3' } },
  },
  // To codex any 429 is a limit.
  codex: { failures: [UNAVAILABLE], patience: {} },
  gemini: { failures: [TOO_MANY, UNAVAILABLE], patience: { settings: { general: { maxAttempts: 3 } } } },
};
/** The work in two halves: the first hangs in a tool, with a server in a session of its own beside it. */
const halves = (): Turn[] => [
  {
    say: 'I begin.',
    shell: '[ -e half.txt ] || { echo half > half.txt; setsid sleep 1000 & touch begun.txt; sleep 1000; }',
  },
  ...works(),
];

const TURN_LIMITS: Readonly<Record<Real, RealOptions | null>> = {
  claude: { args: ['--max-turns', '2'] },
  codex: null,
  gemini: { settings: { model: { maxSessionTurns: 2 } } },
};

export function matrix(real: Real): void {
  const installed = inject('agents')[real].newest;
  if ('missing' in installed) {
    test.skip(`${real} is not installed: ${installed.missing}`, () => {});
    return;
  }
  type Make = (options?: RealOptions) => Promise<RealProject>;
  const when = (what: string, body: (project: Make, context: TestContext) => Promise<void>, skip = false) =>
    test.skipIf(skip)(what, async context => {
      await body(async (options = {}) => {
        const p = await RealProject.make(WAYS[real], installed.command, options);
        context.onTestFinished(async () => {
          await p.close();
          expect(p.model.strange).toEqual([]);
        });
        return p;
      }, context);
    });
  const begun = (p: RealProject) =>
    p.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun.txt')));

  describe.concurrent(real, () => {
    when('a whole task: three subtasks, their commits, results and tokens', async project => {
      const subtasks = [{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['b'] }];
      const p = await project({ subtasks });
      await p.start();
      const view = await p.ends('completed');
      expect(view.verified).toBe(true);
      const done = view.subtasks.filter(s => ['a', 'b', 'c'].includes(s.id));
      expect(done.map(s => s.history.map(h => h.outcome))).toEqual([['ok'], ['ok'], ['ok']]);
      expect(view.total_commits).toBe(3);
      expect([view.total_input_tokens, view.total_output_tokens]).toEqual([9000, 360]);
      expect(view.total_cost_usd !== null).toBe(real === 'claude');
      expect(p.git('show', `${view.commit}:work.txt`).split('\n')).toHaveLength(3);
      expect(p.summaries()).toEqual(Array(3).fill('wrote work.txt'));
      expect(p.model.begun).toBe(3);
      if (BWRAP) expect(p.sandboxes()).toEqual(Array(3).fill('bubblewrap'));
      expect(p.model.requests.every(request => request.key?.endsWith('test-key'))).toBe(true);
    });

    when(
      'nobody but the model is spoken to (skipped without strace)',
      async (project, { onTestFinished }) => {
        const trace = join(mkdtempSync(join(tmpdir(), 'rasen-agent-')), 'connects');
        onTestFinished(() => rmSync(join(trace, '..'), { recursive: true }));
        const p = await project({
          writes: [dirname(trace)],
          through: ['strace', '-f', '--seccomp-bpf', '-qq', '-e', 'trace=connect,sendto', '-o', trace],
        });
        await p.start();
        await p.ends('completed');
        const port = new URL(p.model.url).port;
        const to = readFileSync(trace, 'utf8')
          .split('\n')
          .filter(line => /sa_family=AF_INET/.test(line))
          .map(
            line =>
              `${/inet_(?:addr|pton)\([^"]*"([^"]+)"/.exec(line)?.[1]}:${/htons\((\d+)\)/.exec(line)?.[1]}`,
          );
        expect(to.length).toBeGreaterThan(0);
        expect([...new Set(to)]).toEqual([`127.0.0.1:${port}`]);
      },
      !STRACE,
    );

    when('answers that fail once are the program’s own to get over', async project => {
      const { failures, patience } = GOT_OVER[real];
      const p = await project(patience);
      p.model.failures = [...failures];
      await p.start();
      await p.ends('completed');
      expect(await p.outcomes()).toEqual(['ok']);
      expect(p.model.failures).toEqual([]);
    });

    when('a model that is overloaded for longer is waited for', async project => {
      const p = await project();
      p.model.down = UNAVAILABLE;
      await p.start();
      const waiting = await p.ends('waiting', 'overloaded');
      expect(waiting.resume_at).not.toBeNull();
      p.model.down = null;
      const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
      expect([view.status, view.reason]).toEqual(['completed', null]);
      expect(await p.outcomes()).toEqual(['overloaded', 'ok']);
    });

    when('a usage limit is waited out, to the time that is stated', async project => {
      const p = await project({ env: real === 'claude' ? SUBSCRIPTION : {} });
      let resets = 0;
      p.model.down = () => {
        resets = Math.ceil(Date.now() / 1000) + 2;
        return LIMITS[real](resets);
      };
      await p.start();
      const waiting = await p.ends('waiting', 'limit');
      p.model.down = null;
      const said = Date.parse(waiting.subtasks.find(s => s.id === 'a')!.history[0]!.ended_at);
      const late = Date.parse(waiting.resume_at!) - Math.max(resets * 1000, said);
      expect(late).toBeGreaterThanOrEqual(0);
      // Gemini says no time: it is tried again after a quarter of an hour.
      expect(late).toBeLessThan(real === 'gemini' ? 16 * 60_000 : 2000);
      if (real === 'gemini') {
        await p.ok('stop');
        await p.ok('resume', '--background');
      }
      const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
      expect([view.status, view.reason]).toEqual(['completed', null]);
      expect(await p.outcomes()).toEqual(['limit', 'ok']);
    });

    // Codex has none.
    const own = TURN_LIMITS[real];
    when(
      'a limit of turns that the user set in the program itself: what was reached is judged, and a person is asked',
      async project => {
        const p = await project(own!);
        p.model.turns = [{ say: 'And on I go.', shell: 'true' }];
        await p.start();
        await p.ends('blocked', 'budget');
        expect(await p.outcomes()).toEqual(['budget']);
        expect(p.model.requests.length).toBeLessThan(5);
      },
      own === null,
    );

    when(
      'a budget of tokens ends it in the middle',
      async project => {
        const p = await project({ config: { limits: { attempt_tokens: 2500 } } });
        p.model.turns = [{ say: 'And on I go.', shell: 'sleep 1' }];
        await p.start();
        const view = await p.ends('blocked', 'budget');
        expect(await p.outcomes()).toEqual(['budget']);
        expect(view.total_tokens).toBeGreaterThan(2500);
      },
      real === 'gemini',
    );

    when('a key that is refused blocks the task', async project => {
      const p = await project();
      p.model.down = BAD_KEY;
      await p.start();
      await p.ends('blocked', 'auth');
      expect(await p.outcomes()).toEqual(['auth']);
    });

    when(
      'a request that nobody answers is ended by the watchdog, and the next attempt does the work',
      async project => {
        const p = await project({
          config: { orchestrator: { session_delay_seconds: 0, idle_timeout_seconds: 6 } },
        });
        p.model.failures = [NEVER];
        await p.start();
        // It has heard nothing, so it is the service that is waited for.
        await p.ends('waiting', 'network');
        await p.seen('it goes on', v => v.status !== 'waiting');
        await p.ends('completed');
        expect(await p.outcomes()).toEqual(['network', 'ok']);
        expect(p.model.begun).toBe(2);
      },
    );

    when(
      '`rasen stop` in a tool: nothing is left, and `rasen resume` goes on from what there was',
      async project => {
        const p = await project();
        p.model.turns = halves();
        await p.start();
        await begun(p);
        await p.ok('stop');
        expect(marked(p.instance.home)).toEqual([]);
        expect((await p.view()).status).toBe('interrupted');
        await p.ok('resume', '--background');
        const view = await p.ends('completed');
        expect(await p.outcomes()).toEqual(['killed', 'ok']);
        expect(p.git('show', `${view.commit}:half.txt`)).toBe('half');
      },
    );

    when('killed in a tool: what is left is swept, and the next attempt does the work', async project => {
      const p = await project();
      p.model.turns = halves();
      await p.start();
      await begun(p);
      const [first] = p.model.requests;
      const program = installed.command.at(-1)!;
      const agent = marked(p.instance.home).filter(found => found.command.includes(program));
      expect(first && agent.length).toBeGreaterThan(0);
      for (const { pid } of agent) process.kill(pid, 'SIGKILL');
      const view = await p.ends('completed');
      expect(await p.outcomes()).toEqual(['failed', 'ok']);
      expect(p.git('show', `${view.commit}:half.txt`)).toBe('half');
    });

    when('the supervisor is killed while it works: adopted, and ended in the same session', async project => {
      const p = await project();
      const [first, ...rest] = works();
      const go = p.beside('go');
      // Its own folder is the only one that every agent lets its commands write.
      const shell = `touch begun.txt; until [ -e ${go} ]; do sleep 0.1; done; ${first!.shell}`;
      p.model.turns = [{ ...first!, shell }, ...rest];
      await p.start();
      await begun(p);
      await p.crash();
      await p.ok('resume', '--background');
      writeFileSync(go, '');
      await p.ends('completed');
      expect(await p.outcomes()).toEqual(['ok']);
      expect(p.model.begun).toBe(1);
    });

    when(
      '8: in a home that is new and a folder that nobody trusted, what it asks gets its end at once',
      async project => {
        const p = await project();
        const asks = QUESTIONS[real].map(tool => ({ say: 'I ask.', tool }));
        p.model.turns = [...asks, ...works()];
        await p.start();
        await p.ends('completed');
        expect(await p.outcomes()).toEqual(['ok']);
        expect(p.model.begun).toBe(1);
      },
    );
  });
}
