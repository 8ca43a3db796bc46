/** `rasen report` after a night: what happened, what it cost, what needs a person and what to type next. */
import { expect, test } from 'vitest';
import type { Report } from '../../src/contract/report.ts';
import { projects } from '../support/projects.ts';
import { type Act, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const limit: Act[] = [{ claim: { status: 'limit', summary: 'usage limit reached', retry_after_seconds: 1 } }];
const used = { input_tokens: 20_000, output_tokens: 500 };

test('a task through a limit and a crash, one that needs somebody, and both in one line', async () => {
  const p = project({
    script: {
      a: [
        limit,
        [
          ...WORKS.slice(0, 2),
          { claim: { status: 'done', usage: used, followups: ['the tests of login are slow'] } },
        ],
      ],
      b: [[{ write: { 'b.txt': 'BROKEN\n' } }], WORKS],
      c: [[{ await: '{project}/../go' }, { claim: { status: 'blocked', summary: 'which database?' } }]],
    },
  });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['b'] }]);
  await p.ok('run', '--background');
  await p.session('c');
  await p.crash();
  await p.instance.start();
  p.write({ '../go': '' });
  expect((await p.rasen('wait')).status).toBe(3);
  const { id, branch } = await p.view();

  const report: Report = JSON.parse(await p.ok('report', '--format', 'json'));
  expect(report.since).not.toBeNull();
  expect(report.totals).toMatchObject({ tasks: 1, needs_you: 1, by_status: { blocked: 1 }, cost_usd: null });
  expect(report.tasks).toMatchObject([
    {
      id,
      status: 'blocked',
      why: 'question',
      needs_you: true,
      next: `rasen answer ${id} "…"`,
      subtasks: { total: 3, completed: 2, failed: 0 },
      attempts: { ok: 2, gate_failed: 1, limit: 1, asked: 2 },
      refused: { 'sh check.sh': 1 },
      waits: [{ why: 'limit', until: expect.any(String) }],
      restarts: 1,
      reboots: 0,
      followups: [{ step: 'a', text: 'the tests of login are slow' }],
      commits: 3,
      total_tokens: 20_500,
      branch,
    },
  ]);

  const text = await p.ok('report');
  expect(text).toMatch(
    /^1 task since [-\d]+ [:\d]+: 1 blocked · 20\.5 k tokens · needs you: 1\n\nblocked \(question\)/,
  );
  expect(text).toContain(
    `\n  Why: c, attempt 2: the agent asks: which database?\n  Next: rasen answer ${id} "…"\n`,
  );
  expect(text).toContain('2/3 subtasks · 6 attempts: 2 asked, 2 ok, 1 gate_failed (sh check.sh 1), 1 limit');
  expect(text).toMatch(/\n {2}waited once: limit \d+s from /);
  expect(text).toMatch(
    /\n {2}went on by itself after 1 restart\n {2}left for later \(a\): the tests of login are slow\n$/,
  );

  // One task by its name, from its beginning; nothing of it is newer than now.
  expect(await p.ok('report', id)).toMatch(/^1 task: 1 blocked · /);
  expect(await p.ok('report', '.', '--since', '2099-01-01T00:00')).toMatch(
    /^1 task since 2099.* · 0 tokens · /,
  );
  expect(await p.rasen('report', 'nobody')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('no task "nobody"'),
  });
  expect(await p.rasen('report', '--since', 'soon')).toMatchObject({ status: 2 });
});
