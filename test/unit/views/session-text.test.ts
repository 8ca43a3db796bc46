/** Sessions of agents as people read them: recorded streams, compared with files; and streams that nobody should write. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sessionText } from '../../../src/views/session/session-text.ts';

const AGENTS = new URL('../../data/agents/', import.meta.url).pathname;

function read(backend: string, lines: readonly string[]): string[] {
  const session = sessionText(backend)!;
  return [...lines.flatMap(line => session.push(line)), ...session.end()].map(({ t, text }) =>
    t === null ? text : `${t.slice(11, 19)} ${text}`,
  );
}
const recorded = (name: string) => readFileSync(join(AGENTS, `${name}.jsonl`), 'utf8').split('\n');
const json = (...events: object[]) => events.map(event => JSON.stringify(event));

test.each(['claude', 'codex', 'gemini'])('%s: what it said, its tools and how it ended', backend => {
  const told = read(backend, recorded(`${backend}/a-happy`)).map(line =>
    line.replace(/^\d\d(:\d\d){2} /, ''),
  );
  const tool = {
    claude: ['Write', 'Bash'],
    codex: ['shell', 'shell'],
    gemini: ['write_file', 'run_shell_command'],
  }[backend]!;
  const said = told.filter(line => !line.startsWith('!'));
  expect(said[0]).toMatch(/^= session [\w-]{36}/);
  expect(said.slice(1, -1)).toEqual([
    'I will write the file.',
    expect.stringMatching(new RegExp(`^> ${tool[0]}: .*hello\\.txt$`)),
    'Now commit.',
    `> ${tool[1]}: git add -A && git commit -qm "add hello" && git log --oneline | head -1`,
    'All done.',
  ]);
  expect(said.at(-1)).toMatch(/^= (?:session|turn) over/);
});

describe.each(['claude', 'codex', 'gemini'])('%s', backend => {
  const names = readdirSync(join(AGENTS, backend))
    .filter(name => name.endsWith('.jsonl'))
    .map(name => `${backend}/${name.slice(0, -6)}`);

  test.each(names)('%s: every event is known, and no line is JSON', name => {
    const lines = recorded(name);
    const events = lines.filter(line => line.startsWith('{') && isJson(line));
    for (const line of read(backend, events)) expect(line).not.toMatch(/^\{/);
    // What is no event (the program's own error channel, a torn end) is there as it was.
    const other = lines.filter(line => line.trim() !== '' && !events.includes(line));
    expect(read(backend, lines).filter(line => other.includes(line))).toEqual(other);
  });
});

test('what went wrong is told: a refused tool, a limit, an error of the service', () => {
  expect(read('claude', recorded('claude/c3-usage-limit-subscription'))).toContainEqual(
    '! usage limit reached, five_hour, until 2026-11-21T16:06:10.000Z',
  );
  expect(read('claude', recorded('claude/g3-no-permission')).join('\n')).toContain('! Write was refused: ');
  expect(read('claude', recorded('claude/c1-429-529-500-midstream-then-ok')).join('\n')).toContain(
    '= the service answered 529, overloaded; tried again (1 of 10)',
  );
  expect(read('codex', recorded('codex/c2-usage-limit')).join('\n')).toMatch(
    /^! turn failed: .*usage limit/m,
  );
  expect(read('gemini', recorded('gemini/c2-usage-limit-plain429')).at(-1)).toMatch(
    /! session over: error.*exhausted/,
  );
});

test('codex app-server: the same items in another spelling', () => {
  const item = { type: 'commandExecution', command: "/bin/bash -lc 'npm test'" };
  expect(
    read('codex', [
      ...json({ method: 'item/started', params: { item }, emittedAtMs: 1795218802000 }),
      ...json({ method: 'item/commandExecution/outputDelta', params: { delta: 'x' } }),
      ...json({
        method: 'item/completed',
        params: { item: { ...item, exitCode: 1, aggregatedOutput: 'red\n' } },
      }),
      ...json({ method: 'item/completed', params: { item: { type: 'agentMessage', text: 'one\n\ntwo' } } }),
      ...json({ id: 3, error: { message: 'no such thread' } }, { id: 4, result: {} }),
      ...json({
        method: 'turn/completed',
        params: { turn: { status: 'failed', error: { message: 'limit' } } },
      }),
    ]),
  ).toEqual([
    '23:53:22 > shell: npm test',
    '! exit code 1: red',
    'one',
    'two',
    '! no such thread',
    '! turn failed: limit',
  ]);
});

test('words that come in pieces are put together, and end where something else begins', () => {
  const update = (update: object) => ({ jsonrpc: '2.0', method: 'session/update', params: { update } });
  const words = (text: string) =>
    update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
  expect(
    read('acp:opencode', [
      ...json(words('I will '), words('write\nand '), words('commit.')),
      ...json(update({ sessionUpdate: 'tool_call', title: 'npm test', rawInput: { command: 'npm test' } })),
      ...json(update({ sessionUpdate: 'usage_update', used: 1 }), words('Done')),
    ]),
  ).toEqual(['I will write', 'and commit.', '> npm test', 'Done']);
});

test('an event that is not known, a line that is none, and one of rasen', () => {
  const odd = '{"type":"telepathy","thought":1}';
  const lines = [odd, 'Warning: old node', '{"torn', '', ...json({ type: 'rasen/note_said', note: '0001' })];
  expect(read('claude', lines)).toEqual([odd, 'Warning: old node', '{"torn', '= was told a note: 0001']);
});

test('what only a program that is spoken with says is not for people', () => {
  const spoken = [{ type: 'command_lifecycle', state: 'queued' }, { type: 'control_request' }];
  expect(read('claude', json(...spoken))).toEqual([]);
});

test('shapes that make no sense break nothing', () => {
  const types = [
    'assistant',
    'user',
    'result',
    'item.completed',
    'tool_use',
    'message',
    'error',
    'turn.failed',
  ];
  const values = [null, 7, 'x', [], [null, 7], {}, { content: 7, item: [], message: [[]], text: {} }];
  for (const backend of ['claude', 'codex', 'gemini', 'opencode', 'acp'])
    for (const type of types)
      for (const value of values) {
        const event = {
          type,
          message: value,
          item: value,
          part: value,
          content: value,
          error: value,
          role: 'assistant',
        };
        expect(() =>
          read(backend, json(event, { method: type, params: value, jsonrpc: '2.0' })),
        ).not.toThrow();
      }
});

test('a limit that ends at no time a clock can show is told without one', () => {
  for (const resetsAt of [-1e300, 1e300, 'soon'])
    expect(
      read('claude', json({ type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt } })),
    ).toEqual(['! usage limit reached']);
});

test('nothing that a terminal would obey, and no token', () => {
  const text = `\x1b[2J one\rtwo ghp_${'a1'.repeat(18)}`;
  const content = [
    { type: 'text', text },
    { type: 'tool_use', name: 'Bash', input: { command: text } },
  ];
  const told = read('claude', json({ type: 'assistant', message: { content } })).join('\n');
  expect(told).toContain('[hidden]');
  expect(told).not.toMatch(/[\x00-\x09\x0b-\x1f]|ghp_/);
});

test('words on the error channel of an agent are shown without their colours, and folded where they are long', () => {
  expect(read('opencode', ['\x1b[91m\x1b[1mError: \x1b[0mSession not found'])).toEqual([
    'Error: Session not found',
  ]);
  const [long] = read('gemini', ['y'.repeat(3 * 1024 * 1024)]);
  expect(long!.length).toBeLessThan(4100);
  expect(long).toContain('… (3.0 MiB in all; with --raw it is whole)');
});

test('a push and another model are told, what only counts is not', () => {
  const system = (subtype: string, more: object) => ({ type: 'system', subtype, ...more });
  const events = [
    system('vcs_state_changed', { kind: 'commit', branch: 'main', cwd: '/p' }),
    system('vcs_state_changed', { kind: 'push', branch: 'main', cwd: '/p' }),
    system('model_fallback', { fallback_model: 'small', content: 'the large one is overloaded' }),
    system('task_progress', {}),
  ];
  expect(read('claude', json(...events))).toEqual([
    '! pushed to a remote, main, /p',
    '= goes on with small: the large one is overloaded',
  ]);
});

test('the output of any other program is no stream of events', () => {
  expect(sessionText('command')).toBeNull();
});

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
