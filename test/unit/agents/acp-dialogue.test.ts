/** The session program with small programs that speak the Agent Client Protocol. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../support/instance.ts';
import { SessionRig } from '../../support/session-rig.ts';

let rig: SessionRig;
beforeEach(() => {
  rig = new SessionRig();
});
afterEach(() => rig.close());

/**
 * An agent with one session, which it says it opened with `opened`; `on` hears every message, `turn` what is prompted.
 * `done()` ends the turn. What it heard is in the file `heard` when its input has ended.
 */
const ACP = `
const answer = (message, result) => say({ jsonrpc: '2.0', id: message.id, result });
let prompt = null;
const done = (stopReason = 'end_turn') => answer(prompt, { stopReason });
const ask = (id, method, params) => say({ jsonrpc: '2.0', id, method, params: { sessionId: 's1', ...params } });
const OPTIONS = ['allow_always', 'allow_once', 'reject_once'].map(kind => ({ optionId: kind, name: kind, kind }));
const acp = ({ turn = done, on = () => {}, version = 1, capabilities = {}, opened = {} }) => hear(message => {
  if (message.method === 'initialize')
    answer(message, { protocolVersion: version, agentCapabilities: capabilities });
  if (message.method === 'session/new') answer(message, { sessionId: 's1', ...opened });
  if (message.method === 'session/resume' || message.method === 'session/load') answer(message, opened);
  if (message.method?.startsWith('session/set_'))
    answer(message, message.method === 'session/set_config_option' ? { configOptions: [] } : {});
  if (message.method === 'session/prompt') turn((prompt = message).params.prompt[0].text);
  on(message);
}, () => { writeFileSync('heard', heard.join('\\n')); process.exit(0); });
`;

type Message = { id?: unknown; method?: string; params?: any; result?: any; error?: any };
const lines = (text: string) => text.split('\n').filter(line => line !== '');
const heard = (): Message[] => lines(readFileSync(rig.path('heard'), 'utf8')).map(line => JSON.parse(line));
const own = (output: string) =>
  lines(output)
    .filter(line => line.startsWith('{"type":"rasen/'))
    .map(line => JSON.parse(line));
const start = (body: string, more: object = {}) => rig.start(rig.agent(ACP + body), { kind: 'acp', ...more });
const said = (method: string) => heard().filter(message => message.method === method);

test('a session, a prompt, and its input ends when the turn is over; what is asked stands before its answer', async () => {
  const session = start('acp({})');
  expect(await session.ended).toBe(0);
  expect(heard().map(message => message.method)).toEqual(['initialize', 'session/new', 'session/prompt']);
  const [hello, opened, prompt] = heard();
  expect(hello!.params.clientCapabilities).toEqual({
    fs: { readTextFile: false, writeTextFile: false },
    terminal: false,
  });
  expect(opened!.params).toEqual({ cwd: rig.root, mcpServers: [] });
  expect(prompt!.params).toEqual({ sessionId: 's1', prompt: [{ type: 'text', text: 'Do the work.' }] });
  const kinds = lines(session.output()).map(line => {
    const { type, method, id } = JSON.parse(line);
    return type === 'rasen/asked' ? `asks ${method} as ${id}` : `answer ${id}`;
  });
  expect(kinds).toEqual([
    'asks initialize as 0',
    'answer 0',
    'asks session/new as 1',
    'answer 1',
    'asks session/prompt as 2',
    'answer 2',
  ]);
  expect(rig.locks(), 'the lock goes with the session').toEqual([]);
});

test('who asks for permission is answered at once, by what it wants to do', async () => {
  const session = start(
    `const calls = [
      { kind: 'edit', locations: [{ path: process.cwd() + '/a.txt' }] },
      { kind: 'edit', locations: [{ path: '/etc/passwd' }] },
      { kind: 'execute', title: 'make test' },
      { kind: 'other', title: 'an unknown tool' },
      { kind: 'other', rawInput: { parentDir: '/srv/results' } },
    ];
    acp({
      turn: () => calls.forEach((call, n) => ask('p' + n, 'session/request_permission',
        { options: OPTIONS, toolCall: { toolCallId: 'c' + n, ...call } })),
      on: message => { if (message.id === 'p' + (calls.length - 1)) done(); },
    });`,
    { writable: ['/srv/results'] },
  );
  expect(await session.ended).toBe(0);
  const answers = heard().filter(message => String(message.id).startsWith('p'));
  expect(answers.map(({ result }) => result.outcome.optionId)).toEqual([
    'allow_once',
    'reject_once',
    'allow_once',
    'reject_once',
    'allow_once',
  ]);
  const refused = own(session.output()).filter(line => line.type === 'rasen/refused');
  expect(refused).toEqual([
    { type: 'rasen/refused', tool: 'edit', reason: expect.stringContaining('/etc/passwd is outside') },
    { type: 'rasen/refused', tool: 'an unknown tool', reason: 'nobody is there to allow it' },
  ]);
});

