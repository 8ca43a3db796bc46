/** Relay with real agents: claude meets its limit, codex finishes what it has begun, and claude is back at the next subtask. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { LIMITS, SUBSCRIPTION } from './limits.ts';
import { RealProject, works } from './real-project.ts';
import { WAYS } from './ways.ts';

const { claude, codex } = inject('agents');
const [first, next] = [claude.newest, codex.newest];
const skip = 'missing' in first || 'missing' in next;

test.skipIf(skip)('claude at its limit: codex finishes, and then claude is back', async context => {
  if ('missing' in first || 'missing' in next) return;
  const p = await RealProject.make(WAYS.claude, first.command, {
    relay: { way: WAYS.codex, command: next.command },
    config: { limits: { relay_after: '1s', attempts: 2 } },
    env: SUBSCRIPTION,
    subtasks: [{ id: 'a' }, { id: 'b', needs: ['a'] }],
  });
  context.onTestFinished(() => p.close());
  // Until somebody says go: by then the limit is over. Codex asks again after ten seconds of a command.
  const waits = `touch begun.txt; until [ -e '${p.beside('go')}' ]; do sleep 0.1; done`;
  p.model.turns = [{ say: 'I begin.', shell: waits }, ...works()];
  p.model.down = () => LIMITS.claude(Math.ceil(Date.now() / 1000) + 5);
  await p.start();
  await p.seen('the limit is met', view => view.agents?.[0]?.away_until != null);
  p.model.down = null;
  await p.seen('codex works', view => view.worktree !== null && existsSync(join(view.worktree, 'begun.txt')));
  expect((await p.view()).agents?.map(({ backend, works: at }) => [backend, at])).toEqual([
    ['claude', false],
    ['codex', true],
  ]);
  await p.seen('the limit is over', view => view.agents?.[0]?.away_until === undefined);
  writeFileSync(p.beside('go'), '');
  const view = await p.ends('completed');
  expect(p.sessionsSeen().map(({ backend, outcome }) => `${backend} ${outcome}`)).toEqual([
    ...['claude limit', 'codex ok', 'claude ok'],
  ]);
  expect(view.subtasks.find(s => s.id === 'a')!.history.map(h => h.outcome)).toEqual(['limit', 'ok']);
  const report = await p.ok('report');
  expect(report).toMatch(/claude: 1 subtask \(b\) in 2 attempts, .*codex: 1 subtask \(a\) in 1 attempt,/);
});
