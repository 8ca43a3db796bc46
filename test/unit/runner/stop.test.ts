/** Finding and ending the processes of attempts, with real trees of processes. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { group } from '../../../src/runner/cage/group.ts';
import { bootId, isAlive, startTimeOf } from '../../../src/runner/identity.ts';
import { findMembers, type Member } from '../../../src/runner/members.ts';
import { RUNNER_TEXT, RunnerRig, until } from '../../support/runner-rig.ts';

const SANDBOX = [
  'bwrap',
  '--unshare-user',
  '--unshare-pid',
  '--ro-bind',
  '/',
  '/',
  '--proc',
  '/proc',
  '--dev',
  '/dev',
];
const BWRAP = spawnSync(SANDBOX[0]!, [...SANDBOX.slice(1), 'true']).status === 0;

let rig: RunnerRig;
/** Processes of the test itself, of no attempt. */
const bystanders: Member[] = [];
const bystander = (pid: number) => bystanders.push({ pid, start: startTimeOf(pid)! });
beforeEach(() => {
  rig = new RunnerRig();
});
afterEach(async () => {
  for (const member of bystanders.splice(0)) group.signal(member, 'SIGKILL');
  await rig.close();
});

/** Lives in another session, away from the shell that started it. */
const setsid = (script: string) =>
  `${process.execPath} -e 'require("node:child_process").spawn("sh",["-c",${JSON.stringify(script)}],{detached:true,stdio:"ignore"}).unref()'`;

const alive = (pid: number) => startTimeOf(pid) !== null;
const pidIn = (name: string) =>
  until(name, () => existsSync(join(rig.root, name)) && Number(readFileSync(join(rig.root, name), 'utf8')));

test('SIGTERM is enough: the end is recorded and the steps are told', async () => {
  const attempt = await rig.make([
    'sh',
    '-c',
    'trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.01; done',
  ]);
  await rig.start(attempt);
  await until('the command', () => rig.facts(attempt).output_bytes > 0);
  const steps: string[] = [];
  await rig.stop(attempt, { onStep: step => steps.push(step) });
  expect(steps).toEqual(['sigterm', 'empty']);
  expect(rig.facts(attempt).exit).toMatchObject({ code: 5, signal: null });
  expect(readFileSync(join(attempt.dir, 'output'), 'utf8')).toContain('bye\n');
});

test('a session program is told first, so that the agent can end without being told', async () => {
  const agent = 'trap "echo agent was told" TERM; while [ ! -f interrupted ]; do sleep 0.01; done; echo ends';
  const program = `trap ": >interrupted" TERM; echo $$ >session-pid; sh -c '${agent}' & wait $!; wait $!; echo over`;
  const attempt = await rig.make(['sh', '-c', program]);
  await rig.start(attempt);
  const pid = await pidIn('session-pid');
  const identity = { v: 1, boot: bootId(), pid, start: startTimeOf(pid) };
  writeFileSync(join(attempt.dir, 'session'), `${JSON.stringify(identity)}\n`);
  await rig.stop(attempt);
  expect(readFileSync(join(attempt.dir, 'output'), 'utf8')).toBe('ends\nover\n');
});

test('a session program that does nothing about it: all are told, before the grace is over', async () => {
  const program =
    'trap "" TERM; echo $$ >session-pid; (trap - TERM; exec sleep 60) & wait; echo over; exit 4';
  const attempt = await rig.make(['sh', '-c', program]);
  await rig.start(attempt);
  const pid = await pidIn('session-pid');
  const identity = { v: 1, boot: bootId(), pid, start: startTimeOf(pid) };
  writeFileSync(join(attempt.dir, 'session'), `${JSON.stringify(identity)}\n`);
  await rig.stop(attempt, { grace_ms: 2_000 });
  expect(rig.facts(attempt).exit).toMatchObject({ code: 4 });
});

