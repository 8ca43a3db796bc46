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
