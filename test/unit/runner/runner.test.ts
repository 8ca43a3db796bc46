/** runner.sh for real: what the command gets, and what is recorded of its end. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bootId, isAlive } from '../../../src/runner/identity.ts';
import { runnerOrder } from '../../../src/runner/order.ts';
import { fence } from '../../../src/runner/start.ts';
import { RUNNER_TEXT, RunnerRig, until } from '../../support/runner-rig.ts';

let rig: RunnerRig;
beforeEach(() => {
  rig = new RunnerRig();
});
afterEach(() => rig.close());

/** Empty as long as there is no output. */
const output = (dir: string) =>
  existsSync(join(dir, 'output')) ? readFileSync(join(dir, 'output'), 'utf8') : '';

test('twenty starts of one attempt run its command once', async () => {
  const attempt = await rig.make(['sh', '-c', 'echo ran']);
  let ended = 0;
  await Promise.all(Array.from({ length: 20 }, () => rig.start(attempt, {}, () => ended++)));
  await until('all runners', () => ended === 20);
  expect(output(attempt.dir)).toBe('ran\n');
  expect(rig.facts(attempt).exit).toMatchObject({ result: 'exited', code: 0 });
});

test('a fenced attempt never starts, and a started one cannot be fenced', async () => {
  const fenced = await rig.make(['sh', '-c', 'echo ran']);
  expect(fence(fenced.dir)).toBe('fenced');
  expect(fence(fenced.dir)).toBe('fenced');
  let ended = false;
  await rig.start(fenced, {}, () => {
    ended = true;
  });
  await until('the late runner', () => ended);
  expect(rig.facts(fenced)).toMatchObject({ claimed: true, fenced: true, identity: null, exit: null });
  expect(existsSync(join(fenced.dir, 'output'))).toBe(false);

  const started = await rig.run(['true']);
  expect(fence(started.dir)).toBe('claimed');
  expect(rig.facts(started)).toMatchObject({ claimed: true, fenced: false });
});

test.each([0, 1, 2, 42, 100, 125, 126, 127, 128, 130, 137, 143, 193, 255])(
  'exit code %i is recorded raw',
  async code => {
    const { facts } = await rig.run(['sh', '-c', `exit ${code}`]);
    const signal = code > 128 && code <= 192 ? code - 128 : null;
    expect(facts.exit).toMatchObject({ result: 'exited', code, signal, boot: bootId() });
  },
);

test.each([
  ['INT', 2],
  ['TERM', 15],
  ['KILL', 9],
  ['SEGV', 11],
  ['PIPE', 13],
])('a command that dies of SIG%s is recorded, and had the default reaction to it', async (name, number) => {
  const { dir, facts } = await rig.run(['sh', '-c', `ulimit -c 0; kill -${name} $$; echo no`]);
  expect(facts.exit).toMatchObject({ result: 'exited', code: 128 + number, signal: number });
  expect(output(dir)).toBe('');
});

test('a signal to the whole group ends the command, and the runner records it', async () => {
  const attempt = await rig.make(['sh', '-c', 'echo up; exec sleep 1000']);
  await rig.start(attempt);
  const identity = await rig.identity(attempt);
  await until('the command', () => rig.facts(attempt).output_bytes > 0);
  process.kill(-identity.pid, 'SIGTERM');
  expect((await rig.ended(attempt)).exit).toMatchObject({ code: 143, signal: 15 });
});

test('the identity names the living runner and nobody after its end', async () => {
  const attempt = await rig.make(['sleep', '1000']);
  await rig.start(attempt);
  const identity = await rig.identity(attempt);
  expect(isAlive(identity)).toBe(true);
  expect(isAlive({ ...identity, start: `${Number(identity.start) + 1}` })).toBe(false);
  expect(isAlive({ ...identity, boot: 'another' })).toBe(false);
  await rig.stop(attempt);
  expect(isAlive(identity)).toBe(false);
});

test('arguments arrive byte by byte', async () => {
  const words = [
    'plain',
    '',
    ' two  spaces ',
    "it's",
    "''",
    '"double"',
    'line\nbreak\n',
    '\ttab\r',
    '$HOME $(id) `id` $' + '{PATH}',
    '\\ \\n \\\\',
    '*',
    '~',
    '-n',
    '--',
    '-',
    '!x #y ;&|<>(){}[]',
    'ünïcödé 日本語 🌀',
    ...Array.from({ length: 16 }, (_, i) => String.fromCodePoint(0x100 + i, 0x80 + i)),
    '\u0001\u007f\u001b[0m',
    'x'.repeat(100_000),
  ];
  const { dir } = await rig.run([
    process.execPath,
    '-e',
    'process.stdout.write(JSON.stringify(process.argv.slice(1)))',
    '--',
    ...words,
  ]);
  expect(JSON.parse(output(dir))).toEqual(words);
});

