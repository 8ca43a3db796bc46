/** The `unit` cage without a service manager: its words, its scripts, its records. The real managers are in test/boot. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cageOf } from '../../../src/runner/cage/attempt-cage.ts';
import { Bell } from '../../../src/runner/cage/bell.ts';
import type { Cage } from '../../../src/runner/cage/cage.ts';
import { chooseCage } from '../../../src/runner/cage/choose.ts';
import { unitCage } from '../../../src/runner/cage/unit.ts';
import {
  isUnitOf,
  lastWordIn,
  runFailure,
  startFile,
  unitWords,
} from '../../../src/runner/cage/unit-command.ts';
import { fence } from '../../../src/runner/start.ts';
import { FakeManager } from '../../support/fake-manager.ts';
import { type Attempt, NO_LIMITS, RunnerRig, SCRIPTS, until } from '../../support/runner-rig.ts';

let rig: RunnerRig;
let manager: FakeManager;
let bell: Bell;
let cage: Cage;
beforeEach(() => {
  rig = new RunnerRig();
  manager = new FakeManager(join(rig.root, 'bin'));
  bell = new Bell(join(rig.root, 'ended'));
  cage = unitCage({
    scripts: SCRIPTS,
    copies: join(rig.root, 'copies'),
    environments: join(rig.root, 'environments'),
    bell,
    env: manager.env,
  });
});
afterEach(async () => {
  bell.close();
  await rig.close();
});

const start = (attempt: Attempt, env: Record<string, string> = {}, onExit: () => void = () => {}) =>
  cage.start(
    attempt.dir,
    { PATH: process.env.PATH!, ...env },
    { ...rig.order(attempt), limits: NO_LIMITS, onExit },
  );

const TAKEN =
  'Failed to start transient service unit: Unit x.service was already loaded or has a fragment file.';

describe('an attempt in a unit', () => {
  test('has exactly its environment, from a file that is gone before the command runs', async () => {
    const files = join(rig.root, 'environments');
    const attempt = await rig.make(['sh', '-c', `env >all; ls ${files} | wc -l >left; exit 5`]);
    let rung = 0;
    await start(attempt, { SECRET: `it's "$HOME" \\ \n two lines`, 'a.b': 'no name for a shell' }, () => {
      rung += 1;
    });
    const { exit } = await rig.ended(attempt);
    expect(exit).toMatchObject({ result: 'exited', code: 5, term: false });
    expect(exit.unit).toMatchObject({ service_result: 'exit-code', stopped: false });
    const text = readFileSync(join(rig.root, 'all'), 'utf8');
    expect(text).toContain(`SECRET=it's "$HOME" \\ \n two lines\n`);
    const names = text.match(/^[A-Za-z_]+(?==)/gm)!.sort();
    expect(names).toEqual(['PATH', 'PWD', 'RASEN_ATTEMPT', 'SECRET']);
    expect(readFileSync(join(rig.root, 'left'), 'utf8').trim()).toBe('0');
    expect(manager.calls.flat().join(' ')).not.toContain('two lines');
    await until('the bell', () => rung === 1);
    expect(readdirSync(join(rig.root, 'ended'))).toEqual([]);
    expect(cageOf(attempt.dir, attempt.mark).kind).toBe('unit');
  });

  test('is recorded by the manager when its runner was killed', async () => {
    const attempt = await rig.make(['sh', '-c', 'kill -9 $PPID']);
    await start(attempt);
    const { exit } = await rig.ended(attempt);
    await until('the command', () => rig.members(attempt).length === 0);
    expect(exit).toMatchObject({ result: 'killed', code: null });
    expect(exit.unit!.service_result).toBe('signal');
  });

  test('says that somebody stopped its unit', async () => {
    manager.job('4711');
    const attempt = await rig.make(['sh', '-c', 'kill -TERM $PPID; exec sleep 0.05']);
    await start(attempt);
    const { exit } = await rig.ended(attempt);
    expect(exit).toMatchObject({ term: true, unit: { stopped: true } });
  });

  test('whose name is taken is left to the unit that has it, once that one has the claim', async () => {
    const attempt = await rig.make(['true']);
    await start(attempt);
    await rig.ended(attempt);
    manager.refuse(TAKEN);
    await start(attempt);
    expect(readdirSync(join(rig.root, 'environments'))).toEqual([]);
  });

  test('waits for a unit of its name that is on its way out', async () => {
    manager.refuse(TAKEN);
    const attempt = await rig.make(['true']);
    const starting = start(attempt);
    await until('it was tried twice', () => manager.tries > 1);
    manager.accept();
    await starting;
    expect((await rig.ended(attempt)).exit.code).toBe(0);
  });

  test('loses its secrets file although PATH leads nowhere', async () => {
    const attempt = await rig.make(['/bin/true']);
    await start(attempt, { PATH: '/nowhere' });
    expect((await rig.ended(attempt)).exit.code).toBe(0);
    expect(readdirSync(join(rig.root, 'environments'))).toEqual([]);
  });

  test('is not started with a variable that is too long, and says which', async () => {
    const attempt = await rig.make(['true']);
    await expect(start(attempt, { BIG: 'x'.repeat(128 * 1024) })).rejects.toMatchObject({
      kind: 'spawn',
      message: expect.stringContaining('BIG'),
    });
    expect(manager.calls).toEqual([]);
  });

  test.each([
    [
      'Failed to start transient service unit: Transaction for x.service/start is destructive (…).',
      'manager_away',
    ],
    ['Failed to connect to bus: No such file or directory', 'manager_away'],
    ['Failed to start transient service unit: Invalid argument', 'spawn'],
  ])('is not started: %s', async (text, kind) => {
    manager.refuse(text);
    const attempt = await rig.make(['true']);
    await expect(start(attempt)).rejects.toMatchObject({ kind });
    expect(readdirSync(join(rig.root, 'environments'))).toEqual([]);
  });

  test('that was fenced runs nothing and records nothing', async () => {
    const attempt = await rig.make(['sh', '-c', 'echo ran >ran']);
    fence(attempt.dir);
    await start(attempt);
    await until(
      'the unit',
      () => manager.calls.length === 1 && readdirSync(join(rig.root, 'environments')).length === 0,
    );
    expect(await rig.stop(attempt)).toBe('empty');
    expect(rig.facts(attempt)).toMatchObject({ fenced: true, identity: null, exit: null });
    expect(existsSync(join(rig.root, 'ran'))).toBe(false);
  });

  test('never takes a control group for its own that has another name', async () => {
    const attempt = await rig.make(['sleep', '1000']);
    await start(attempt);
    const identity = await rig.identity(attempt);
    await until('the command', () => rig.members(attempt).length === 1);
    // Here the runner is in whatever group the test is in, with the test.
    const members = () => cageOf(attempt.dir, attempt.mark).members({ marker: attempt.marker, identity });
    expect(members().map(m => m.pid)).not.toContain(process.pid);
    expect(members()).toHaveLength(1);
    // Nor when the attempt has written there that this is its unit. Whoever stopped it then would stop the whole machine.
    const cage = join(attempt.dir, 'cage');
    const known = readFileSync(cage, 'utf8');
    writeFileSync(cage, JSON.stringify({ v: 1, kind: 'unit', unit: basename(identity.cgroup ?? '') }));
    const forged = members();
    writeFileSync(cage, known);
    expect(forged).toHaveLength(1);
    expect(await rig.stop(attempt, { grace_ms: 0 })).toBe('empty');
  });
});

// Of names alone: were a wrong group taken here for the attempt's, the whole of it would be stopped, with this test.
test.each([
  ['rasen-01j-build-1-n0nce.service', true],
  ['rasen-01j-build-1-other.service', false],
  ['rasend.service', false],
  ['n0nce.service', false],
  ['x-n0nce.service', false],
  ['', false],
])('whether %s is the unit of the job with a nonce: %s', (unit, its) => {
  expect(isUnitOf(unit, 'n0nce')).toBe(its);
});

test('the words of systemd-run hold limits, and paths as they are', () => {
  const words = unitWords({
    unit: 'rasen-x.service',
    description: 'Rasen attempt x',
    dir: '/a b/$HOME/"q"\\',
    record_script: '/lib/record-exit.sh',
    start_file: '/run/$1',
    bell: '/run/bell',
    limits: { memory_max_bytes: 1024, cpu_max_percent: 150, tasks_max: 9, runtime_max_seconds: 1.5 },
  });
  const properties = words.filter((_, i) => words[i - 1] === '-p');
  for (const property of [
    'MemoryMax=1024',
    'MemorySwapMax=0',
    'CPUQuota=150%',
    'TasksMax=9',
    'RuntimeMaxSec=1.5',
  ])
    expect(properties).toContain(property);
  expect(properties).toContain(
    String.raw`ExecStopPost="/bin/sh" "/lib/record-exit.sh" "/a b/$$HOME/\"q\"\\" "rasen-x.service" "/run/bell"`,
  );
  expect(words.slice(-8)).toEqual([
    '/usr/bin/env',
    '-i',
    '/bin/sh',
    '-c',
    'exec 3<"$$1" || exit; rm -f "$$1"; . /dev/fd/3',
    'runner.sh',
    '/run/$$1',
    '/a b/$$HOME/"q"\\',
  ]);
  expect(unitWords({ ...lean, limits: NO_LIMITS }).join(' ')).not.toMatch(/Max=|CPUQuota|RuntimeMax/);
});

const lean = {
  unit: 'u',
  description: 'd',
  dir: '/d',
  record_script: '/r',
  start_file: '/e',
  bell: '/b',
};

test('the file to start from leaves out what no shell can set', () => {
  const env = { A: `x'y`, UID: '0', 'BASH_FUNC_f%%': '() {', '1A': 'x', PPID: '1' };
  expect(startFile(env, 'the runner')).toBe(`exec 3<&-\nexport A='x'\\''y'\nthe runner`);
});

test.each([
  ['a command that failed', 'loaded', 'failed', '1', '3', { failed: true, code: 3 }],
  ['a runner that was killed', 'loaded', 'failed', '2', '9', { failed: true, code: null }],
  ['a program that could not be started', 'loaded', 'failed', '0', '0', { failed: true, code: null }],
  ['one that comes', 'loaded', 'inactive', '0', '0', null],
  ['one that is being swept', 'loaded', 'deactivating', '1', '3', 'ending'],
  ['one that is gone', 'not-found', 'inactive', '0', '0', null],
])('what the manager says of %s', (_what, load, active, how, status, word) => {
  const shown = `LoadState=${load}\nActiveState=${active}\nExecMainCode=${how}\nExecMainStatus=${status}\n`;
  expect(lastWordIn(shown)).toEqual(word);
});

test('what a failed systemd-run means', () => {
  expect(runFailure('Failed to create bus connection: No medium found')).toBe('away');
  expect(runFailure('')).toBe('refused');
});

test('without a manager the cage is a group, and says why', async () => {
  const env = { PATH: process.env.PATH, XDG_RUNTIME_DIR: join(rig.root, 'nothing') };
  const choice = await chooseCage({ wanted: 'auto', env, patient: false });
  expect(choice).toMatchObject({ kind: 'group', enforces: ['runtime_max_seconds'] });
  expect(choice.why).toMatch(/systemd|service manager/);
  expect(await chooseCage({ wanted: 'group', env, patient: true })).toMatchObject({ kind: 'group' });
});

test('a record that the manager wrote while the disk was full is no record', async () => {
  const attempt = await rig.make(['true']);
  writeFileSync(join(attempt.dir, 'exit'), '{"v":1,"boot":"b","result":"exited","code":0,"by":"unit"');
  expect(rig.facts(attempt).exit).toBeNull();
  expect(statSync(join(attempt.dir, 'exit')).size).toBeGreaterThan(0);
});
