/** What people ask for as a trigger becomes a definition. */
import { expect, test } from 'vitest';
import { definitionDraft } from '../../../src/contract/trigger.ts';
import { resolveDraft } from '../../../src/triggers/draft.ts';
import { commandSpec } from '../../support/instance.ts';

const NOW = Date.parse('2026-11-30T08:00:00Z');

test.each([
  [{ kind: 'watch', patterns: ['src'] }, 'queue'],
  [{ kind: 'webhook' }, 'queue'],
  [{ kind: 'every', every_seconds: 60 }, 'skip'],
  [{ kind: 'cron', cron: '@daily' }, 'skip'],
  [{ kind: 'at', at: '12h' }, 'skip'],
])('overlap of %o, where nothing is said of it, is %s', (when, overlap) => {
  const draft = (policy: Record<string, unknown>) =>
    definitionDraft.parse({ name: 'test', when, policy, task: commandSpec(['true'], '/') });
  expect(resolveDraft(draft({}), NOW).policy.overlap).toBe(overlap);
  expect(resolveDraft(draft({ overlap: 'replace' }), NOW).policy.overlap).toBe('replace');
});

test('a time that is given as a duration is known as one, also where the trigger is edited', () => {
  const draft = (at: string) =>
    definitionDraft.parse({
      name: 'test',
      when: { kind: 'at', at },
      policy: {},
      task: commandSpec(['true'], '/'),
    });
  const first = resolveDraft(draft('90m'), NOW);
  expect(first.when).toEqual({ kind: 'at', at: '2026-11-30T09:30:00.000Z', in_seconds: 5400 });
  expect(resolveDraft(draft('2026-11-30T09:30:00Z'), NOW).when).not.toHaveProperty('in_seconds');
  expect(resolveDraft(draft('2026-11-30T09:30:00Z'), NOW, first).when).toEqual(first.when);
});