test.each(['echo', 'exit', 'set', 'cd', '.', 'printf', 'rasen_run'])(
  '"%s" is never a word of the shell',
  async name => {
    const program = join(rig.root, name === '.' ? 'dot' : name);
    writeFileSync(program, '#!/bin/sh\necho "mine: $*"\n');
    chmodSync(program, 0o755);
    const { dir, facts } = await rig.run([name, '3'], {}, { PATH: `${rig.root}:${process.env.PATH}` });
    // No program can be called "." on PATH; what matters is that the runner survives the attempt to run it.
    if (name === '.') expect(facts.exit.code).toBeGreaterThan(0);
    else expect(output(dir)).toBe('mine: 3\n');
  },
);

test('the environment is exactly what was given, plus the marker', async () => {
  const given = {
    A: "it's $x\nnew",
    d: '1',
    cwd: '2',
    IFS: ':',
    PWD: '/wrong',
    CDPATH: '/',
    stdin: '3',
  };
  const { dir, marker } = await rig.run(['env', '-0'], {}, given);
  const env = Object.fromEntries(
    output(dir)
      .split('\0')
      .filter(Boolean)
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const { IFS: _, ...expected } = { ...given, PATH: process.env.PATH, PWD: rig.root, RASEN_ATTEMPT: marker };
  expect(env).toMatchObject(expected);
  const added = Object.keys(env).filter(name => !(name in given) && name !== 'PATH');
  expect(added.filter(name => !['RASEN_ATTEMPT', '_', 'SHLVL'].includes(name))).toEqual([]);
});

test('nothing secret or user-controlled is in the arguments of the runner', async () => {
  const attempt = await rig.make(['sleep', '1000']);
  await rig.start(attempt, { TOKEN: 'geheim' });
  const { pid } = await rig.identity(attempt);
  if (process.platform === 'linux') {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
    expect(words.slice(1)).toEqual(['-c', RUNNER_TEXT, 'runner.sh', attempt.dir]);
  }
  await rig.stop(attempt);
});

test('folder and umask are those of the spec; the runner’s own files stay private', async () => {
  const { dir } = await rig.run(['sh', '-c', 'pwd; umask; : >made'], { umask: '027' });
  expect(output(dir)).toBe(`${rig.root}\n0027\n`);
  expect(statSync(join(rig.root, 'made')).mode & 0o777).toBe(0o640);
  for (const name of ['output', 'exit', 'runner', 'spec.json']) {
    expect(statSync(join(dir, name)).mode & 0o077, name).toBe(0);
  }
});

test('stdout and stderr are in one file in the order of writing, byte by byte', async () => {
  const script =
    'i=0; while [ $i -lt 200 ]; do printf "o%d\\n" $i; printf "e%d\\377\\000" $i >&2; i=$((i+1)); done';
  const { dir } = await rig.run(['sh', '-c', script]);
  const expected = Buffer.concat(
    Array.from({ length: 200 }, (_, i) => Buffer.from(`o${i}\ne${i}\xff\0`, 'latin1')),
  );
  expect(readFileSync(join(dir, 'output')).equals(expected)).toBe(true);
});

test('stdin is empty, the prompt, or the FIFO', async () => {
  expect(output((await rig.run(['cat'])).dir)).toBe('');
  const prompt = `# Do it\n\n'${'p'.repeat(200_000)}' $HOME\n`;
  expect(output((await rig.run(['cat'], { stdin: 'prompt', prompt })).dir)).toBe(prompt);

  const attempt = await rig.make(['sh', '-c', 'read -r a; echo "1 $a"; read -r b; echo "2 $b"'], {
    stdin: 'fifo',
  });
  await rig.start(attempt);
  const say = async (text: string) => {
    await using fifo = await open(join(attempt.dir, 'stdin'), 'w');
    await fifo.writeFile(text);
  };
  await rig.identity(attempt);
  await until('the FIFO', () => existsSync(join(attempt.dir, 'stdin')));
  await say('first note\n');
  await until('the first answer', () => output(attempt.dir) === '1 first note\n');
  // Between two notes nobody but the runner has the FIFO open for writing, and the command sees no end.
  await say('second\n');
  await rig.ended(attempt);
  expect(output(attempt.dir)).toBe('1 first note\n2 second\n');
});

test('what cannot start is told apart from a command that failed', async () => {
  const file = join(rig.root, 'no-program');
  writeFileSync(file, 'x');
  chmodSync(file, 0o644);
  const end = async (argv: string[], more = {}) => (await rig.run(argv, more)).facts.exit;
  expect(await end(['rasen-no-such-program'])).toMatchObject({ result: 'not_found', code: 127 });
  expect(await end(['/no/such/program'])).toMatchObject({ result: 'not_found', code: 127 });
  expect(await end(['./no-program'])).toMatchObject({ result: 'not_found', code: 126 });
  expect(await end([rig.root])).toMatchObject({ result: 'not_found', code: 127 });
  expect(await end(['true'], { cwd: join(rig.root, 'gone') })).toMatchObject({
    result: 'no_cwd',
    code: null,
  });
  expect(await end(['sh', '-c', 'rasen-no-such-program'])).toMatchObject({ result: 'exited', code: 127 });
  expect(await end(['sh', '-c', './no-program'])).toMatchObject({ result: 'exited', code: 126 });
});

test('a prompt that is gone, or output that cannot be opened, is no failure of the command', async () => {
  const promptless = await rig.make(['cat'], { stdin: 'prompt', prompt: 'x' });
  rmSync(join(promptless.dir, 'prompt.md'));
  await rig.start(promptless);
  expect((await rig.ended(promptless)).exit).toMatchObject({ result: 'no_files', code: null });
  const outputless = await rig.make(['true']);
  mkdirSync(join(outputless.dir, 'output'));
  await rig.start(outputless);
  expect((await rig.ended(outputless)).exit).toMatchObject({ result: 'no_files', code: null });
});

test('the record survives without the parent: the runner syncs it itself', async () => {
  const attempt = await rig.make(['true']);
  // As seen by the runner, whoever started it is not the supervisor any more.
  const bin = join(rig.root, 'sync');
  writeFileSync(bin, `#!/bin/sh\necho "$@" >>'${rig.root}/synced'\n`);
  chmodSync(bin, 0o755);
  const order = runnerOrder({ dir: attempt.dir, cage: 'group', parent: 1, ...rig.order(attempt) });
  const runner = spawn('/bin/sh', ['-c', RUNNER_TEXT, 'runner.sh', attempt.dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: `${rig.root}:${process.env.PATH}` },
  });
  runner.unref();
  runner.stdin.end(`${order.split('\n').length - 1}\n${order}`);
  await rig.ended(attempt);
  const line = `${join(attempt.dir, 'exit')} ${attempt.dir}\n`;
  await until(
    'the sync',
    () => existsSync(join(rig.root, 'synced')) && readFileSync(join(rig.root, 'synced'), 'utf8') === line,
  );
});

