/**
 * Nights in which the service goes away, for every way to use every agent, in two versions: each one has to end with the
 * work done, or with a person who is told what only a person can mend. RASEN_TEST_LONG=1: all of them with both
 * versions, and for longer; else each of them with the newest, and the first with the older, too, where that is installed;
 * and where a program is spoken with in two ways, what rasen does by itself is shown with one of them.
 */
import { writeFileSync } from 'node:fs';
import { describe, expect, inject, test } from 'vitest';
import { until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';
import { dollarsOf, noteCounted } from './counted.ts';
import { LIMITS, SUBSCRIPTION } from './limits.ts';
import { CUT, type Failure, Hold, NEVER, type Tokens } from './model-server.ts';
import { type RealOptions, RealProject, works } from './real-project.ts';
import { AGES, type Age } from './setup.ts';
import { WAYS, type Way, type WayName } from './ways.ts';

/** Of a test, on a machine that has other things to do. */
const NIGHT_MS = 240_000;
const SLOW_MS = 600_000;

export const UNAVAILABLE: Failure = {
  status: 503,
  body: { error: { code: 503, message: 'busy', status: 'UNAVAILABLE', type: 'overloaded_error' } },
};

/** Whatever is tried, the service says that it is too much. */
const TOO_LONG: Readonly<Record<Way['program'], Failure>> = {
  claude: {
    status: 400,
    body: {
      type: 'error',
      error: {
        type: 'invalid_request_error',
        message: 'prompt is too long: 210000 tokens > 200000 maximum',
      },
    },
  },
  codex: {
    status: 200,
    body: null,
    events: [
      { type: 'response.created', response: { id: 'resp_1' } },
      {
        type: 'response.failed',
        response: {
          id: 'resp_1',
          error: {
            code: 'context_length_exceeded',
            message: 'Your input exceeds the context window of this model.',
          },
        },
      },
    ],
  },
  gemini: {
    status: 400,
    body: {
      error: {
        code: 400,
        message: 'The input token count (1300000) exceeds the maximum number of tokens allowed (1048576).',
        status: 'INVALID_ARGUMENT',
      },
    },
  },
  opencode: {
    status: 400,
    body: {
      error: {
        message:
          "This model's maximum context length is 200000 tokens. However, your messages resulted in 210000 tokens.",
        type: 'invalid_request_error',
        code: 'context_length_exceeded',
      },
    },
  },
};

/** No failure that counts may be among those of the night: there is one attempt. */
const ONE_ATTEMPT = { limits: { attempts: 1 } };
const impatient = (more: Record<string, unknown>) => ({
  config: { orchestrator: { session_delay_seconds: 0, ...more }, ...ONE_ATTEMPT },
});

/** Different ones each time, so that nothing that is counted twice or left out stays unseen. */
const uneven = (n: number): Tokens => ({ input: 1000 + 137 * n, cached: 300 + 11 * n, output: 40 + 7 * n });

export function nights(name: WayName): void {
  for (const age of AGES) nightsOf(name, age);
}

function nightsOf(name: WayName, age: Age): void {
  const way: Way = WAYS[name];
  const installed = inject('agents')[way.program][age];
  if ('missing' in installed) {
    test.skip(`${name}, ${age}: is not installed: ${installed.missing}`, () => {});
    return;
  }
  const who = `${name} ${installed.version}`;

  const night = (
    what: string,
    body: (project: (options?: RealOptions) => Promise<RealProject>) => Promise<void>,
    { both = false, skip = false, by_itself = false } = {},
  ) =>
    test.skipIf(skip || !(LONG || both || age === 'newest') || (by_itself && !LONG && way.backend === 'acp'))(
      what,
      async ({ onTestFailed, onTestFinished }) => {
        await body(async (options = {}) => {
          const p = await RealProject.make(way, installed.command, options);
          p.model.tokens = uneven;
          let words = '';
          onTestFailed(() => console.log(`${who}, ${what}:\n${words}`));
          onTestFinished(async () => {
            words = p.lastWords();
            await p.close();
            expect(p.model.strange).toEqual([]);
          });
          return p;
        });
      },
    );

  /** Until it waits for this, and then without the waiting. */
  const waits = async (p: RealProject, why: string[]) => {
    const view = await p.over();
    expect([view.status, why.includes(view.why ?? '')], `${view.why}: ${view.reason}`).toEqual([
      'waiting',
      true,
    ]);
    return view;
  };
  const works_again = async (p: RealProject) => {
    p.model.down = null;
    const view = await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
    expect([view.status, view.reason]).toEqual(['completed', null]);
    return view;
  };
  const count = async (p: RealProject, what: string) => {
    const view = await p.view();
    const { total_input_tokens: input, total_output_tokens: output, total_cost_usd: usd } = view;
    const partial = p.sessionsSeen().some(({ usage }) => usage?.partial);
    noteCounted({ who, what, server: p.model.spent, rasen: { input, output, usd }, partial });
    return { input, output, usd, partial };
  };
  const near = (ours: number, theirs: number) => Math.abs(ours - theirs) <= theirs / 100;

  describe.concurrent(who, { timeout: way.slow ? SLOW_MS : NIGHT_MS }, () => {
    night(
      'a whole task: every event is known, tokens and dollars are those of the server',
      async project => {
        const p = await project({ subtasks: [{ id: 'a' }, { id: 'b', needs: ['a'] }] });
        await p.start();
        const view = await p.ends('completed');
        expect(view.verified).toBe(true);
        expect(p.sessionsSeen().map(s => [s.outcome, s.unknown, s.unreadable])).toEqual([
          ['ok', {}, 0],
          ['ok', {}, 0],
        ]);
        const { input, output, usd, partial } = await count(p, 'a whole task');
        const { spent } = p.model;
        expect([near(input, spent.input), near(output, spent.output), partial]).toEqual([true, true, false]);
        expect(usd !== null).toBe(way.says_cost);
        if (usd !== null) expect(near(usd, dollarsOf(spent))).toBe(true);
      },
      { both: true },
    );

    night('a 503 throughout is waited for, and uses up no attempt', async project => {
      const p = await project(impatient({ session_timeout_seconds: LONG ? 60 : 120 }));
      p.model.down = UNAVAILABLE;
      await p.start();
      await waits(p, ['overloaded', 'network']);
      await works_again(p);
      await count(p, '503 at first');
    });

    night('every answer cut is waited for', async project => {
      const p = await project(impatient({}));
      p.model.down = CUT;
      await p.start();
      await waits(p, ['overloaded', 'network']);
      await works_again(p);
    });

    night(
      'a service that hangs before the first byte, again and again',
      async project => {
        const p = await project(impatient({ idle_timeout_seconds: 6 }));
        p.model.down = NEVER;
        await p.start();
        await waits(p, ['network']);
        await p.seen(
          'it was tried again',
          v => (v.subtasks.find(s => s.id === 'a')?.history.length ?? 0) > 1,
        );
        await waits(p, ['network']);
        await works_again(p);
      },
      { by_itself: true },
    );

    night('what never fits into its context ends, and a person is asked', async project => {
      const p = await project({ config: { orchestrator: { session_delay_seconds: 0 } } });
      p.model.down = TOO_LONG[way.program];
      await p.start();
      const view = await p.over();
      expect([view.status, view.why], view.reason ?? '').toEqual(['blocked', 'attempts']);
      expect(await p.outcomes()).toEqual(['context', 'context']);
      expect(p.model.requests.length).toBeLessThan(30);
    });

    night(
      'a key that is changed in the shell counts when the task is resumed',
      async project => {
        const p = await project();
        const good = 'another-test-key';
        p.model.accepts = key => key.endsWith(good);
        await p.start();
        await p.ends('blocked', 'auth');
        for (const key of Object.keys(way.env(''))) if (key.endsWith('_API_KEY')) p.instance.env[key] = good;
        const { status, stderr } = await p.rasen('resume', '--background');
        expect([status, stderr]).toEqual([0, expect.stringMatching(/from this shell now: \w+_API_KEY\n/)]);
        await p.ends('completed');
      },
      { by_itself: true },
    );

    night('killed in a tool: the next session does the work, and what was used is known', async project => {
      const p = await project();
      const [first, ...rest] = works();
      p.model.turns = [
        {
          say: 'I begin.',
          shell: '[ -e half.txt ] || { echo half > half.txt; touch begun.txt; sleep 1000; }',
        },
        first!,
        ...rest,
      ];
      await p.start();
      await p.inTool();
      expect(p.killAgent(installed.command.at(-1)!)).toBeGreaterThan(0);
      await p.ends('completed');
      expect(await p.outcomes()).toEqual(['failed', 'ok']);
      await count(p, 'killed in a tool');
    });

    const program = installed.command.at(-1)!;
    const THREE = ['a', 'b', 'c'];
    /** Attempts of the three, by how they ended. */
    const attempts = async (p: RealProject) =>
      (await p.view()).subtasks
        .filter(({ id }) => THREE.includes(id))
        .flatMap(s => s.history.map(h => `${s.id} ${h.outcome}`));

    night(
      'a limit with three subtasks that need nobody: one session meets it, and the others wait with it',
      async project => {
        const subtasks = THREE.map(id => ({ id }));
        const { program: agent } = way;
        const env = agent === 'claude' ? SUBSCRIPTION : {};
        const more = agent === 'opencode' ? { session_timeout_seconds: 120 } : {};
        const p = await project({ ...impatient(more), env, subtasks });
        let resets = 0;
        // OpenCode sleeps through a limit: with it the service is away.
        p.model.down = () => {
          resets ||= Math.ceil(Date.now() / 1000) + 20;
          return agent === 'opencode' ? UNAVAILABLE : LIMITS[agent](resets);
        };
        await p.start();
        await waits(p, agent === 'opencode' ? ['overloaded', 'network'] : ['limit']);
        const met = await attempts(p);
        expect(met).toEqual([expect.stringMatching(agent === 'opencode' ? /^a / : /^a limit$/)]);
        p.model.down = null;
        // Gemini states no time, and is tried again after a quarter of an hour.
        await p.ok('stop');
        await p.ok('resume', '--background');
        await works_again(p);
        const all = await attempts(p);
        expect(all.filter(one => one.endsWith(' ok')).toSorted()).toEqual(['a ok', 'b ok', 'c ok']);
        console.log(`${who}: sessions into the known limit: ${met.length}; in all: ${all.join(', ')}`);
      },
      { skip: !LONG && !['claude', 'codex'].includes(name) },
    );

    night(
      'an outage that is longer than the session may last, twice: it is waited for, and no attempt is used',
      async project => {
        const p = await project(impatient({ session_timeout_seconds: 15 }));
        p.model.down = NEVER;
        await p.start();
        await waits(p, ['network', 'overloaded']);
        await p.seen('it was tried again', v => v.subtasks.find(s => s.id === 'a')!.history.length > 1);
        await waits(p, ['network', 'overloaded']);
        const lost = await p.outcomes();
        p.model.down = null;
        await p.ok('stop');
        // The programs need longer to begin, on a machine that is busy.
        await p.ok('resume', '--background');
        const view = await p.seen('it is over', v => ['completed', 'blocked'].includes(v.status));
        console.log(`${who}: outage: ${lost.join(', ')}; then ${view.status} ${view.reason ?? ''}`);
        expect([...new Set(lost)].filter(one => !['network', 'overloaded'].includes(one ?? ''))).toEqual([]);
        expect(view.status).toBe('completed');
      },
      { skip: !LONG },
    );

    /** At which moment of a session; gives when that has come. */
    const PHASES = {
      'before the first byte': (p: RealProject) => held(p, 'head'),
      'in the middle of an answer': (p: RealProject) => held(p, 'middle'),
      'in a tool': (p: RealProject) => {
        const [first, ...rest] = works();
        const shell = `[ -e half.txt ] || { echo half > half.txt; touch begun.txt; until [ -e ${p.beside('go')} ]; do sleep 0.1; done; }; ${first!.shell}`;
        p.model.turns = [{ ...first!, shell }, ...rest];
        return { reached: p.inTool(), release: () => writeFileSync(p.beside('go'), '') };
      },
      'after its last answer': (p: RealProject) => ({
        reached: until('it has all answers', () => p.model.answers >= works().length, SLOW_MS),
        release: () => {},
      }),
    };
    const held = (p: RealProject, at: Hold['at']) => {
      const hold = new Hold(at);
      p.model.hold = hold;
      return { reached: hold.reached, release: () => hold.release() };
    };

    for (const [when, at] of Object.entries(PHASES)) {
      night(
        `SIGKILL of the agent ${when}: the work is done in the end`,
        async project => {
          const p = await project();
          const moment = at(p);
          await p.start();
          await moment.reached;
          const killed = p.killAgent(program);
          // After its last answer it may be gone by itself.
          if (when !== 'after its last answer') expect(killed).toBeGreaterThan(0);
          moment.release();
          const view = await p.ends('completed');
          const outcomes = await p.outcomes();
          const lines = p.git('show', `${view.commit}:work.txt`).split('\n').length;
          console.log(
            `${who}: agent killed ${when}: ${outcomes.join(', ')}; ${p.model.begun} sessions begun, work done ${lines} time(s)`,
          );
          expect([view.verified, outcomes.at(-1), outcomes.length <= 2]).toEqual([true, 'ok', true]);
          if (when !== 'after its last answer') expect(lines).toBe(1);
        },
        { skip: !LONG },
      );

      night(
        `SIGKILL of the supervisor ${when}: the session lives on, is taken over and counts`,
        async project => {
          const p = await project();
          const moment = at(p);
          await p.start();
          await moment.reached;
          await p.crash();
          await p.ok('resume', '--background');
          moment.release();
          const view = await p.ends('completed');
          const outcomes = await p.outcomes();
          console.log(
            `${who}: supervisor killed ${when}: ${outcomes.join(', ')}; ${p.model.begun} sessions begun`,
          );
          expect([outcomes, p.model.begun]).toEqual([['ok'], 1]);
          expect(p.git('show', `${view.commit}:work.txt`).split('\n')).toHaveLength(1);
        },
        { skip: !LONG },
      );
    }
  });
}