test('files and terminals of ours are not there, whoever asks for them all the same', async () => {
  const session = start(`acp({
    turn: () => ask('f1', 'fs/write_text_file', { path: '/tmp/x', content: 'x' }),
    on: message => { if (message.id === 'f1') done(); },
  });`);
  expect(await session.ended).toBe(0);
  expect(heard().find(message => message.id === 'f1')!.error.code).toBe(-32601);
});

test('a note waits for the end of the turn, and is one more prompt of the same session', async () => {
  const session = start(`acp({
    turn: text => {
      if (text !== 'Do the work.') return done();
      const wait = setInterval(() => { if (existsSync('go')) { clearInterval(wait); done(); } }, 10);
      say({ type: 'works' });
    },
  });`);
  await session.said('works');
  session.note('2', 'and then this');
  session.note('1', 'also that');
  expect(session.output()).not.toContain('note_said');
  writeFileSync(rig.path('go'), '');
  expect(await session.ended).toBe(0);
  expect(said('session/prompt').map(({ params }) => [params.sessionId, params.prompt[0].text])).toEqual([
    ['s1', 'Do the work.'],
    ['s1', 'also that'],
    ['s1', 'and then this'],
  ]);
  const notes = own(session.output()).filter(line => line.type === 'rasen/note_said');
  expect(notes.map(line => line.note)).toEqual(['1', '2']);
  expect(session.notes()).toEqual([]);
});

test('asked to stop: the turn is cancelled, and it ends by itself', async () => {
  const session = start(`acp({
    turn: () => say({ type: 'works' }),
    on: message => { if (message.method === 'session/cancel') done('cancelled'); },
  });`);
  await session.said('works');
  session.child.kill('SIGTERM');
  expect(await session.ended).toBe(0);
  expect(session.output()).toContain('"stopReason":"cancelled"');
  expect(said('session/cancel')[0]!.params).toEqual({ sessionId: 's1' });
});

test('a session is gone on with by what the agent has for it', async () => {
  const resumes = { capabilities: { loadSession: true, sessionCapabilities: { resume: {} } } };
  expect(await start(`acp(${JSON.stringify(resumes)})`, { resume: 's0' }).ended).toBe(0);
  expect(heard().map(message => message.method)).toEqual(['initialize', 'session/resume', 'session/prompt']);
  expect(said('session/prompt')[0]!.params.sessionId).toBe('s0');
  const loads = { capabilities: { loadSession: true } };
  expect(await start(`acp(${JSON.stringify(loads)})`, { resume: 's0' }).ended).toBe(0);
  expect(heard().map(message => message.method)).toEqual(['initialize', 'session/load', 'session/prompt']);
});

test('the mode without a sandbox of its own, the folders and the model are chosen where they can be', async () => {
  const models = ['a', 'b'].map(value => ({ value, name: value }));
  const opened = {
    modes: {
      currentModeId: 'agent',
      availableModes: [
        { id: 'agent', name: 'Agent' },
        { id: 'agent-full-access', name: 'All' },
      ],
    },
    configOptions: [
      { id: 'm', name: 'Model', category: 'model', type: 'select', currentValue: 'a', options: models },
    ],
  };
  const capabilities = { sessionCapabilities: { additionalDirectories: {} } };
  const body = `acp(${JSON.stringify({ capabilities, opened })})`;
  expect(await start(body, { model: 'b', writable: ['/srv/git'] }).ended).toBe(0);
  expect(said('session/new')[0]!.params.additionalDirectories).toEqual(['/srv/git']);
  expect(said('session/set_mode')[0]!.params).toEqual({ sessionId: 's1', modeId: 'agent-full-access' });
  expect(said('session/set_config_option')[0]!.params).toMatchObject({ configId: 'm', value: 'b' });
  expect(said('session/prompt')).toHaveLength(1);

  const strange = start(body, { model: 'c' });
  expect(await strange.ended).toBe(0);
  expect(own(strange.output()).at(-1)).toEqual({
    type: 'rasen/not_started',
    reason: 'it does not offer the model c, but a, b',
  });
  expect(said('session/prompt')).toEqual([]);

  const older = start(`acp({ opened: { models: { currentModelId: 'a', availableModels: [] } } })`, {
    model: 'b',
  });
  expect(await older.ended).toBe(0);
  expect(said('session/set_model')[0]!.params).toEqual({ sessionId: 's1', modelId: 'b' });
});

test('another version of the protocol, or no choice of a model, is said in a line of its own', async () => {
  const other = start('acp({ version: 2 })');
  expect(await other.ended).toBe(0);
  expect(own(other.output()).at(-1)).toEqual({
    type: 'rasen/not_started',
    reason: 'it speaks version 2 of the protocol; version 1 is known',
  });
  const choiceless = start('acp({})', { model: 'x' });
  expect(await choiceless.ended).toBe(0);
  expect(own(choiceless.output()).at(-1).reason).toContain('lets nobody choose a model');
});