test.skipIf(!BWRAP)(
  'in a sandbox the command is asked, and not who waits for it; what left it goes with it',
  async () => {
    const program =
      'trap "echo handed off; exit 4" TERM; env -i setsid sh -c "while :; do sleep 0.1; done" & echo up; while :; do sleep 0.01; done';
    const attempt = await rig.make([...SANDBOX, 'sh', '-c', program]);
    await rig.start(attempt);
    await until('the command', () => rig.facts(attempt).output_bytes > 0);
    // Long enough for the test to fail, if it were waited for.
    await rig.stop(attempt, { grace_ms: 3_600_000 });
    expect(rig.facts(attempt).exit).toMatchObject({ code: 4 });
    expect(readFileSync(join(attempt.dir, 'output'), 'utf8')).toContain('handed off');
  },
);

test('what ignores SIGTERM is killed after the grace, and the runner records that', async () => {
  const attempt = await rig.make(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 0.01; done']);
  await rig.start(attempt);
  await until('the command', () => rig.facts(attempt).output_bytes > 0);
  const steps: string[] = [];
  await rig.stop(attempt, { grace_ms: 50, onStep: step => steps.push(step) });
  expect(steps).toEqual(['sigterm', 'sigkill', 'empty']);
  expect(rig.facts(attempt).exit).toMatchObject({ code: 137, signal: 9 });
});

test('force ends the grace at once', async () => {
  const attempt = await rig.make(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 0.01; done']);
  await rig.start(attempt);
  await until('the command', () => rig.facts(attempt).output_bytes > 0);
  const force = new AbortController();
  const steps: string[] = [];
  await rig.stop(attempt, {
    grace_ms: 3_600_000,
    signal: force.signal,
    onStep: step => {
      steps.push(step);
      if (step === 'sigterm') setImmediate(() => force.abort());
    },
  });
  expect(steps).toEqual(['sigterm', 'sigkill', 'empty']);
});

test('a stopped command sees SIGTERM', async () => {
  const attempt = await rig.make([
    'sh',
    '-c',
    'trap "exit 6" TERM; echo up; kill -STOP $$; while :; do sleep 0.01; done',
  ]);
  await rig.start(attempt);
  await until('the command', () => rig.facts(attempt).output_bytes > 0);
  await rig.stop(attempt);
  expect(rig.facts(attempt).exit).toMatchObject({ code: 6 });
});

test('a group that was stopped as a whole, runner included, is ended and recorded', async () => {
  const attempt = await rig.make(['sleep', '1000']);
  await rig.start(attempt);
  const identity = await rig.identity(attempt);
  await until('the command', () => rig.members(attempt).length === 1);
  process.kill(-identity.pid, 'SIGSTOP');
  await rig.stop(attempt);
  expect(rig.facts(attempt).exit).toMatchObject({ signal: 15 });
});

test('a folder in the place of the record does not keep the end from being recorded', async () => {
  const attempt = await rig.make(['sleep', '1000']);
  await rig.start(attempt);
  const identity = await rig.identity(attempt);
  mkdirSync(join(attempt.dir, 'exit'));
  await rig.stop(attempt, { grace_ms: 50 });
  expect(isAlive(identity)).toBe(false);
  expect(rig.facts(attempt).exit).toMatchObject({ signal: 15 });
});

test('an attempt that was never started is fenced and empty', async () => {
  const attempt = await rig.make(['sleep', '1000']);
  await rig.stop(attempt);
  let ended = false;
  await rig.start(attempt, {}, () => {
    ended = true;
  });
  await until('the late runner', () => ended);
  expect(rig.facts(attempt)).toMatchObject({ fenced: true, identity: null });
});

test('a stop right after the start leaves nothing, whatever the runner was doing', async () => {
  for (let i = 0; i < 20; i++) {
    const attempt = await rig.make(['sleep', '1000']);
    await rig.start(attempt);
    await rig.stop(attempt);
    const { identity } = rig.facts(attempt);
    expect(rig.members(attempt)).toEqual([]);
    expect(identity && isAlive(identity)).toBeFalsy();
  }
});

test('a killed runner is dead, its members are found and the stop empties them', async () => {
  const attempt = await rig.make(['sh', '-c', '(sleep 1000; :) & sleep 1000']);
  await rig.start(attempt);
  const identity = await rig.identity(attempt);
  // the shell, its two sleeps and the subshell
  await until('the tree', () => rig.members(attempt).length === 4);
  process.kill(identity.pid, 'SIGKILL');
  await until('its end', () => !isAlive(identity));
  expect(rig.facts(attempt).exit).toBeNull();
  expect(rig.members(attempt)).toHaveLength(4);
  await rig.stop(attempt);
  expect(rig.members(attempt)).toEqual([]);
  expect(rig.facts(attempt).exit).toBeNull();
});

test('a double-forked process in a session of its own is found by the marker and killed', async () => {
  const pidFile = join(rig.root, 'escaped');
  const attempt = await rig.make(['sh', '-c', setsid(`(echo $$ >${pidFile}; exec sleep 1000) & wait`)]);
  await rig.start(attempt);
  await rig.ended(attempt);
  const pid = await pidIn('escaped');
  expect(alive(pid)).toBe(true);
  expect(rig.members(attempt).map(member => member.pid)).toContain(pid);
  await rig.stop(attempt);
  expect(alive(pid)).toBe(false);
});

test('a leftover without environment is found by the session, alive runner or not', async () => {
  const attempt = await rig.make([
    'sh',
    '-c',
    `env -i sh -c 'echo $$ >left; exec sleep 1000' & while [ ! -s left ]; do sleep 0.01; done`,
  ]);
  await rig.start(attempt);
  await rig.ended(attempt);
  const pid = await pidIn('left');
  const identity = await rig.identity(attempt);
  await until('the end of the runner', () => !isAlive(identity));
  if (process.platform === 'linux') expect(rig.members(attempt).map(member => member.pid)).toEqual([pid]);
  await rig.stop(attempt);
  if (process.platform === 'linux') expect(alive(pid)).toBe(false);
  else process.kill(pid, 'SIGKILL');
});

test('a tree that forks for as long as it lives is emptied', async () => {
  const script = join(rig.root, 'bomb.sh');
  // Fifteen processes that each keep starting another for as long as they, and the folder, exist.
  writeFileSync(
    script,
    `trap "" TERM
cd "$1" || exit; echo x >>forks || exit
[ "$2" -gt 0 ] && { sh "$0" "$1" $(($2 - 1)) & sh "$0" "$1" $(($2 - 1)) & }
while :; do sh -c 'echo x >>forks || exit; sleep 0.01' & wait $! || exit; done
`,
  );
  const attempt = await rig.make(['sh', script, rig.root, '3']);
  await rig.start(attempt);
  await until(
    'forks',
    () => existsSync(join(rig.root, 'forks')) && readFileSync(join(rig.root, 'forks')).length > 100,
  );
  await rig.stop(attempt, { grace_ms: 20 });
  const forks = readFileSync(join(rig.root, 'forks')).length;
  expect(rig.members(attempt)).toEqual([]);
  expect(readFileSync(join(rig.root, 'forks')).length).toBe(forks);
  expect(rig.facts(attempt).exit).toMatchObject({ signal: 9 });
});

test('a chain of processes that each fork and end at once is emptied', async () => {
  const script = join(rig.root, 'chain.sh');
  writeFileSync(script, 'trap "" TERM; echo x >>"$1"/links || exit; sh "$0" "$1" & sleep 0.01\n');
  const attempt = await rig.make(['sh', script, rig.root]);
  await rig.start(attempt);
  await until(
    'links',
    () => existsSync(join(rig.root, 'links')) && readFileSync(join(rig.root, 'links')).length > 40,
  );
  await rig.stop(attempt, { grace_ms: 20 });
  expect(rig.members(attempt)).toEqual([]);
});

test('a process that took over the pid of a dead runner is never taken for it nor signalled', async () => {
  const attempt = await rig.run(['true']);
  const innocent = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  const pid = innocent.pid!;
  bystander(pid);
  // As if the runner had had this pid: another start time, the same session number.
  const identity = { boot: bootId(), pid, start: String(Number(startTimeOf(pid)) - 1) };
  writeFileSync(join(attempt.dir, 'runner'), `${JSON.stringify({ v: 1, ...identity })}\n`);
  expect(isAlive(identity)).toBe(false);
  expect(rig.members(attempt)).toEqual([]);
  await rig.stop(attempt, { grace_ms: 0 });
  expect(alive(pid)).toBe(true);
  expect(group.signal({ pid, start: identity.start }, 'SIGKILL')).toBe('gone');
  expect(alive(pid)).toBe(true);
});

test('a session that formed later under the number of a dead runner is not ours', async () => {
  const attempt = await rig.run(['true']);
  const leader = spawn('sh', ['-c', 'sleep 1000 & echo $!'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  leader.stdout!.on('data', chunk => {
    text += chunk;
  });
  const pid = Number(await until('the bystander', () => text.endsWith('\n') && text));
  bystander(pid);
  await until('the end of its leader', () => leader.exitCode !== null);
  const identity = { boot: bootId(), pid: leader.pid!, start: '1' };
  const query = { marker: attempt.marker, identity };
  expect(findMembers([query]).get(attempt.marker)).toEqual([]);
  expect(findMembers([{ ...query, up: '0.02' }]).get(attempt.marker)).toEqual([]);
  // With an end that lies after its start it would have been ours: the bound is what decides.
  if (process.platform === 'linux') {
    const up = readFileSync('/proc/uptime', 'utf8').split(' ')[0]!;
    expect(
      findMembers([{ ...query, up }])
        .get(attempt.marker)!
        .map(member => member.pid),
    ).toEqual([pid]);
  }
});

test('an identity of another boot has no members', async () => {
  const attempt = await rig.make(['sleep', '1000']);
  await rig.start(attempt);
  const identity = await rig.identity(attempt);
  await until('the command', () => rig.members(attempt).length === 1);
  const other = { ...identity, boot: '00000000-0000-0000-0000-000000000000' };
  expect(findMembers([{ marker: attempt.marker, identity: other }]).get(attempt.marker)).toEqual([]);
  await rig.stop(attempt);
});

test('one look finds the members of many attempts, each its own', async () => {
  const attempts = await Promise.all(
    Array.from({ length: 10 }, () => rig.make(['sh', '-c', 'sleep 1000 & wait'])),
  );
  await Promise.all(attempts.map(attempt => rig.start(attempt)));
  const queries = await Promise.all(
    attempts.map(async attempt => ({ marker: attempt.marker, identity: await rig.identity(attempt) })),
  );
  const found = await until('all trees', () => {
    const map = findMembers(queries);
    return [...map.values()].every(members => members.length === 2) && map;
  });
  expect(new Set([...found.values()].flat().map(member => member.pid)).size).toBe(20);
  // Also without the runners' reports: the marker alone tells them apart, and then names the runners too.
  const marked = findMembers(queries.map(({ marker }) => ({ marker, identity: null })));
  for (const { marker, identity } of queries) {
    expect(marked.get(marker)!.map(member => member.pid)).toContain(identity.pid);
    expect(marked.get(marker)).toHaveLength(3);
  }
  await Promise.all(attempts.map(attempt => rig.stop(attempt)));
});

test('the attempt outlives the process that started it, and can be adopted', async () => {
  const attempt = await rig.make(['sh', '-c', 'echo up; while [ ! -e go ]; do sleep 0.01; done; exit 3']);
  const starter = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { startRunner } = await import(${JSON.stringify(new URL('../../../src/runner/start.ts', import.meta.url).href)});
       const order = ${JSON.stringify(rig.order(attempt))};
       await startRunner(${JSON.stringify(attempt.dir)}, { PATH: process.env.PATH }, ${JSON.stringify(RUNNER_TEXT)}, { ...order, onExit() {} });
       process.kill(process.pid, 'SIGKILL');`,
    ],
    { stdio: 'ignore' },
  );
  await until('the death of the starter', () => starter.signalCode === 'SIGKILL');
  const identity = await rig.identity(attempt);
  expect(isAlive(identity)).toBe(true);
  expect(rig.facts(attempt).exit).toBeNull();
  writeFileSync(join(rig.root, 'go'), '');
  expect((await rig.ended(attempt)).exit).toMatchObject({ code: 3 });
  // An orphaned runner syncs its record by itself; that program is a member, too, for a moment.
  await until('the runner to be gone', () => !isAlive(identity) && rig.members(attempt).length === 0);
});
