/**
 * What reaches a terminal: of all that agents, commands, gates and repositories write, colours and nothing else, in every
 * field and by every command; and no line that looks like one of the supervisor's.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import { type Act, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i));
/** As one line each, so that every one of them is at its worst. */
const CORPUS: readonly string[] = [
  '\x1b]52;c;ZXZpbA==\x07clipboard',
  '\x1b]0;title\x1b\\ title',
  '\x1b]8;;http://127.0.0.1/\x1b\\link\x1b]8;;\x1b\\',
  '\x1bPq#0;2;0;0;0\x1b\\ sixel',
  '\x1b_Gf=100;AAAA\x1b\\ graphics',
  '\x1b^private\x1b\\',
  '\x1bXstart of string\x1b\\',
  '\x1b[2J\x1b[H\x1b[1A\x1b[5G\x1b[s\x1b[u\x1b[?1049h\x1b[6n\x1b[c\x1b[20t\x1b[?2004h',
  '\x1bc\x1b(0\x1b7\x1b8\x1bM\x1b=\x1b#8',
  '\x1b[8mhidden\x1b[0m \x1b[1;8mhidden\x1b[m',
  '\x1b[31mred, and not the next line',
  '\x1b[',
  '\x1b',
  'over\rwritten',
  'back\b\b\b\bspace',
  `C0 ${range(0x01, 0x1f)
    .filter(c => c !== '\n' && c !== '\t')
    .join('.')} DEL \x7f`,
  `C1 ${range(0x80, 0x9f).join('.')}`,
  `bidi ${range(0x202a, 0x202e).join('.')} ${range(0x2066, 0x2069).join('.')} \u200e\u200f\u061c`,
  `nothing \u200b\u2060\ufeff\u00ad\u180e ${range(0xe0041, 0xe0045).join('')}\u{e0001}`,
  `ends \u2028 \u2029 \x85 \x0b \x0c.`,
];
const FORGED = '2026-01-01 00:00:00 - INFO - Task completed: 9/9 subtasks';
/** In one field, which is one line wherever it is shown with others. */
const FIELD = `${CORPUS.join(' ')}\n${FORGED}\nVerified: yes`;

/** The same for a place that is bounded. */
const SHORT = [
  ...CORPUS.slice(0, 11).map(line => line.slice(0, 24)),
  '\u202e\u2066\u200b\x9b2J\x85',
  FORGED,
].join(' ');