test('two hundred runners: all recorded, none lost', async () => {
  const attempts = await Promise.all(
    Array.from({ length: 200 }, (_, i) => rig.make(['sh', '-c', `exit ${i}`], {}, 'many')),
  );
  let ended = 0;
  let next = 0;
  const one = async (): Promise<void> => {
    for (let attempt = attempts[next++]; attempt; attempt = attempts[next++]) {
      const mine = attempt;
      await new Promise<void>((done, failed) => {
        rig.start(mine, {}, () => done(void ended++)).catch(failed);
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
  expect(ended).toBe(200);
  expect(attempts.map(attempt => rig.facts(attempt).exit?.code)).toEqual(attempts.map((_, i) => i));
});

test('memory of a live attempt outside its command is printed', async () => {
  if (process.platform !== 'linux') return;
  const attempts = await Promise.all(Array.from({ length: 10 }, () => rig.make(['sleep', '1000'])));
  await Promise.all(attempts.map(attempt => rig.start(attempt)));
  let rss = 0;
  for (const attempt of attempts) {
    const { pid } = await rig.identity(attempt);
    rss += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  }
  console.log(`RSS per live attempt outside the command: ${Math.round(rss / attempts.length)} KiB`);
  await Promise.all(attempts.map(attempt => rig.stop(attempt)));
  expect(rss).toBeGreaterThan(0);
});
