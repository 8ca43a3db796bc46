/** Building specs: complete, by value, and refused where something that the task needs is missing. */
import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  agentTaskSpec,
  checkedSpec,
  DEFAULT_PROMPTS,
  loadConfig,
  readPlanFile,
  slugOf,
} from '../../../src/config/index.ts';
import { taskSpec } from '../../../src/contract/spec.ts';
import {
  type CommandTask,
  commandSpec,
  type PipelineTask,
  pipelineSpec,
} from '../../../src/submit/spec-command.ts';
import { data, ID, project, refusal } from './support.ts';

const commandTaskSpec = (task: CommandTask) => checkedSpec(commandSpec(task));
const pipelineTaskSpec = (task: PipelineTask) => checkedSpec(pipelineSpec(task));

const PACKAGE = { 'package.json': '{"scripts":{"test":"vitest","lint":"biome"}}' };
const YML = 'agent: [coder-bot, --print]\n';

function spec(files: Record<string, string>, more: Partial<Parameters<typeof agentTaskSpec>[0]> = {}) {
  const folder = project(files);
  const config = loadConfig({ project: folder, env: {} });
  const built = agentTaskSpec({ id: ID, goal: 'Add password reset', config, plan: null, ...more });
  return { folder, spec: built };
}

describe('an agent task', () => {
  test('is complete and by value: the files may go', () => {
    const { folder, spec: built } = spec({ ...PACKAGE, 'rasen.yml': YML });
    rmSync(folder, { recursive: true });
    expect(taskSpec.parse(built)).toEqual(built);
    expect(built).toMatchObject({
      id: ID,
      project: folder,
      workspace: { kind: 'git', slug: 'add-password-reset-c6e8', base: null, base_path: '.worktrees' },
      agents: {
        initializer: { command: ['coder-bot', '--print'] },
        coder: { command: ['coder-bot', '--print'] },
      },
      prompts: DEFAULT_PROMPTS,
      gates: [
        { name: 'npm test', run: ['npm', 'test'] },
        { name: 'npm run lint', run: ['npm', 'run', 'lint'] },
      ],
      limits: { max_iterations: 50, max_runtime_seconds: 14_400, session_timeout_seconds: 1800 },
      review: { enabled: false, max_loops: 3 },
      qa: { enabled: false, max_loops: 50 },
      views: { status_file: '.rasen/status.json', memory_file: '.rasen/memories.md' },
    });
    expect(built.agents.reviewer).toBeUndefined();
    expect(built.protected).toEqual(expect.arrayContaining(['.rasen', 'rasen.yml', '.github/workflows']));
  });

  test('a worktree that is off is the folder itself', () => {
    const { spec: built } = spec({ 'rasen.yml': `${YML}worktree: {enabled: false}` });
    expect(built.workspace).toEqual({ kind: 'folder' });
  });

  test('review and QA run where a program is written, or where it was asked for', () => {
    const own = spec({ ...PACKAGE, 'rasen.yml': `${YML}agents: {reviewer: {command: [judge]}}` }).spec;
    expect([own.review.enabled, own.agents.reviewer, own.qa.enabled]).toEqual([
      true,
      { backend: 'command', command: ['judge'] },
      false,
    ]);
    const asked = spec({ ...PACKAGE, 'rasen.yml': `${YML}qa: {enabled: true}` }).spec;
    expect([asked.qa.enabled, asked.agents.qa]).toEqual([
      true,
      { backend: 'command', command: ['coder-bot', '--print'] },
    ]);
    const short = spec({ ...PACKAGE, 'rasen.yml': `${YML}review: {agent: [judge]}` }).spec;
    expect([short.review.enabled, short.agents.reviewer]).toEqual([
      true,
      { backend: 'command', command: ['judge'] },
    ]);
    const off = spec({ ...PACKAGE, 'rasen.yml': `${YML}review: {agent: [judge], enabled: false}` }).spec;
    expect([off.review.enabled, off.agents.reviewer]).toEqual([false, undefined]);
    const skipped = spec(
      { ...PACKAGE, 'rasen.yml': `${YML}review: {agent: [judge]}\nqa: {enabled: true}` },
      { skip_review: true, skip_qa: true },
    ).spec;
    expect([skipped.review.enabled, skipped.qa.enabled]).toEqual([false, false]);
  });

  test('no test command found: nothing is built, unless gates are written', () => {
    const error = refusal(() => spec({ 'rasen.yml': YML }));
    expect(error.kind).toBe('config');
    expect(error.message).toContain('no test command found');
    expect(error.hint).toContain('gates: none');
    expect(spec({ 'rasen.yml': `${YML}gates: none` }).spec.gates).toEqual([]);
    expect(spec({ 'rasen.yml': `${YML}gates: [[x]]` }).spec.gates).toHaveLength(1);
    expect(spec({ 'rasen.yml': `${YML}backpressure: {require_tests: false}` }).spec.gates).toEqual([]);
    expect(spec({ 'rasen.yml': `${YML}worktree: {enabled: false}` }).spec.gates).toEqual([]);
    const commands = readPlanFile('p.yml', 'subtasks: {a: [x]}', { task: ID, origin: 'file' });
    expect(spec({}, { plan: commands.plan }).spec.agents).toEqual({});
  });

  test('no program: the error says for whom and what to write', () => {
    const error = refusal(() => spec(PACKAGE));
    expect([error.kind, error.message]).toEqual(['config', 'No program is configured for the initializer.']);
    expect(error.hint).toContain('agent: [');
    expect(refusal(() => spec({ ...PACKAGE, 'rasen.yml': 'agents: {initializer: [a]}' })).message).toContain(
      'coder',
    );
    const planned = readPlanFile('p.yml', 'subtasks: [{id: a, title: x}]', { task: ID, origin: 'file' }).plan;
    const coder = { ...PACKAGE, 'rasen.yml': 'agents: {coder: [a]}' };
    expect(spec(coder, { plan: planned }).spec.agents).toEqual({
      coder: { backend: 'command', command: ['a'] },
    });
    const judge = { ...PACKAGE, 'rasen.yml': 'agents: {coder: [a]}\nreview: {enabled: true}' };
    expect(refusal(() => spec(judge, { plan: planned })).message).toContain('reviewer');
  });

  test('a backend is its program, or the program that is written; a role that says something says all', () => {
    const agents = (text: string) => spec({ ...PACKAGE, 'rasen.yml': text }).spec.agents;
    const claude = { backend: 'claude', command: ['claude'] };
    expect(agents('backend: claude')).toEqual({ initializer: claude, coder: claude });
    expect(agents('agent: {backend: codex, command: [/opt/codex, --profile, night]}').coder).toEqual({
      backend: 'codex',
      command: ['/opt/codex', '--profile', 'night'],
    });
    const judged = agents('backend: claude\nreview: {agent: {backend: gemini}}\nagents: {qa: [judge]}');
    expect([judged.coder, judged.reviewer, judged.qa]).toEqual([
      claude,
      { backend: 'gemini', command: ['gemini'] },
      { backend: 'command', command: ['judge'] },
    ]);
    const error = refusal(() => spec({ ...PACKAGE, 'rasen.yml': 'backend: command' }));
    expect(error.message).toContain('rasen.yml:1:10: backend: command is any program: write which one');
    const acp = refusal(() => spec({ ...PACKAGE, 'rasen.yml': 'backend: acp' }));
    expect(acp.message).toContain('rasen.yml:1:10: backend: acp is any program that speaks the Agent Client');
    expect(acp.message).toContain('write which one in agent.command, such as [opencode, acp]');
    const named = agents('agent: {backend: acp, command: [opencode, acp]}');
    expect(named.coder).toEqual({ backend: 'acp', command: ['opencode', 'acp'] });
  });

  test('the default model is that of the main agent’s kind, and of no other', () => {
    const models = (text: string) => spec({ ...PACKAGE, 'rasen.yml': text }).spec.models;
    const main = 'backend: claude\nmodels: {default: opus}\n';
    expect(models(main)).toEqual({ initializer: 'opus', coder: 'opus', reviewer: 'opus', qa: 'opus' });
    expect(models(`${main}agents: {reviewer: {backend: gemini}}`)).not.toHaveProperty('reviewer');
    const own = models(`${main}agents: {reviewer: {backend: gemini, model: pro}}`);
    expect(own.reviewer).toBe('pro');
  });

  test('a plan file adds gates and speaks where the configuration is silent', () => {
    const { plan, defaults } = readPlanFile('p.yml', data('plan.yml'), { task: ID, origin: 'file' });
    const silent = spec({ ...PACKAGE, 'rasen.yml': YML }, { plan, plan_defaults: defaults }).spec;
    expect(silent.gates.map(gate => gate.name)).toEqual(['npm test', 'npm run lint', 'make check', 'audit']);
    expect([silent.limits.parallel, silent.name]).toEqual([2, 'nightly']);
    const files = { ...PACKAGE, 'rasen.yml': `${YML}parallel: 1\nproject: {name: mine}` };
    const loud = spec(files, { plan, plan_defaults: defaults }).spec;
    expect([loud.limits.parallel, loud.name]).toEqual([1, 'mine']);
    expect(spec(files, { plan, name: 'cli' }).spec.name).toBe('cli');
  });

  test('goal and prompts are checked', () => {
    expect(refusal(() => spec({ ...PACKAGE, 'rasen.yml': YML }, { goal: ' \n' })).kind).toBe('usage');
    const prompts = { coder: 'x {nope}' };
    expect(refusal(() => spec({ ...PACKAGE, 'rasen.yml': YML }, { prompts })).message).toContain('{nope}');
    expect(refusal(() => spec({ ...PACKAGE, 'rasen.yml': YML }, { id: 'bad' })).message).toContain(
      'id: a task id is',
    );
    const long = refusal(() => spec({ ...PACKAGE, 'rasen.yml': YML }, { goal: 'x'.repeat(1024 * 1024 + 1) }));
    expect(long.message).toContain('goal: ');
  });
});

