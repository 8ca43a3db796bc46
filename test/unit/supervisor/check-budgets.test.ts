/** Which limits `rasen run` says that it cannot count. */
import { expect, it } from 'vitest';
import { uncounted } from '../../../src/supervisor/check-budgets.ts';
import { planOf, specOf } from '../../support/task-builder.ts';

const notes = (agents: Record<string, string>, limits: object, own: object = {}) => {
  const of = ([role, backend]: [string, string]) => [role, { backend, command: [backend] }];
  const spec = specOf({
    agents: Object.fromEntries(Object.entries(agents).map(of)),
    limits,
    plan: planOf([{ id: 'a', limits: own }]),
  });
  return uncounted(spec);
};

it('dollars of programs that do not say what they cost, and tokens of those that say nothing', () => {
  expect(notes({ coder: 'claude', qa: 'opencode' }, { usd: 5, tokens: 9 })).toEqual([]);
  expect(notes({ coder: 'codex' }, { tokens_per_day: 9 })).toEqual([]);
  expect(notes({ coder: 'claude', reviewer: 'codex' }, { usd_per_day: 5 })).toEqual([
    'limits in dollars do not count sessions of codex: it does not say what they cost',
  ]);
  expect(notes({ coder: 'acp' }, {}, { usd: 5 })).toEqual([
    'limits in dollars count sessions of acp only where the program says what they cost',
  ]);
  expect(notes({ coder: 'command', reviewer: 'command' }, { attempt_tokens: 5 })).toHaveLength(1);
  expect(notes({ coder: 'command' }, {})).toEqual([]);
  const kinds: [limits: object, own?: object][] = [
    [{ tokens: 9 }],
    [{ attempt_tokens: 9 }],
    [{}, { tokens: 9 }],
  ];
  for (const [limits, own] of kinds)
    expect(notes({ coder: 'gemini' }, limits, own)).toEqual([
      'limits in tokens do not count sessions of gemini that are stopped before their end',
    ]);
  expect(notes({ coder: 'gemini' }, {})).toEqual([]);
});