test('garbage between its lines, and an end in the middle of a turn, end nothing but the session', async () => {
  const session = start(`acp({
    turn: () => {
      process.stdout.write('no json\\n{"jsonrpc":\\n[1]\\n{"jsonrpc":"2.0","id":99,"result":{}}\\n');
      process.exit(9);
    },
  });`);
  expect(await session.ended).toBe(9);
  expect(session.output()).toContain('no json\n{"jsonrpc":\n[1]\n');
  expect(existsSync(join(session.folder, 'notes'))).toBe(true);
});

test('after a turn that did not end well nothing is said any more: a note stays for the next attempt', async () => {
  const session = start(`acp({
    turn: () => {
      const wait = setInterval(() => { if (existsSync('go')) { clearInterval(wait); done('refusal'); } }, 10);
      say({ type: 'works' });
    },
  });`);
  await session.said('works');
  session.note('1', 'too late');
  writeFileSync(rig.path('go'), '');
  expect(await session.ended).toBe(0);
  expect(said('session/prompt')).toHaveLength(1);
  expect(session.notes()).toEqual(['1.md']);
});

/** A program that prints this as what it keeps of the session that is its last argument, and writes that down. */
const record = (print: string) =>
  rig.agent(`writeFileSync('asked', process.argv.at(-1)); process.stdout.write(${print}); process.exit(0);`);
const kept = (created: string) =>
  `JSON.stringify({ messages: [{ info: { time: { created: ${created} }, error: { name: 'APIError', data: { message: 'busy', statusCode: 503, isRetryable: true } } } }] })`;
const FAILS = `say({ jsonrpc: '2.0', id: prompt.id, error: { code: -32603, message: 'Internal error: busy' } })`;
const COUNTED_NOTHING = `answer(prompt, { stopReason: 'end_turn', usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 } })`;

test.each([FAILS, COUNTED_NOTHING])(
  'what became of a turn is looked up where its end does not tell: %s',
  async end => {
    const session = start(`acp({ turn: () => ${end} })`, { record: record(kept('Date.now()')) });
    expect(await session.ended).toBe(0);
    expect(readFileSync(rig.path('asked'), 'utf8')).toBe('s1');
    expect(own(session.output()).at(-1)).toEqual({
      ...{ type: 'rasen/failed', name: 'APIError' },
      data: { message: 'busy', statusCode: 503, isRetryable: true },
    });
  },
);

/** One that keeps two calls of the model as well. */
const used = (created: string, title = 'New session - today') =>
  `JSON.stringify({ info: { title: '${title}' }, messages: [1, 2].map(n => ({ info: { time: { created: ${created} } }, parts: [{ type: 'text' }, { type: 'step-finish', cost: 0.5, tokens: { input: 100 * n, output: 10, reasoning: 5, cache: { read: 7, write: 3 } } }] })) })`;

test('what a session used is looked up when it has ended, in whatever way', async () => {
  const all = { input_tokens: 320, cached_input_tokens: 14, output_tokens: 30, cost_usd: 1 };
  for (const [turn, title, partial] of [
    ['done()', 'New session - today', false],
    ['done()', 'A title that a model was asked for', true],
    ['process.exit(9)', 'New session - today', false],
  ] as const) {
    const session = start(`acp({ turn: () => ${turn} })`, { record: record(used('Date.now()', title)) });
    await session.ended;
    expect(own(session.output()).at(-1)).toEqual({ type: 'rasen/used', ...all, partial });
  }
});

test('a turn that ended well did not fail; what cannot be read, or is of an earlier time, tells nothing', async () => {
  const well = start('acp({})', { record: record(kept('Date.now()')) });
  expect(await well.ended).toBe(0);
  expect(well.output()).not.toMatch(/rasen\/(?:failed|used)/);
  for (const argv of [record('"{"'), record(kept('1')), record(used('1')), ['/nowhere/opencode']]) {
    const session = start(`acp({ turn: () => ${FAILS} })`, { record: argv });
    expect(await session.ended).toBe(0);
    expect(session.output()).not.toMatch(/rasen\/(?:failed|used|not_started)/);
  }
});

test('asked to stop while the record is printed, it ends', async () => {
  const slow = rig.agent(`writeFileSync('asked', ''); setInterval(() => {}, 1000);`);
  const session = start(`acp({ turn: () => ${FAILS} })`, { record: slow });
  await until('it is asked', () => existsSync(rig.path('asked')) || null);
  session.child.kill('SIGTERM');
  expect(await session.ended).toBe(0);
  expect(rig.locks()).toEqual([]);
});
