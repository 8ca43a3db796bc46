/** Logs: every line exactly once and in order, whatever happens to the supervisor; the last n are those of tail(1). */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogCursor, LogRecord } from '../../src/contract/methods/log.follow.ts';
import {
  attemptFolder,
  type CliResult,
  commandSpec,
  Instance,
  pipelineSpec,
  RASEN,
  until,
} from '../support/instance.ts';

let rig: Instance;
beforeEach(async () => {
  rig = new Instance();
  await rig.start();
});
afterEach(() => rig.close());

const sh = (script: string) => ['/bin/sh', '-c', script];

async function runToEnd(spec: ReturnType<typeof pipelineSpec>): Promise<string> {
  await rig.call('task.run', { spec, env: rig.env });
  await rig.call('task.wait', { tasks: [spec.id] });
  return spec.id;
}

test('20,000 lines over 10 kills of rasend, two followers and one that comes late', {
  timeout: 400_000,
}, async () => {
  const LINES = 20_000;
  const KILLS = 10;
  const gate = join(rig.folder, 'gate');
  // 11 parts; each waits until the test has let it go, so that lines come before, between and after the kills.
  const script =
    'i=0; p=0; while [ $p -le 10 ]; do while [ ! -e "$1.$p" ]; do sleep 0.02; done; ' +
    'n=0; while [ $n -lt 1818 ] || { [ $p = 10 ] && [ $i -lt 20000 ]; }; do echo "line $i"; i=$((i+1)); n=$((n+1)); done; p=$((p+1)); done';
  const spec = commandSpec(['/bin/sh', '-c', script, 'x', gate], rig.folder);
  await rig.call('task.run', { spec, env: rig.env });
  const followers = [follow(['logs', spec.id, '--follow']), follow(['logs', spec.id, '--follow', '--json'])];
  writeFileSync(`${gate}.0`, '');
  await until('both have seen something', () => followers.every(f => f.stdout().length > 0));
  for (let kill = 0; kill < KILLS; kill++) {
    writeFileSync(`${gate}.${kill}`, '');
    if (kill % 2) {
      const output = join(attemptFolder(join(rig.home, 'tasks', spec.id), 'run'), 'output');
      await until(
        'the part is written',
        () => existsSync(output) && readFileSync(output, 'utf8').split('\n').length > 1818 * kill,
      );
    }
    await rig.kill();
    await rig.start();
    if (kill === 6) {
      followers.push(follow(['logs', spec.id, '--follow', '-n', 'all']));
      await until('the late one has seen something', () => followers[2]!.stdout().length > 0);
    }
  }
  writeFileSync(`${gate}.${KILLS}`, '');
  const expected = Array.from({ length: LINES }, (_, i) => `line ${i}\n`).join('');
  const [plain, json, late] = await Promise.all(followers.map(f => f.ended));
  expect(
    plain!.stdout === expected,
    `plain: ${plain!.stdout.length} of ${expected.length} bytes, ${plain!.stderr}`,
  ).toBe(true);
  const records = json!.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as LogRecord);
  const text = records
    .filter(r => r.kind === 'output')
    .map(r => r.text)
    .join('');
  expect(text === expected, `json: ${text.length} of ${expected.length} bytes`).toBe(true);
  expect(late!.stdout === expected, `late: ${late!.stdout.length} of ${expected.length} bytes`).toBe(true);
  expect([plain!.status, json!.status, late!.status]).toEqual([0, 0, 0]);
  console.log(`logs: ${LINES} lines × 3 followers over ${KILLS} kills: none lost, none twice`);
});

