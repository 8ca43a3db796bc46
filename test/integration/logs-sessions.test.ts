/** `rasen logs` of tasks that agents work on: readable, live, raw on request, and not one line of JSON by chance. */
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { RASEN, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { APPROVES, WORKS } from '../support/scripted-agent.ts';

const project = projects();

test('sessions are shown as people read them, with --raw as their programs wrote them', async () => {
  const p = project({
    config: command => ({
      agent: { backend: 'claude', command },
      agents: { reviewer: { backend: 'gemini', command } },
    }),
    script: {
      a: [[...WORKS, { replay: 'claude/a-happy' }, { say: 'a line of its own' }]],
      reviewer: [[...APPROVES, { replay: 'gemini/a-happy' }]],
    },
  });
  await p.init([{ id: 'a' }, { id: 'b', run: ['echo', '{"type":"assistant"}'], needs: ['a'] }]);
  expect((await p.rasen('run')).status).toBe(0);

  const log = await p.ok('logs', '-n', 'all');
  expect(log).toMatch(/ - INFO - Working on subtask: a\n/);
  expect(log).toMatch(/\n\[a\] [:\d]{8} I will write the file\.\n\[a\] [:\d]{8} > Write: \/.*hello\.txt\n/);
  expect(log).toMatch(/\n\[a\] = session over: success, 3 turns, \$0\.01\n\[a\] a line of its own\n/);
  // What a command prints is not for rasen to understand.
  expect(log).toContain('\n[b] {"type":"assistant"}\n');
  expect(log.split('\n').filter(line => line.includes('{'))).toEqual(['[b] {"type":"assistant"}']);
  expect(await p.ok('logs', '-n', 'all', '--gates')).toMatch(/\n\[_final\] [:\d]{8} > write_file: /);

  // The last lines of what is shown, not of what was written.
  const lines = log.trimEnd().split('\n');
  expect((await p.ok('logs', '-n', '12')).trimEnd().split('\n')).toEqual(lines.slice(-12));
  expect((await p.ok('logs', '-n', '12', '--follow')).trimEnd().split('\n')).toEqual(lines.slice(-12));

  const only = await p.ok('logs', '--subtask', 'a', '-n', 'all');
  expect(only).toMatch(/(?:^|\n)= session [^\n]*\n[:\d]{8} I will write/);
  expect(await p.ok('logs', '--subtask', 'b')).toBe('{"type":"assistant"}\n');
  const raw = await p.ok('logs', '--subtask', 'a', '--raw', '-n', 'all');
  expect(raw).toMatch(/(?:^|\n)\{"type":"system","subtype":"init".*\n[\s\S]*\na line of its own\n$/);
  expect(await p.ok('logs', '--raw', '-n', 'all')).toContain('\n[a] {"type":"system","subtype":"init"');
  const records = (await p.ok('logs', '--format', 'json', '-n', 'all'))
    .trimEnd()
    .split('\n')
    .map(l => JSON.parse(l));
  const outputs = records.filter(r => r.kind === 'output');
  expect(outputs.map(r => [r.subtask, r.agent])).toEqual([
    ['a', 'claude'],
    ['b', null],
  ]);
  expect(outputs[0].text).toBe(raw);
});

test('a session is followed while it goes on, over a crash of the supervisor', async () => {
  const p = project({
    config: command => ({ agent: { backend: 'claude', command } }),
    script: {
      a: [
        [
          { replay: 'claude/h1-include-partial-messages' },
          { await: '{project}/../go' },
          ...WORKS,
          { replay: 'claude/a-happy' },
        ],
      ],
    },
  });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await p.session('a');
  const follower = spawn(RASEN, ['logs', '--follow', '-n', '3'], {
    cwd: p.root,
    env: p.instance.env,
    stdio: 'pipe',
  });
  const ended = new Promise(resolve => follower.once('exit', resolve));
  let seen = '';
  follower.stdout.setEncoding('utf8').on('data', text => {
    seen += text;
  });
  await until('what the session said so far', () => seen.includes('session over'));
  await p.crash();
  await p.instance.start();
  p.write({ '../go': '' });
  expect(await ended).toBe(0);
  expect(seen.match(/> Write: .*claude-happy/g)).toHaveLength(1);
  expect(seen).not.toContain('{');
});
