/**
 * Nights in which the service goes away, for every way to use every agent, in two versions: each one has to end with the
 * work done, or with a person who is told what only a person can mend. RASEN_TEST_LONG=1: all of them with both
 * versions, and for longer; else each of them with the newest, and the first with the older, too, where that is installed.
 */
import { describe, expect, inject, test } from 'vitest';
import { dollarsOf, noteCounted } from './counted.ts';
import { CUT, type Failure, NEVER, type Tokens } from './model-server.ts';
import { type RealOptions, RealProject, works } from './real-project.ts';
import { AGES, type Age } from './setup.ts';
import { WAYS, type Way, type WayName } from './ways.ts';

/** Of a test, on a machine that has other things to do. */
const NIGHT_MS = 240_000;
const SLOW_MS = 600_000;

const LONG = process.env.RASEN_TEST_LONG === '1';

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
    { both = false, skip = false } = {},
  ) =>
    test.skipIf(skip || !(LONG || both || age === 'newest'))(
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

    night('a service that hangs before the first byte, again and again', async project => {
      const p = await project(impatient({ idle_timeout_seconds: 6 }));
      p.model.down = NEVER;
      await p.start();
      await waits(p, ['network']);
      await p.seen('it was tried again', v => (v.subtasks.find(s => s.id === 'a')?.history.length ?? 0) > 1);
      await waits(p, ['network']);
      await works_again(p);
    });

    night('what never fits into its context ends, and a person is asked', async project => {
      const p = await project({ config: { orchestrator: { session_delay_seconds: 0 } } });
      p.model.down = TOO_LONG[way.program];
      await p.start();
      const view = await p.over();
      expect([view.status, view.why], view.reason ?? '').toEqual(['blocked', 'attempts']);
      expect(await p.outcomes()).toEqual(['context', 'context']);
      expect(p.model.requests.length).toBeLessThan(30);
    });

    night('a key that is changed in the shell counts when the task is resumed', async project => {
      const p = await project();
      const good = 'another-test-key';
      p.model.accepts = key => key.endsWith(good);
      await p.start();
      await p.ends('blocked', 'auth');
      for (const key of Object.keys(way.env(''))) if (key.endsWith('_API_KEY')) p.instance.env[key] = good;
      const { status, stderr } = await p.rasen('resume', '--background');
      expect([status, stderr]).toEqual([0, expect.stringMatching(/from this shell now: \w+_API_KEY\n/)]);
      await p.ends('completed');
    });

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
  });
}