/** A command that runs while the test looks at what it has said. */
function follow(args: string[]) {
  const child = spawn(RASEN, args, { env: rig.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<CliResult>(resolve =>
    child.once('close', status => resolve({ status, stdout, stderr })),
  );
  return { stdout: () => stdout, ended };
}

/** The last n lines of a text, as tail(1) has them. */
function tail(text: string, n: number): string {
  return spawnSync('tail', ['-n', String(n)], { input: text, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .stdout;
}

const COUNTS = [0, 1, 5, 50, 1000];

test('-n of one command, with and without a last newline, is tail -n', async () => {
  for (const script of [
    'i=0; while [ $i -lt 700 ]; do echo "row $i"; i=$((i+1)); done',
    'i=0; while [ $i -lt 1500 ]; do echo "row $i"; i=$((i+1)); done; printf end',
    'printf only',
    ':',
    'echo; echo; echo',
  ]) {
    const id = await runToEnd(commandSpec(sh(script), rig.folder));
    const whole = readFileSync(join(attemptFolder(join(rig.home, 'tasks', id), 'run'), 'output'), 'utf8');
    for (const n of COUNTS) {
      const { stdout, status } = rig.rasen(['logs', id, '-n', String(n)]);
      expect(status).toBe(0);
      expect(stdout, `${script.slice(0, 40)} -n ${n}`).toBe(tail(whole, n));
    }
    expect(rig.rasen(['logs', id, '-n', 'all']).stdout).toBe(whole);
  }
});

test('-n of a pipeline and of many attempts is the end of the whole log', { timeout: 400_000 }, async () => {
  const count = (id: string, n: number) => ({
    id,
    do: { run: sh(`i=0; while [ $i -lt ${n} ]; do echo "${id} $i"; i=$((i+1)); done`) },
  });
  const chain = pipelineSpec(
    [
      count('a', 300),
      { ...count('b', 0), needs: ['a'] },
      { ...count('c', 900), needs: ['b'] },
      { ...count('d', 3), needs: ['c'] },
    ],
    rig.folder,
  );
  const wide = pipelineSpec(
    ['a', 'b', 'c', 'd', 'e', 'f'].map(id => count(id, 40)),
    rig.folder,
  );
  Object.assign(wide.limits, { parallel: 4 });
  const marks = join(rig.folder, 'marks');
  const tries = pipelineSpec(
    [
      {
        id: 'flaky',
        attempts: 3,
        do: {
          run: [
            '/bin/sh',
            '-c',
            'echo x >>"$1"; i=0; while [ $i -lt 30 ]; do echo "try $i"; i=$((i+1)); done; [ "$(wc -l <"$1")" -ge 3 ]',
            'x',
            marks,
          ],
        },
      },
      count('after', 2),
    ],
    rig.folder,
  );
  for (const spec of [chain, wide, tries]) {
    const id = await runToEnd(spec);
    const whole = rig.rasen(['logs', id, '-n', 'all']).stdout;
    expect(whole.length).toBeGreaterThan(100);
    for (const n of [...COUNTS, 2, 3, 17, 33, 300])
      expect(rig.rasen(['logs', id, '-n', String(n)]).stdout, `-n ${n}`).toBe(tail(whole, n));
    const followed = rig.rasen(['logs', id, '--follow']);
    expect(followed.stdout).toBe(whole);
  }
});

test('binary output is what was written, byte for byte', async () => {
  const bytes = Buffer.concat([
    randomBytes(300_000),
    Buffer.from([0, 10, 13, 0xff, 0xc3, 0x28, 0x1b, 0x5b, 0x32, 0x4a]),
    Buffer.from('é😀'),
    randomBytes(70_001),
  ]);
  const file = join(rig.folder, 'bytes');
  writeFileSync(file, bytes);
  const spec = commandSpec(['cat', file], rig.folder);
  await runToEnd(spec);
  for (const args of [['-n', 'all'], ['--follow'], ['--subtask', 'run', '-n', 'all']]) {
    const { stdout } = spawnSync(RASEN, ['logs', spec.id, ...args], {
      env: rig.env,
      maxBuffer: 16 * 1024 * 1024,
    });
    expect(stdout.equals(bytes), args.join(' ')).toBe(true);
  }
});

test('output past its cap: the newest is kept, the loss is a gap that is counted', async () => {
  const spec = commandSpec(
    sh(
      'i=0; while [ $i -lt 60 ]; do head -c 65536 /dev/zero | tr "\\0" x; echo " $i"; i=$((i+1)); [ $i = 40 ] && sleep 2.5; done; sleep 2.5',
    ),
    rig.folder,
  );
  Object.assign(spec.limits, { output_max_bytes: 262_144 });
  await runToEnd(spec);
  const { stdout, stderr } = rig.rasen(['logs', spec.id, '-n', 'all']);
  const dropped = Number(/(\d+) bytes were dropped/.exec(stderr)?.[1]);
  expect(dropped).toBeGreaterThan(0);
  const total = Array.from({ length: 60 }, (_, i) => 65_536 + ` ${i}\n`.length).reduce((a, b) => a + b);
  expect(stdout.length + dropped).toBe(total);
  expect(stdout.endsWith(' 59\n')).toBe(true);
  expect(stdout).not.toContain('\0');
  const json = rig
    .rasen(['logs', spec.id, '-n', 'all', '--json'])
    .stdout.trim()
    .split('\n')
    .map(line => JSON.parse(line) as LogRecord);
  expect(json.filter(r => r.kind === 'gap').map(r => [r.offset, r.text])).toEqual([
    [0, `${dropped} bytes were dropped (output cap)`],
  ]);
});

test('--subtask, --since and a follower of a finished task', async () => {
  const spec = pipelineSpec(
    [
      { id: 'one', do: { run: sh('echo first') } },
      { id: 'two', do: { run: sh('echo second; echo more') }, needs: ['one'] },
    ],
    rig.folder,
  );
  const id = await runToEnd(spec);
  expect(rig.rasen(['logs', id, '--subtask', 'two']).stdout).toBe('second\nmore\n');
  expect(rig.rasen(['logs', id, '--subtask', 'one', '--follow']).stdout).toBe('first\n');
  const whole = rig.rasen(['logs', id]).stdout;
  expect(whole).toContain('first');
  expect(rig.rasen(['logs', id, '--since', '1h']).stdout).toBe(whole);
  const { status, stdout } = rig.rasen(['logs', id, '--since', '2100-01-01T00:00']);
  expect(status).toBe(0);
  expect(stdout).not.toContain('two');
  const events = rig
    .rasen(['events', id, '--json'])
    .stdout.trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const second = events.find(e => e.type === 'attempt_created' && e.step === 'two').t as string;
  const after = rig.rasen(['logs', id, '--since', second]).stdout;
  expect(after).toContain('second');
  expect(after).not.toContain('first');
});

test('the cursor of every notification is a place to go on from', async () => {
  const spec = pipelineSpec(
    [
      { id: 'one', do: { run: sh('i=0; while [ $i -lt 40000 ]; do echo "one $i"; i=$((i+1)); done') } },
      { id: 'two', do: { run: sh('echo second') }, needs: ['one'] },
    ],
    rig.folder,
  );
  const id = await runToEnd(spec);
  const read = async (cursor?: LogCursor) => {
    const client = await rig.client();
    const steps: { records: LogRecord[]; cursor: LogCursor }[] = [];
    const end = await client.stream<{ cursor: LogCursor }>(
      'log.follow',
      { task: id, ...(cursor ? { cursor } : {}) },
      async (_method, data) => {
        steps.push(data as (typeof steps)[number]);
      },
    );
    client.close();
    return { steps, end };
  };
  const text = (steps: { records: LogRecord[] }[]) => steps.flatMap(s => s.records.map(r => r.text)).join('');
  const whole = await read();
  expect(whole.steps.length).toBeGreaterThan(2);
  for (const [i, step] of whole.steps.entries()) {
    const rest = await read(step.cursor);
    expect(text(rest.steps) === text(whole.steps.slice(i + 1)), `from notification ${i}`).toBe(true);
  }
  expect((await read(whole.end.cursor)).steps).toEqual([]);
});
