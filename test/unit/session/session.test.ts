/** The session program for real, with small programs in the place of codex. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTimeOf } from '../../../src/runner/identity.ts';
import { until } from '../../support/instance.ts';
import { CODEX, SessionRig } from '../../support/session-rig.ts';

let rig: SessionRig;
beforeEach(() => {
  rig = new SessionRig();
});
afterEach(() => rig.close());

const lines = (output: string) => output.split('\n').filter(line => line !== '');
const own = (output: string) =>
  lines(output)
    .filter(line => line.startsWith('{"type":"rasen/'))
    .map(line => JSON.parse(line));

test('the agent is told the prompt, every line of it is copied as it is, and its input ends when it is through', async () => {
  const argv = rig.agent(`${CODEX}
    process.stderr.write('a word of the error channel\\n');
    codex(message => {
      if (message.method !== 'turn/start') return;
      process.stdout.write('  {"method":"item/started",   "params":{"é":"ü"}}  \\nno json at all\\n');
      end();
    }, () => { writeFileSync('heard', heard.join('\\n')); process.exit(0); });`);
  const session = rig.start(argv);
  expect(await session.ended).toBe(0);
  const heard = lines(readFileSync(rig.path('heard'), 'utf8')).map(line => JSON.parse(line));
  expect(heard.map(message => message.method)).toEqual([
    'initialize',
    'initialized',
    'thread/start',
    'turn/start',
  ]);
  expect(heard[2].params).toEqual({ cwd: rig.root, approvalPolicy: 'never' });
  expect(heard[3].params).toEqual({ threadId: 'thread-1', input: [{ type: 'text', text: 'Do the work.' }] });
  expect(session.output()).toContain(
    '\n  {"method":"item/started",   "params":{"é":"ü"}}  \nno json at all\n',
  );
  expect(session.output()).toContain('a word of the error channel\n');
  expect(own(session.output())).toEqual([]);
  expect(rig.locks(), 'the lock goes with the session').toEqual([]);
});

test.each([
  ['process.exit(7)', 7],
  ["process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)", 137],
])('it ends as the agent ends: %s', async (body, code) => {
  expect(await rig.start(rig.agent(body)).ended).toBe(code);
});

test('what a process that the agent left holds open does not keep it', async () => {
  const argv = rig.agent(`import { spawn } from 'node:child_process';
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'inherit' });
    writeFileSync('left', String(child.pid));
    say({ type: 'last' });
    process.exit(3);`);
  const session = rig.start(argv);
  expect(await session.ended).toBe(3);
  expect(session.output()).toContain('{"type":"last"}\n');
  process.kill(Number(readFileSync(rig.path('left'), 'utf8')), 'SIGKILL');
});

test('options for the runtime are those of the agent, and the environment is as it was', async () => {
  const shows = ['sh', '-c', 'echo "<$NODE_OPTIONS> <$RASEN_NODE_OPTIONS> <$OTHER>"'];
  const env = { NODE_OPTIONS: '--require=/no/such/module', OTHER: 'kept' };
  const session = rig.start(shows, {}, env);
  expect([await session.ended, session.output()]).toEqual([0, '<--require=/no/such/module> <> <kept>\n']);
  const without = rig.start(['sh', '-c', 'echo "<${NODE_OPTIONS-unset}>"'], {}, { NODE_OPTIONS: undefined });
  expect([await without.ended, without.output()]).toEqual([0, '<unset>\n']);
});

test('a program that is not there is said in a line of its own', async () => {
  const session = rig.start([rig.path('nothing')]);
  expect(await session.ended).toBe(127);
  expect(own(session.output())).toEqual([
    { type: 'rasen/not_started', reason: expect.stringContaining('ENOENT') },
  ]);
});

test('an agent that is through and does not end is ended, which is no failure', async () => {
  const argv = rig.agent(`${CODEX}
    setInterval(() => {}, 1000);
    codex(message => { if (message.method === 'turn/start') end(); });`);
  const session = rig.start(argv);
  expect(await session.ended).toBe(0);
  expect(own(session.output())).toEqual([{ type: 'rasen/ended_by_force' }]);
});

test('asked to stop: the agent is interrupted and can end by itself', async () => {
  const argv = rig.agent(`${CODEX}
    process.on('SIGTERM', () => { say({ type: 'told to end' }); process.exit(1); });
    codex(message => {
      if (message.method === 'turn/start') say({ type: 'works' });
      if (message.method === 'turn/interrupt') end('interrupted');
    }, () => process.exit(0));`);
  const session = rig.start(argv);
  await session.said('works');
  const identity = JSON.parse(readFileSync(join(session.folder, 'session'), 'utf8'));
  expect([identity.pid, identity.start]).toEqual([session.child.pid, startTimeOf(session.child.pid!)]);
  session.child.kill('SIGTERM');
  expect(await session.ended).toBe(0);
  expect(session.output()).toContain('"status":"interrupted"');
  expect(session.output()).not.toContain('told to end');
});

test('asked to stop a second time, or where nothing can be said: the agent is told to end', async () => {
  const argv = rig.agent(`${CODEX}
    process.on('SIGTERM', () => { say({ type: 'told to end' }); process.exit(5); });
    if (existsSync('mute')) { say({ type: 'works' }); setInterval(() => {}, 1000); }
    else codex(message => {
      if (message.method === 'turn/start') say({ type: 'works' });
      if (message.method === 'turn/interrupt') say({ type: 'interrupted' });
    });`);
  const stubborn = rig.start(argv);
  await stubborn.said('works');
  stubborn.child.kill('SIGTERM');
  await stubborn.said('interrupted');
  stubborn.child.kill('SIGTERM');
  expect(await stubborn.ended).toBe(5);
  expect(stubborn.output()).toContain('told to end');

  writeFileSync(rig.path('mute'), '');
  const mute = rig.start(argv);
  await mute.said('works');
  mute.child.kill('SIGTERM');
  expect(await mute.ended).toBe(5);
});

test('notes are said in the order of their names, while there is somebody to hear them', async () => {
  const argv = rig.agent(`${CODEX}
    codex((message, line) => {
      if (message.method === 'turn/start') say({ type: 'works' });
      if (message.method !== 'turn/steer') return;
      say({ id: message.id, result: {} });
      appendFileSync('steered', line + '\\n');
      if (message.params.input[0].text === 'the second') end();
    }, () => process.exit(0));`);
  const session = rig.start(argv);
  session.note('2', 'the second');
  session.note('1', 'the first');
  expect(await session.ended).toBe(0);
  const steered = lines(readFileSync(rig.path('steered'), 'utf8')).map(line => JSON.parse(line).params);
  expect(steered.map(params => [params.expectedTurnId, params.input[0].text])).toEqual([
    ['turn-1', 'the first'],
    ['turn-1', 'the second'],
  ]);
  expect(own(session.output())).toEqual([
    { type: 'rasen/note_said', note: '1' },
    { type: 'rasen/note_said', note: '2' },
  ]);
  expect(session.notes()).toEqual([]);
});

test('a note that comes while it works is said; one that comes too late stays', async () => {
  const argv = rig.agent(`${CODEX}
    codex(message => {
      if (message.method === 'turn/start') say({ type: 'works' });
      if (message.method !== 'turn/steer') return;
      say({ id: message.id, result: {} });
      end();
    }, () => { const wait = setInterval(() => existsSync('enough') && clearInterval(wait), 10); });`);
  const session = rig.start(argv);
  await session.said('works');
  session.note('1', 'in time');
  await session.said('note_said');
  await session.said('turn/completed');
  session.note('2', 'too late');
  writeFileSync(rig.path('enough'), '');
  expect(await session.ended).toBe(0);
  expect(session.notes()).toEqual(['2.md']);
});

test('a note that the turn did not take any more begins another turn', async () => {
  const argv = rig.agent(`${CODEX}
    let turns = 0;
    codex((message, line) => {
      if (message.method === 'turn/start') {
        if (++turns === 1) return say({ type: 'works' });
        writeFileSync('second', line);
        end();
      }
      if (message.method !== 'turn/steer') return;
      say({ id: message.id, error: { code: -32600, message: 'no active turn to steer' } });
      end();
    }, () => process.exit(0));`);
  const session = rig.start(argv);
  await session.said('works');
  session.note('1', 'late words');
  expect(await session.ended).toBe(0);
  expect(JSON.parse(readFileSync(rig.path('second'), 'utf8')).params.input).toEqual([
    { type: 'text', text: 'late words' },
  ]);
});

test('a note that nobody took stays for the next prompt', async () => {
  const argv = rig.agent(`${CODEX}
    codex(message => {
      if (message.method === 'turn/start') say({ type: 'works' });
      if (message.method !== 'turn/steer') return;
      say({ id: message.id, error: { code: -32600, message: 'no active turn to steer' } });
      end('failed');
    }, () => process.exit(0));`);
  const session = rig.start(argv);
  await session.said('works');
  session.note('1', 'late words');
  expect(await session.ended).toBe(0);
  expect([own(session.output()), session.notes()]).toEqual([[], ['1.md']]);
});

test('what it asks is refused at once', async () => {
  const asks = [
    'item/commandExecution/requestApproval',
    'item/fileChange/requestApproval',
    'item/permissions/requestApproval',
    'mcpServer/elicitation/request',
    'item/tool/call',
    'item/tool/requestUserInput',
    'of/a/later/version',
  ];
  const argv = rig.agent(`${CODEX}
    const asks = ${JSON.stringify(asks)};
    const answers = [];
    codex(message => {
      if (message.method === 'turn/start')
        asks.forEach((method, n) => say({ id: 'ask-' + n, method, params: { questions: [{ id: 'q1' }] } }));
      if (!String(message.id).startsWith('ask-')) return;
      answers.push(message);
      if (answers.length < asks.length) return;
      writeFileSync('answers', JSON.stringify(answers));
      end();
    }, () => process.exit(0));`);
  expect(await rig.start(argv).ended).toBe(0);
  const nobody = expect.stringContaining('Nobody is there');
  expect(JSON.parse(readFileSync(rig.path('answers'), 'utf8'))).toEqual([
    { id: 'ask-0', result: { decision: 'decline' } },
    { id: 'ask-1', result: { decision: 'decline' } },
    { id: 'ask-2', result: { permissions: {}, scope: 'turn' } },
    { id: 'ask-3', result: { action: 'decline', content: null, _meta: null } },
    { id: 'ask-4', result: { contentItems: [{ type: 'inputText', text: nobody }], success: false } },
    { id: 'ask-5', result: { answers: { q1: { answers: [nobody] } } } },
    { id: 'ask-6', error: { code: -32601, message: nobody } },
  ]);
});

test('a version that refuses to be spoken with is started in its older form, with the prompt', async () => {
  const argv = rig.agent(
    `process.stderr.write("error: unrecognized subcommand 'app-server'\\n"); process.exit(2);`,
  );
  const fallback = rig.agent(`
    let prompt = '';
    process.stdin.on('data', text => { prompt += text; }).on('end', () => { say({ prompt }); process.exit(4); });`);
  const session = rig.start(argv, { fallback });
  expect(await session.ended).toBe(4);
  const said = lines(session.output());
  expect(said.slice(-2).map(line => JSON.parse(line))).toEqual([
    { type: 'rasen/fallback' },
    { prompt: 'Do the work.' },
  ]);
  expect(existsSync(join(session.folder, 'notes', 'deaf')), 'rasend knows it').toBe(true);
});

test.each([
  ['it has failed for another reason', "process.stderr.write('Error: no such model\\n'); process.exit(2);"],
  [
    'it has spoken',
    "say({}); process.stderr.write('unknown option\\n'); setTimeout(() => process.exit(2), 50);",
  ],
])('no fallback where %s', async (_, body) => {
  const session = rig.start(rig.agent(body), { fallback: rig.agent("writeFileSync('fell', '')") });
  expect(await session.ended).toBe(2);
  expect(existsSync(rig.path('fell'))).toBe(false);
});

test('a line without end, and one that is too long to be held, reach the output whole', async () => {
  const argv = rig.agent(`
    process.stdout.write('x'.repeat(5 * 1024 * 1024) + '\\n', () => {
      process.stdout.write('{"torn":', () => process.exit(0));
    });`);
  const session = rig.start(argv);
  expect(await session.ended).toBe(0);
  expect(session.output()).toBe(`${'x'.repeat(5 * 1024 * 1024)}\n{"torn":`);
});

const WORKS_ON = `${CODEX}
  codex(message => {
    if (message.method === 'turn/start') { appendFileSync('started', process.pid + '\\n'); say({ type: 'works' }); }
  }, () => process.exit(0));`;

test('a session that somebody works in is left alone; after his end, even a sudden one, it is free', async () => {
  const argv = rig.agent(WORKS_ON);
  const first = rig.start(argv, { resume: 'id/with.strange words' });
  await first.said('works');
  const second = rig.start(argv, { resume: 'id/with.strange words' });
  expect(await second.ended).toBe(75);
  expect(lines(second.output()).map(line => JSON.parse(line))).toEqual([
    { type: 'rasen/session_locked', session: 'id/with.strange words' },
  ]);
  expect(lines(readFileSync(rig.path('started'), 'utf8'))).toHaveLength(1);
  const other = rig.start(argv, { resume: 'id/with' });
  await other.said('works');

  first.child.kill('SIGKILL');
  await first.ended;
  const agent = Number(lines(readFileSync(rig.path('started'), 'utf8'))[0]);
  await until('its agent has ended', () => startTimeOf(agent) === null);
  const third = rig.start(argv, { resume: 'id/with.strange words' });
  await third.said('works');
});

test('the agent that outlives its session program holds the session', async () => {
  const argv = rig.agent(`${CODEX}
    process.on('SIGTERM', () => {});
    setInterval(() => {}, 1000);
    process.stdout.on('error', () => {});
    codex(message => {
      if (message.method === 'turn/start') { writeFileSync('pid', String(process.pid)); say({ type: 'works' }); }
    });`);
  const first = rig.start(argv, { resume: 'a' });
  await first.said('works');
  first.child.kill('SIGKILL');
  await first.ended;
  expect(await rig.start(rig.agent(WORKS_ON), { resume: 'a' }).ended).toBe(75);
  process.kill(Number(readFileSync(rig.path('pid'), 'utf8')), 'SIGKILL');
});

test('a new session turns out to be taken: the agent is ended before it works', async () => {
  const holder = rig.start(rig.agent(WORKS_ON), { resume: 'thread-1' });
  await holder.said('works');
  const session = rig.start(rig.agent(WORKS_ON));
  expect(await session.ended).toBe(75);
  expect(own(session.output())).toEqual([{ type: 'rasen/session_locked', session: 'thread-1' }]);
  expect(lines(readFileSync(rig.path('started'), 'utf8'))).toHaveLength(1);
});
