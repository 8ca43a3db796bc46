/** The table of commands is complete and sound, since help, man page and completions are made of it. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { taskWords } from '../../../src/cli/commands/completion.ts';
import { COMMANDS, GROUPS } from '../../../src/cli/commands/index.ts';
import { completionScript } from '../../../src/cli/completion-script.ts';
import { Output } from '../../../src/cli/output.ts';
import { buildProgram, withoutHelpWord } from '../../../src/cli/program.ts';

const ONE_WORD =
  'init run each ensure status report logs stop resume note answer merge list wait cancel events reinit retry rollback doctor gc completion import gateway web pr metrics mcp';
const TWO_WORDS = [
  ...['show', 'edit', 'import'].map(verb => `plan ${verb}`),
  ...['check', 'import', 'schema'].map(verb => `config ${verb}`),
  ...['log', 'test'].map(verb => `notify ${verb}`),
  'mcp install',
  ...'list show next log pause resume fire edit remove apply'.split(' ').map(verb => `trigger ${verb}`),
  ...['add', 'list', 'remove'].map(verb => `hook ${verb}`),
  ...['create', 'list', 'rotate', 'revoke'].map(verb => `token ${verb}`),
  ...['install', 'uninstall', 'start', 'stop', 'restart', 'status'].map(verb => `service ${verb}`),
];

test('the verbs', () => {
  const names = COMMANDS.map(c => c.name).toSorted();
  expect(names).toEqual([...ONE_WORD.split(' '), ...TWO_WORDS].toSorted());
});

test.each(COMMANDS.map(c => [c.name, c] as const))(
  '%s has a summary, examples and sound options',
  (name, command) => {
    expect(command.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { command: example } of command.examples) expect(example).toContain(`rasen ${name}`);
    const flags = command.options.flatMap(o => o.flags.split(/[ ,]+/).filter(word => word.startsWith('-')));
    expect(new Set(flags).size).toBe(flags.length);
    if (name.includes(' ')) expect(GROUPS).toHaveProperty(name.split(' ')[0]!);
  },
);

test.each(COMMANDS.map(c => [c.name] as const))('the help of %s shows every option', async name => {
  let text = '';
  const sink = { write: (part: string) => (text += part) } as never;
  const out = new Output({ stdout: () => sink, stderr: () => sink, env: {}, json: false });
  const argv = withoutHelpWord(['help', ...name.split(' ')]);
  const program = buildProgram({ commands: COMMANDS, argv, out }, async () => {});
  await expect(program.parseAsync(argv, { from: 'user' })).rejects.toMatchObject({ exitCode: 0 });
  const command = COMMANDS.find(c => c.name === name)!;
  for (const { flags } of command.options) expect(text).toContain(flags);
  for (const { command: example } of command.examples) expect(text).toContain(example);
});

test('completion scripts name every command; bash takes its one', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionScript(shell, COMMANDS);
    for (const { name } of COMMANDS) expect(script).toContain(name.split(' ').at(-1)!);
  }
  const script = completionScript('bash', COMMANDS);
  const ask = (...words: string[]) =>
    execFileSync(
      'bash',
      [
        '-c',
        `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rasen; printf '%s\\n' "\${COMPREPLY[@]}"`,
        'x',
        ...words,
      ],
      {
        encoding: 'utf8',
      },
    )
      .trim()
      .split('\n');
  expect(ask('rasen', 'st')).toEqual(['status', 'stop']);
  expect(ask('rasen', 'plan', '')).toEqual(['show', 'edit', 'import']);
  expect(ask('rasen', 'completion', 'f')).toEqual(['fish']);
  expect(ask('rasen', 'run', '--back')).toEqual(['--background']);
  expect(ask('rasen', 'plan', 'edit', '--ta')).toEqual(['--task']);
});

test('a task is completed by its name where that is one word and nobody newer has it, else by its id', () => {
  const id = (end: string) => `01kaaaaaaaaaaaaaaa${end}`;
  const views = [
    { id: id('newer000'), name: 'build', status: 'running' as const },
    { id: id('older000'), name: 'build', status: 'failed' as const },
    { id: id('words000'), name: 'sh -c true', status: 'completed' as const },
    { id: id('option00'), name: '--help', status: 'completed' as const },
  ];
  expect(taskWords(views)).toBe(
    'build\trunning\nolder000\tfailed: build\nwords000\tcompleted: sh -c true\noption00\tcompleted: --help\n',
  );
});
