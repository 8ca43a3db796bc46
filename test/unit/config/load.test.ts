/** Loading: both shapes of the file, precedence, the environment, prompts by value. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { agentTaskSpec, DEFAULT_PROMPTS, loadConfig } from '../../../src/config/index.ts';
import { data, ID, project, refusal } from './support.ts';

const load = (folder: string, env: Record<string, string> = {}, file?: string) =>
  loadConfig({ project: folder, env, file });
const of = (files: Record<string, string>, env: Record<string, string> = {}) =>
  load(project(files), env).settings;

describe('the two shapes', () => {
  test('every key of the seed in the shape of rasen.yml', () => {
    const settings = of({ 'rasen.yml': data('rasen.yml') });
    expect(settings).toMatchObject({
      'project.name': 'my-project',
      'orchestrator.max_iterations': 100,
      'orchestrator.max_runtime_seconds': 28_800,
      'orchestrator.session_delay_seconds': 3,
      'orchestrator.session_timeout_seconds': 3600,
      'orchestrator.idle_timeout_seconds': 600,
      'models.default': 'some-model',
      'stall_detection.max_no_commit_sessions': 5,
      'stall_detection.max_consecutive_failures': 7,
      'memory.max_tokens': 2000,
    });
  });

  test('every key in the shape of .rasen/config.yaml', () => {
    const settings = of({
      '.rasen/config.yaml': data('task-config.yaml'),
      ...Object.fromEntries(
        ['initializer', 'coder', 'reviewer', 'qa'].map(role => [
          `.rasen/prompts/${role}.md`,
          `I am ${role}: {task}`,
        ]),
      ),
    });
    expect(settings).toMatchObject({
      'orchestrator.session_timeout_seconds': 1700,
      'orchestrator.max_iterations': 99,
      'review.per_subtask': true,
      'review.max_loops': 4,
      'qa.per_subtask': true,
      'qa.max_iterations': 40,
      'qa.recurring_issue_threshold': 4,
      'stall_detection.max_no_commit_sessions': 4,
      'stall_detection.max_consecutive_failures': 6,
    });
  });

  test('nothing at all: the defaults of the seed', () => {
    expect(of({})).toMatchObject({
      'orchestrator.max_iterations': 50,
      'orchestrator.max_runtime_seconds': 14_400,
      'orchestrator.session_timeout_seconds': 1800,
      'models.default': null,
      'background.pid_file': '.rasen/rasen.pid',
      'memory.path': '.rasen/memories.md',
    });
  });

  test.each([
    ['an empty file', ''],
    ['only comments', '# nothing\n\n'],
    ['only a document mark', '---\n'],
    ['null', '~\n'],
    ['groups without keys', 'orchestrator:\nagents:\n  coder:\n'],
    ['a byte order mark', '\ufeff# nothing\n'],
  ])('%s is the defaults', (_, text) => {
    expect(of({ 'rasen.yml': text })).toEqual(of({}));
  });

  test('windows line ends, JSON, anchors and a list for a command are fine', () => {
    expect(of({ 'rasen.yml': 'parallel: 3\r\nauto_resume: false\r\n' })).toMatchObject({
      parallel: 3,
      auto_resume: false,
    });
    expect(of({ 'rasen.yml': '{\n\t"parallel": 4, "project": {"name": "\\ud83d\\ude00"}\n}' })).toMatchObject(
      {
        parallel: 4,
        'project.name': '😀',
      },
    );
    const settings = of({
      'rasen.yml': 'agent: &a [x, 1.10, true]\nagents: {coder: *a, qa: {command: *a}}\n',
    });
    expect(settings['agents.coder.command']).toEqual(['x', '1.10', 'true']);
    expect(settings['agents.qa.command']).toEqual(['x', '1.10', 'true']);
  });

  test('durations and sizes with units', () => {
    const settings = of({
      'rasen.yml':
        'session: {timeout_seconds: 1h30m}\norchestrator: {idle_timeout_seconds: 90s, max_runtime_seconds: null, session_delay_seconds: 0}\nlog: {max_size: 2mb}\nlimits: {output_max: 5gb}',
    });
    expect(settings['orchestrator.session_timeout_seconds']).toBe(5400);
    expect(settings['orchestrator.idle_timeout_seconds']).toBe(90);
    expect(settings['orchestrator.max_runtime_seconds']).toBeNull();
    expect(settings['orchestrator.session_delay_seconds']).toBe(0);
    expect(settings['log.max_size']).toBe(2 * 1024 ** 2);
    expect(settings['limits.output_max']).toBe(5 * 1024 ** 3);
  });
});

describe('precedence', () => {
  const FILES = {
    'rasen.yml':
      'orchestrator: {max_iterations: 10, session_timeout_seconds: 100}\nparallel: 2\nmodels: {coder: a, qa: q}\n',
    '.rasen/config.yaml': 'session: {max_iterations: 20}\nagents: {coder: {model: b}}\n',
  };

  test('.rasen/config.yaml over rasen.yml over the defaults, key by key and across the shapes', () => {
    const settings = of(FILES);
    expect(settings['orchestrator.max_iterations']).toBe(20);
    expect(settings['orchestrator.session_timeout_seconds']).toBe(100);
    expect(settings.parallel).toBe(2);
    expect(settings['models.coder']).toBe('b');
    expect(settings['models.qa']).toBe('q');
    expect(settings['limits.attempts']).toBe(5);
  });

  test('the environment over all', () => {
    const settings = of(FILES, {
      RASEN_MAX_ITERATIONS: '30',
      RASEN_SESSION_TIMEOUT: '10m',
      RASEN_AGENT_MODEL: 'm',
    });
    expect(settings['orchestrator.max_iterations']).toBe(30);
    expect(settings['orchestrator.session_timeout_seconds']).toBe(600);
    const config = load(project({ 'rasen.yml': 'agent: [a]\ngates: none\nmodels: {qa: q}' }), {
      RASEN_AGENT_MODEL: 'm',
    });
    expect(agentTaskSpec({ id: ID, goal: 'g', config, plan: null }).models).toEqual({
      initializer: 'm',
      coder: 'm',
      reviewer: 'm',
      qa: 'm',
    });
  });

  test('an empty variable is none', () => {
    expect(of(FILES, { RASEN_MAX_ITERATIONS: '', RASEN_AGENT_MODEL: '' })).toEqual(of(FILES));
  });

  test.each([
    ['RASEN_MAX_ITERATIONS', '0'],
    ['RASEN_MAX_ITERATIONS', 'many'],
    ['RASEN_MAX_ITERATIONS', '1.5'],
    ['RASEN_SESSION_TIMEOUT', '-3'],
    ['RASEN_SESSION_TIMEOUT', '1 fortnight'],
    ['RASEN_AGENT_MODEL', '   '],
  ])('%s=%j is an error that names the variable', (name, value) => {
    const error = refusal(() => of({}, { [name]: value }));
    expect(error.kind).toBe('config');
    expect(error.message).toContain(`environment: ${name}: found`);
  });

  test('--config takes the place of rasen.yml and must exist', () => {
    const folder = project({ ...FILES, 'ci.yml': 'parallel: 7\norchestrator: {max_iterations: 5}\n' });
    const config = load(folder, {}, 'ci.yml');
    expect(config.settings.parallel).toBe(7);
    expect(config.settings['orchestrator.max_iterations']).toBe(20);
    expect(config.settings['orchestrator.session_timeout_seconds']).toBe(1800);
    expect(config.files).toEqual([join(folder, 'ci.yml'), join(folder, '.rasen/config.yaml')]);
    expect(refusal(() => load(folder, {}, 'none.yml')).message).toBe('none.yml:1:1: no such file');
  });

  test('a list is replaced, not joined', () => {
    const settings = of({ 'rasen.yml': 'gates: [[a], [b]]', '.rasen/config.yaml': 'gates: none' });
    expect(settings.gates).toBe('none');
  });

  test('problems of all sources come together', () => {
    const error = refusal(() =>
      of(
        { 'rasen.yml': 'gate: x\nparalel: 2', '.rasen/config.yaml': 'sesion: {}' },
        { RASEN_MAX_ITERATIONS: 'x' },
      ),
    );
    expect(error.message.split('\n')).toEqual([
      'rasen.yml:1:1: gate: unknown key; did you mean "gates"?',
      'rasen.yml:2:1: paralel: unknown key; did you mean "parallel"?',
      '.rasen/config.yaml:1:1: sesion: unknown key; did you mean "session"?',
      expect.stringContaining('environment: RASEN_MAX_ITERATIONS: found "x"'),
    ]);
    expect(error.data?.problems).toHaveLength(4);
    expect((error.data!.problems as object[])[0]).toEqual({
      file: 'rasen.yml',
      line: 1,
      column: 1,
      key: 'gate',
      message: 'unknown key; did you mean "gates"?',
      suggestion: 'gates',
    });
  });
});

describe('prompts', () => {
  test('built in, from .rasen/prompts, or the named file; by value', () => {
    const folder = project({ '.rasen/prompts/coder.md': 'Mine: {task}', 'q.md': 'Q {acceptance}' });
    writeFileSync(join(folder, 'rasen.yml'), 'agents: {qa: {prompt: q.md}}');
    const { prompts } = load(folder);
    expect(prompts).toEqual({
      initializer: DEFAULT_PROMPTS.initializer,
      coder: 'Mine: {task}',
      reviewer: DEFAULT_PROMPTS.reviewer,
      qa: 'Q {acceptance}',
    });
  });

  test('a path is relative to the file that names it, or to the project', () => {
    const folder = project({
      '.rasen/prompts/a.md': 'A',
      'b.md': 'B',
      '.rasen/config.yaml': 'agents: {coder: {prompt: prompts/a.md}, qa: {prompt: b.md}}',
    });
    expect(load(folder).prompts).toMatchObject({ coder: 'A', qa: 'B' });
  });

  test('a wrong placeholder is found at once, with its place', () => {
    const folder = project({ '.rasen/prompts/coder.md': 'One\nTwo {memory_context} and {histroy}\n' });
    const error = refusal(() => load(folder));
    expect(error.message).toContain('.rasen/prompts/coder.md:2:5: {memory_context} is not a placeholder');
  });
});

describe('files that are no files', () => {
  test('a folder, a broken link and a file without permission are named', () => {
    const folder = project();
    mkdirSync(join(folder, 'rasen.yml'));
    expect(refusal(() => load(folder)).message).toContain('rasen.yml:1:1: is a folder');
    const linked = project();
    symlinkSync('/nonexistent', join(linked, 'rasen.yml'));
    expect(load(linked).files).toEqual([]);
    if (process.getuid?.() !== 0) {
      const locked = project({ 'rasen.yml': '' });
      chmodSync(join(locked, 'rasen.yml'), 0);
      expect(refusal(() => load(locked)).message).toContain('cannot be read');
    }
  });

  test('a device is refused and not read', () => {
    expect(refusal(() => load(project(), {}, '/dev/zero')).message).toContain('is not a regular file');
  });

  test('project.root must be a folder', () => {
    const error = refusal(() => of({ 'rasen.yml': 'project:\n  root: nowhere\n' }));
    expect(error.message).toMatch(/^rasen\.yml:2:9: project\.root: .*nowhere is not a folder$/);
  });
});

describe('the configuration of the user', () => {
  const user = (text: string) => ({ XDG_CONFIG_HOME: project({ 'rasen/config.yml': text }) });

  test('is weaker than every file of the project, key by key', () => {
    const env = user('notify: {desktop: true, webhook: "https://localhost/own", on: [failed]}\n');
    const settings = of({ 'rasen.yml': 'notify: {webhook: "https://localhost/project"}\n' }, env);
    expect([settings['notify.desktop'], settings['notify.webhook'], settings['notify.on']]).toEqual([
      true,
      'https://localhost/project',
      ['failed'],
    ]);
  });

  test('is in ~/.config without XDG_CONFIG_HOME, and its secrets add to those of the project', () => {
    const HOME = project({ '.config/rasen/config.yml': 'secrets: {A: env:A}\n' });
    const { settings, files } = load(project({ 'rasen.yml': 'secrets: {B: env:B}\n' }), { HOME });
    expect([Object.keys(settings.secrets), files[0]]).toEqual([
      ['A', 'B'],
      join(HOME, '.config/rasen/config.yml'),
    ]);
  });

  test('decides nothing about the work of a project, and says so with its place', () => {
    const env = user('notify: {desktop: true}\nlimits:\n  attempts: 9\n');
    const file = join(env.XDG_CONFIG_HOME, 'rasen/config.yml');
    expect(refusal(() => of({}, env)).message).toBe(
      `${file}:3:13: limits.attempts: is not for all projects, write it in rasen.yml; here: notify, secrets`,
    );
  });

  test('an unknown key and a wrong name of the file are told', () => {
    expect(refusal(() => of({}, user('notifi: {desktop: true}\n'))).message).toContain(
      'unknown key; did you mean "notify"?',
    );
    const env = { XDG_CONFIG_HOME: project({ 'rasen/config.yaml': '' }) };
    expect(refusal(() => of({}, env)).message).toContain('is not read; rename it to');
  });
});
