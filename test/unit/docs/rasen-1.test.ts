/** rasen(1) and rasend(8) say everything that the code knows, and nothing else. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  COMMAND_VARIABLES,
  RESULT_EXAMPLE,
  RESULT_FIELDS,
  RESULT_STATUSES,
} from '../../../packaging/docs/task-text.ts';
import { claimFromTags, readResultFile } from '../../../src/agents/result-file.ts';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { ENV_KEYS } from '../../../src/config/index.ts';
import { ERRORS, EXIT } from '../../../src/contract/errors.ts';
import { TRANSITIONS } from '../../../src/contract/status.ts';
import { SETTINGS } from '../../../src/supervisor/settings.ts';
import { heading, headings, pageText, root } from './pages.ts';

const PAGE = 'man/rasen.1';

describe('commands', () => {
  test('each has its section, in the order of the help, and no other has one', () => {
    const titles = headings(PAGE).map(h => h.title);
    const sections = titles.filter(title => title.startsWith('rasen ') && !title.startsWith('rasen help'));
    expect(sections).toEqual(COMMANDS.map(c => `rasen ${c.name}`));
  });

  test.each(COMMANDS.map(c => [c.name, c] as const))(
    '%s: arguments, options, choices, examples',
    (name, command) => {
      const { tags, text } = heading(PAGE, `rasen ${name}`);
      const options = command.options.map(o => o.flags.replaceAll(/[<>]/g, ''));
      expect(tags).toEqual([...(command.arguments ?? []).map(a => a.name), ...options]);
      for (const example of command.examples) expect(text).toContain(example.command);
      for (const choice of command.options.flatMap(o => o.choices ?? [])) expect(text).toContain(choice);
      for (const detail of command.details ?? []) expect(text).toContain(detail.replaceAll('`', ''));
    },
  );
});

describe.each([PAGE, 'man/rasen-protocol.7'])('errors in %s', path => {
  test('are those of the table', () => {
    const shown = heading(path, 'ERRORS').tags.flatMap(tag => {
      const row = /^(\w+) \(code (-?\d+), exit status (\d+)\)$/.exec(tag);
      return row ? [[row[1], Number(row[2]), Number(row[3])]] : [];
    });
    expect(shown).toEqual(Object.entries(ERRORS).map(([kind, { code, exit }]) => [kind, code, exit]));
  });

  test('have their sentences', () => {
    const text = pageText(path);
    for (const { about } of Object.values(ERRORS)) expect(text).toContain(about);
  });
});

test('exit statuses and statuses of tasks are those of the code', () => {
  expect(heading(PAGE, 'EXIT STATUS').tags).toEqual(Object.values(EXIT).map(String));
  expect(heading(PAGE, 'Statuses of a task').tags).toEqual(Object.keys(TRANSITIONS));
});

describe('environment', () => {
  const texts = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => readFileSync(join(root, folder, name), 'utf8'));
  const matches = (sources: readonly string[], pattern: RegExp) =>
    [...new Set(sources.flatMap(text => [...text.matchAll(pattern)].map(m => m[1]!)))].sort();

  test('of commands: all that the supervisor and the agents set is documented, and only that', () => {
    const set = matches(
      [...texts('src/supervisor/effects'), ...texts('src/agents')],
      /\b(RASEN_[A-Z_]+|MAX_THINKING_TOKENS|TMPDIR):/g,
    );
    const marker = matches(texts('src/runner/platform'), /MARKER_NAME = '(\w+)'/g);
    const documented = Object.values(COMMAND_VARIABLES).flatMap(list => list.map(v => v.name));
    expect(documented.sort()).toEqual([...set, ...marker].sort());
    expect(heading(PAGE, 'ENVIRONMENT OF A TASK').tags.sort()).toEqual(documented.sort());
  });

  test('of rasen: every variable that it reads is documented', () => {
    const sources = [...texts('src/cli'), readFileSync(join(root, 'src/paths.ts'), 'utf8')];
    const read = matches(sources, /(?:\benv\.|\bset\(')([A-Z][A-Z_]+)/g);
    expect(read).toContain('RASEN_HOME');
    // HOME and PATH are those of every program.
    const own = [...read, ...Object.keys(ENV_KEYS)].filter(name => !['HOME', 'PATH'].includes(name));
    expect(heading(PAGE, 'ENVIRONMENT').tags.sort()).toEqual(own.sort());
  });
});

describe('result file', () => {
  const read = (value: unknown) => {
    const folder = mkdtempSync(join(tmpdir(), 'rasen-docs-'));
    try {
      const file = join(folder, 'result.json');
      writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
      return readResultFile({ root: folder, path: 'result.json' }, 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  test('the example is read, with all that it says', () => {
    const { claim, problem } = read(RESULT_EXAMPLE);
    expect(problem).toBeNull();
    expect(claim).toMatchObject({ status: 'done', decisions: ['Tokens are stored hashed.'] });
    expect(claim?.learnings).toHaveLength(1);
  });

  test('every documented status is one, and a wrong one names no other', () => {
    for (const status of Object.keys(RESULT_STATUSES)) expect(read({ status }).claim?.status).toBe(status);
    const named = [...(read({ status: 'nope' }).problem ?? '').matchAll(/"(\w+)"/g)].map(m => m[1]);
    expect(named).toEqual(Object.keys(RESULT_STATUSES));
  });

  test('every documented field is looked at', () => {
    for (const field of Object.keys(RESULT_FIELDS).filter(name => name !== 'plan'))
      expect(read({ [field]: true }).problem, field).toContain(`at ${field}`);
    expect(read({ plan: { subtasks: [] } }).plan).toEqual({ subtasks: [] });
  });
});

test('the topics of event tags are known', () => {
  const topics = [...heading(PAGE, 'RESULT FILE').text.matchAll(/\b(?:init|build|review|qa)\.[a-z_]+/g)].map(
    m => m[0],
  );
  expect(topics.length).toBeGreaterThan(5);
  for (const topic of topics)
    expect(claimFromTags(`<event topic="${topic}">x</event>`), topic).not.toBeNull();
});

test('rasend(8) has every setting with its default', () => {
  const { tags, text } = heading('man/rasend.8', 'SETTINGS');
  expect(tags).toEqual(Object.keys(SETTINGS));
  for (const { about, default: value } of Object.values(SETTINGS)) {
    expect(text).toContain(about);
    expect(text).toContain(`Default: ${value}.`);
  }
});