/** Without line ends of a terminal, and colours. */
const rest = (shown: string) =>
  shown.replaceAll('\r\n', '\n').replaceAll(/\x1b\[(?!0*8m|[0-9;]*;0*8m)[0-9;:]*m/g, '');
const OBEYED =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/u;

/** On a terminal of that width. */
function onTerminal(p: SeedProject, command: string, columns = 80): string {
  const { stdout, error } = spawnSync(
    'script',
    ['-qec', `stty cols ${columns} rows 50; exec ${command}`, '/dev/null'],
    {
      cwd: p.root,
      env: {
        ...p.instance.env,
        NO_COLOR: '',
        TERM: 'xterm',
        SHELL: '/bin/sh',
        PATH: `${BIN}:${process.env.PATH}`,
      },
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
      timeout: 400_000,
    },
  );
  if (error) throw error;
  return stdout;
}
const BIN = new URL('../../bin', import.meta.url).pathname;
const has_terminal = spawnSync('script', ['--version']).status === 0;

test.skipIf(!has_terminal)('nothing but colours, from any field, by any command', async () => {
  const says: Act = { say: CORPUS.join('\n') };
  const claim: Act = {
    claim: {
      status: 'done',
      summary: FIELD,
      followups: CORPUS.map(line => line),
      issues: [FIELD],
      memory: { decisions: [FIELD], learnings: [FIELD] },
    },
  };
  const asks: Act = { claim: { status: 'blocked', summary: `${FIELD}?` } };
  const file = 'evil\x1b]0;x\x07\u202e\x9b.txt';
  const p = project({
    script: {
      a: [
        [says, { write: { 'a.txt': 'BROKEN\n' } }, { commit: FIELD.replaceAll('\x00', '') }, claim],
        [says, ...WORKS.slice(0, 2), claim],
      ],
      c: [[{ write: { [file]: 'x\n' } }, { commit: 'odd' }, asks], [asks]],
    },
  });
  writeFileSync(
    p.beside('corpus'),
    Buffer.concat([Buffer.from(`${CORPUS.join('\n')}\n`), Buffer.from([0x9b, 0x32, 0x4a, 10])]),
  );
  const printing = ['sh', '-c', `cat '${p.beside('corpus')}'; ls -N >/dev/null 2>&1`, FIELD.slice(0, 300)];
  const config = JSON.parse(p.read('rasen.yml'));
  p.write({
    'rasen.yml': JSON.stringify({ ...config, gates: [...config.gates, printing], limits: { attempts: 2 } }),
  });
  p.git('commit', '-qam', 'config');
  await p.init(
    [
      { id: 'a', title: SHORT, description: FIELD },
      { id: 'b', title: SHORT, run: printing, needs: ['a'] },
      { id: 'c', title: SHORT, description: FIELD, needs: ['b'] },
    ],
    FIELD,
  );
  await p.rasen('run');
  expect((await p.view()).reason).toContain('clipboard');
  const commands = [
    'rasen logs -n all --gates',
    'rasen logs',
    'rasen logs --subtask b',
    'rasen logs --subtask a -n all',
    'rasen logs --json -n all --gates',
    'rasen events',
    'rasen events --json',
    'rasen status',
    'rasen status --json',
    'rasen list',
    'rasen list --json',
    'rasen report',
    'rasen report --json',
    'rasen plan show',
    'rasen plan show --format yaml',
    'rasen plan show --json',
    'rasen doctor',
    'rasen merge',
    `rasen note "$(cat '${p.beside('corpus')}' | tr -d '\\000')"`,
    'rasen status',
    'rasen report',
    'rasen resume --background',
    `rasen logs --subtask "$(printf '\\033]0;x\\007\\302\\233')"`,
    `rasen status "$(printf 'no\\033[2Jtask\\342\\200\\256')"`,
    `rasen "$(printf 'no\\033[2Jcommand\\302\\233')"`,
    'rasen stop',
    'rasen cancel',
  ];
  for (const command of commands) {
    const shown = onTerminal(p, command);
    expect(shown, command).not.toBe('');
    expect(`${command}: ${JSON.stringify(OBEYED.exec(rest(shown))?.[0] ?? null)}`).toBe(`${command}: null`);
    expect(shown, command).not.toMatch(/^(?:2026-01-01 00:00:00|Verified: yes)/m);
    const json = command.includes('--json');
    // A line that has colours ends without any.
    for (const line of json ? [] : shown.split('\r\n'))
      expect(line, command).toMatch(/^[^\x1b]*$|\x1b\[0m$|\x1b\[22m(?:[^\x1b]*)$/);
  }

  // On a pipe the lines are the same; JSON says the same as before in other characters.
  const logs = await p.ok('logs', '-n', 'all', '--gates');
  expect(OBEYED.exec(rest(logs))?.[0]).toBeUndefined();
  const events = (await p.ok('logs', '-n', 'all', '--gates', '--json')).trim().split('\n');
  expect(events.map(line => JSON.parse(line)).some(({ text }) => text.includes('\u202a'))).toBe(true);
  for (const file of [
    'rasen.log',
    'status.json',
    'memories.md',
    'implementation_plan.json',
    'attempt_history.json',
  ])
    expect(OBEYED.exec(p.read(`.rasen/${file}`))?.[0], file).toBeUndefined();
  expect(OBEYED.exec(readFileSync(p.beside('h/rasend.log'), 'utf8'))?.[0]).toBeUndefined();

  // Raw is for programs, unless somebody insists.
  const refused = onTerminal(p, 'rasen logs --raw --subtask b');
  expect(refused).toContain('rasen: --raw writes what programs printed as it is');
  expect(refused).not.toContain('\x1b');
  expect(onTerminal(p, 'rasen logs --raw --yes --subtask b')).toContain('\x1b]52;c;');
  expect(await p.ok('logs', '--raw', '--subtask', 'b', '-n', 'all')).toContain('\x1b]52;c;');
});

test.skipIf(!has_terminal)(
  'no line of a program looks like one of the supervisor, whatever the width',
  async () => {
    const p = project();
    const lines = [
      FORGED,
      `x\r${FORGED}`,
      `x\x0b${FORGED}\x0c${FORGED}\x85${FORGED}\u2028${FORGED}`,
      ...range(0, 60).map((_, i) => `${' '.repeat(i + 30)}${FORGED}`),
      ...range(0, 12).map((_, i) => `${'.'.repeat(i)}\t\t\t\t\t\t\t${FORGED}`),
      ...range(0, 30).map((_, i) => `${'宽'.repeat(i + 20)}${FORGED}`),
      `[b] ${FORGED}`,
    ];
    writeFileSync(p.beside('forged'), `${lines.join('\n')}\n`);
    const config = JSON.parse(p.read('rasen.yml'));
    p.write({ 'rasen.yml': JSON.stringify({ ...config, gates: 'none' }) });
    p.git('commit', '-qam', 'config');
    const run = ['cat', p.beside('forged')];
    await p.init([
      { id: 'a', run },
      { id: 'b', run },
    ]);
    await p.rasen('run');
    const piped = await p.ok('logs', '-n', 'all');
    const events = (await p.ok('logs', '-n', 'all', '--json'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(({ kind }) => kind === 'event');
    const ours = (rows: string[]) => rows.filter(row => /^\d{4}-\d\d-\d\d /.test(row));
    expect(ours(piped.split('\n'))).toHaveLength(events.length);
    expect(piped.split('\n').filter(line => line !== '' && !/^(?:\d{4}-|\[[ab]\] )/.test(line))).toEqual([]);
    for (const columns of [60, 80]) {
      const rows = onTerminal(p, 'rasen logs -n all', columns)
        .split('\r\n')
        .flatMap(line => rowsOf(line, columns));
      expect(ours(rows)).toHaveLength(events.length);
      expect(rows.filter(row => row.includes('Task completed: 9/9')).length).toBeGreaterThan(50);
    }
  },
);

/** As a terminal shows a line: in rows of its width. */
function rowsOf(line: string, columns: number): string[] {
  const rows = [''];
  let column = 0;
  for (const c of line.replaceAll(/\x1b\[[0-9;]*m/g, '')) {
    const width = c === '\t' ? Math.min(8 - (column % 8), columns - column) : c === '宽' ? 2 : 1;
    if (column + width > columns) {
      rows.push('');
      column = 0;
    }
    rows[rows.length - 1] += c;
    column += width;
  }
  return rows;
}
