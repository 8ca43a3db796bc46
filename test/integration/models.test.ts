/** `models.*`: each role's own model reaches its agent, of whatever kind; a default is one of the main agent's kind alone. */
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import { APPROVES, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const PLAN = { subtasks: [{ id: 'a', title: 'A', description: 'a', agent: 'coder' }] };

/** A session of every role: the planner any program, the coder claude, the reviewer claude, QA gemini. */
async function models(models: Record<string, string>): Promise<SeedProject> {
  const p = project({
    config: command => ({
      agent: { backend: 'claude', command },
      agents: { initializer: { command }, qa: { backend: 'gemini', command } },
      review: { enabled: true },
      models,
    }),
    script: {
      initializer: [[{ claim: { status: 'done', plan: PLAN } }]],
      a: [[...WORKS, { replay: 'claude/a-happy' }]],
      reviewer: [[...APPROVES, { replay: 'claude/a-happy' }]],
      qa: [[...APPROVES, { replay: 'gemini/a-happy' }]],
    },
  });
  await p.init(null);
  await p.ok('run');
  return p;
}

/** What each session was told, by its environment and by its arguments. */
const told = (p: SeedProject) =>
  p.sessions().map(({ key, model, argv }) => {
    const at = argv.indexOf('--model');
    return [key, model, at < 0 ? null : argv[at + 1]];
  });

test('each role has its own', async () => {
  const p = await models({ initializer: 'm-plan', coder: 'm-code', reviewer: 'm-review', qa: 'm-qa' });
  expect(told(p)).toEqual([
    ['initializer', 'm-plan', null],
    ['a', 'm-code', 'm-code'],
    ['reviewer', 'm-review', 'm-review'],
    ['qa', 'm-qa', 'm-qa'],
  ]);
});

test('the default is for roles of the same kind of agent: another one has other names', async () => {
  const p = await models({ default: 'm-claude' });
  expect(told(p)).toEqual([
    ['initializer', null, null],
    ['a', 'm-claude', 'm-claude'],
    ['reviewer', 'm-claude', 'm-claude'],
    ['qa', null, null],
  ]);
});