describe('a command', () => {
  test('has no limit that nobody asked for and leaves nothing in the folder', () => {
    const built = commandTaskSpec({
      id: ID,
      argv: ['/usr/bin/npm', 'run', "it's"],
      cwd: '/tmp',
    });
    expect(taskSpec.parse(built)).toEqual(built);
    expect(built).toMatchObject({
      name: "npm run it's",
      goal: "/usr/bin/npm run 'it'\\''s'",
      project: '/tmp',
      workspace: { kind: 'folder' },
      gates: [],
      views: null,
      limits: {
        max_iterations: 100_000,
        max_runtime_seconds: null,
        session_timeout_seconds: null,
        idle_timeout_seconds: null,
        session_delay_seconds: 0,
        attempts: 1,
      },
      plan: {
        source: 'command',
        subtasks: [{ id: 'run', do: { run: ['/usr/bin/npm', 'run', "it's"] }, env: {} }],
      },
    });
    const limited = commandTaskSpec({
      id: ID,
      argv: ['x'],
      cwd: '/',
      limits: { attempts: 3 },
      key: 'k',
    });
    expect([limited.limits.attempts, limited.key]).toEqual([3, 'k']);
  });

  test('without words is refused', () => {
    expect(refusal(() => commandTaskSpec({ id: ID, argv: [], cwd: '/' })).kind).toBe('usage');
    expect(
      refusal(() => commandTaskSpec({ id: ID, argv: ['x'.repeat(2 * 1024 * 1024)], cwd: '/' })).kind,
    ).toBe('config');
  });
});

