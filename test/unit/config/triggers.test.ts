/** `triggers` of rasen.yml: what is read, what of it becomes a definition, and what is wrong with it at which place. */
import { expect, test } from 'vitest';
import * as parts from '../../../src/config/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { triggerDraft } from '../../../src/config/trigger-spec.ts';
import { orderOfTrigger } from '../../../src/submit/order.ts';
import { project, refusal } from './support.ts';

const load = (text: string, more: Record<string, string> = {}) =>
  loadConfig({ project: project({ ...more, 'rasen.yml': text }), env: {} });
const draftOf = (text: string) =>
  triggerDraft(load(`triggers:\n  t: {${text}, task: {run: [make]}}\n`).settings.triggers.t!);

test.each([
  ['every: 90s', { kind: 'every', every_seconds: 90, from: null }],
  ['cron: "0 2 * * *"', { kind: 'cron', cron: '0 2 * * *' }],
  ['at: "2030-01-01 02:00", tz: Asia/Tokyo', { kind: 'at', at: '2029-12-31T17:00:00.000Z' }],
  ['webhook: true', { kind: 'webhook' }],
  ['watch: src/**', { kind: 'watch', patterns: ['src/**'], ignore: [], outputs: [], debounce_ms: 500 }],
  [
    'watch: [a, b], ignore: "*.md", outputs: [dist/**], debounce: 2s',
    { kind: 'watch', patterns: ['a', 'b'], ignore: ['*.md'], outputs: ['dist/**'], debounce_ms: 2000 },
  ],
])('%s', (text, when) => {
  expect(draftOf(text).when).toEqual(when);
});

test('every key of the policy is taken, and what is not written has its default', () => {
  const { policy } = draftOf(
    'every: 1h, overlap: replace, catch_up: all, max_late: 2h, jitter: 30s, tz: Europe/Berlin, until: "2030-01-01 00:00", max_runs: 7, pause_after: null, keep: 3, notify: always, expect_within: 1d',
  );
  expect(policy).toEqual({
    ...{
      overlap: 'replace',
      catch_up: 'all',
      max_late_seconds: 7200,
      jitter_seconds: 30,
      tz: 'Europe/Berlin',
    },
    ...{ until: '2029-12-31T23:00:00.000Z', max_runs: 7, pause_after: null, keep: 3, notify: 'always' },
    expect_within_seconds: 86_400,
  });
  expect(draftOf('every: 1h').policy).toMatchObject({
    overlap: 'skip',
    catch_up: 'one',
    pause_after: 5,
    keep: 20,
  });
  expect(draftOf('watch: src').policy).toMatchObject({ overlap: 'queue' });
  expect(draftOf('webhook: true').policy).toMatchObject({ overlap: 'queue' });
});

test('a task is a command, a file of subtasks, or work for an agent', () => {
  const config = load(
    'backend: claude\ngates: [[make, check]]\ntriggers:\n  a: {every: 1h, task: {run: [make, all]}}\n  b: {every: 1h, task: {file: p.yml}}\n  c: {every: 1h, task: {goal: Tidy up.}}\n',
    { 'p.yml': 'subtasks:\n  one: [true]\n' },
  );
  const specOf = (name: string) =>
    orderOfTrigger(parts, config.settings.triggers[name]!.task, config, {}, { name }).spec;
  expect(specOf('a')).toMatchObject({ name: 'a', goal: 'make all', workspace: { kind: 'folder' } });
  expect(specOf('b').plan!.subtasks.map(({ id }) => id)).toEqual(['one']);
  expect(specOf('c')).toMatchObject({
    goal: 'Tidy up.',
    plan: null,
    agents: { coder: { backend: 'claude' } },
  });
});

test.each([
  ['triggers: 5', '1:11: triggers: found 5, wanted a map of triggers'],
  ['triggers:\n  t: {every: 1h}', '2:6: triggers.t: has no task'],
  [
    'triggers:\n  t: {task: {run: [x]}}',
    '2:6: triggers.t: has no time: one of at, every, cron, watch, webhook',
  ],
  [
    'triggers:\n  t: {every: 1h, cron: "@daily", task: {run: [x]}}',
    '2:6: triggers.t: has every and cron; keep one of them',
  ],
  [
    'triggers:\n  t: {cron: "61 * * * *", task: {run: [x]}}',
    '2:13: triggers.t.cron: "61 * * * *" is not a cron expression: ',
  ],
  ['triggers:\n  t: {at: "02:00", task: {run: [x]}}', '2:11: triggers.t.at: "02:00" is not a date and time'],
  [
    'triggers:\n  t: {every: 1h, tz: Mars, task: {run: [x]}}',
    '2:22: triggers.t.tz: "Mars" is not a time zone',
  ],
  ['triggers:\n  t: {every: 1h, overlap: skipp, task: {run: [x]}}', 'triggers.t.overlap: found "skipp"'],
  ['triggers:\n  t: {every: 1h, ignore: x, task: {run: [x]}}', '2:18: triggers.t.ignore: is for watch'],
  [
    'triggers:\n  t: {every: 1h, task: {run: [x], goal: y}}',
    '2:24: triggers.t.task: needs one of run, file and goal',
  ],
  ['triggers:\n  t: {every: 1h, task: {run: npm test}}', 'triggers.t.task.run: found "npm test"'],
  ['triggers:\n  "a b": {every: 1h, task: {run: [x]}}', '2:3: triggers.a b: is not a name'],
])('%s', (text, problem) => {
  expect(refusal(() => load(`${text}\n`)).message).toContain(problem);
});