describe('a pipeline', () => {
  test('is the plan file', () => {
    const { plan, defaults } = readPlanFile('ci.yml', data('plan.yml'), { task: ID, origin: 'file' });
    expect(refusal(() => pipelineTaskSpec({ id: ID, plan, defaults, cwd: '/tmp' })).message).toContain(
      'no gates of its own',
    );
    const built = pipelineTaskSpec({
      id: ID,
      plan,
      defaults: { ...defaults, gates: [] },
      cwd: '/tmp',
      file: 'x/ci.yml',
    });
    expect(taskSpec.parse(built)).toEqual(built);
    expect(built.plan!.subtasks[0]!.env).toEqual({ LEVEL: '3', CI: 'true' });
    expect(built).toMatchObject({
      name: 'nightly',
      limits: { parallel: 2, attempts: 1 },
      workspace: { kind: 'folder' },
    });
    expect(built.gates).toEqual([]);
  });

  test('has no work for agents', () => {
    const { plan, defaults } = readPlanFile('p.yml', 'subtasks: [{id: a, title: x}]', {
      task: ID,
      origin: 'file',
    });
    const error = refusal(() => pipelineTaskSpec({ id: ID, plan, defaults, cwd: '/' }));
    expect([error.kind, error.message]).toEqual([
      'usage',
      expect.stringContaining('"a" is work for an agent'),
    ]);
  });
});

test.each([
  ['Implement user authentication system', 'implement-user-authentication-system-c6e8'],
  ['Straße über Ärger', 'stra-e-uber-arger-c6e8'],
  ['日本語', 'task-c6e8'],
  ['', 'task-c6e8'],
  ['---', 'task-c6e8'],
  ['x'.repeat(100), `${'x'.repeat(40)}-c6e8`],
  ['Fix #12: crash/hang in `main.ts`', 'fix-12-crash-hang-in-main-ts-c6e8'],
])('slug of %j', (goal, slug) => {
  expect(slugOf(goal, ID)).toBe(slug);
  expect(slugOf(goal, ID)).toMatch(/^[a-z0-9][a-z0-9-]{0,47}$/);
});
