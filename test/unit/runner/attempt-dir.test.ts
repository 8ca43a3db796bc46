/** What the supervisor writes into an attempt's directory, and what it makes of damaged files there. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readAttempt, writeAttempt } from '../../../src/runner/attempt-dir.ts';
import { bootId } from '../../../src/runner/identity.ts';
import { RunnerRig } from '../../support/runner-rig.ts';

let rig: RunnerRig;
beforeEach(() => {
  rig = new RunnerRig();
});
afterEach(() => rig.close());

test('writing is repeatable, and another spec in the same place is refused', async () => {
  const { dir, spec, mark } = await rig.make(['true'], { stdin: 'prompt', prompt: 'a' });
  await writeAttempt(dir, { ...spec }, { prompt: 'b' });
  expect(readFileSync(join(dir, 'prompt.md'), 'utf8')).toBe('a');
  expect(readAttempt(dir, mark)).toEqual({
    spec,
    claimed: false,
    ended: null,
    forged: [],
    fenced: false,
    identity: null,
    exit: null,
    output_bytes: 0,
    output_mtime_ms: null,
  });
  for (const other of [
    { ...spec, nonce: 'other' },
    { ...spec, argv: ['false'] },
  ]) {
    await expect(writeAttempt(dir, other, { prompt: 'a' })).rejects.toMatchObject({ kind: 'task_exists' });
  }
  expect(readAttempt(dir, mark).spec).toEqual(spec);
});

test('an unreadable spec is not overwritten', async () => {
  const { dir, spec } = await rig.make(['true']);
  writeFileSync(join(dir, 'spec.json'), '{"version":1,"task"');
  await expect(writeAttempt(dir, spec)).rejects.toMatchObject({ kind: 'damaged' });
  expect(readFileSync(join(dir, 'spec.json'), 'utf8')).toBe('{"version":1,"task"');
});

test.each([
  ['no program', { argv: [''] }],
  ['an option as program', { argv: ['-x'] }],
  ['a NUL byte', { argv: ['true', 'a\0b'] }],
  ['a relative folder', { cwd: 'here' }],
  ['a wrong umask', { umask: '22; id' }],
  ['a prompt that is missing', { stdin: 'prompt' as const }],
])('%s is refused before anything is written', async (_, over) => {
  const { spec } = await rig.make(['true']);
  const dir = join(rig.root, 'refused');
  await expect(writeAttempt(dir, { ...spec, ...over })).rejects.toMatchObject({ kind: 'usage' });
  expect(existsSync(dir)).toBe(false);
});

test('torn, empty and foreign records read as absent', async () => {
  const { dir, mark } = await rig.run(['true']);
  const whole = {
    exit: readFileSync(join(dir, 'exit'), 'utf8'),
    runner: readFileSync(join(dir, 'runner'), 'utf8'),
  };
  expect(readAttempt(dir, mark).exit).toMatchObject({ result: 'exited', code: 0, boot: bootId() });
  expect(Date.parse(readAttempt(dir, mark).exit!.ended_at!)).toBeGreaterThan(Date.now() - 3_600_000);
  for (const name of ['exit', 'runner'] as const) {
    const key = name === 'exit' ? 'exit' : 'identity';
    for (let length = 0; length < whole[name].length; length++) {
      writeFileSync(join(dir, name), whole[name].slice(0, length));
      expect(readAttempt(dir, mark)[key], `${length} bytes of ${name}`).toBeNull();
    }
    for (const other of ['\0'.repeat(100), 'x'.repeat(10_000), 'null\n', '[]\n', '{}\n', '{"v":2}\n']) {
      writeFileSync(join(dir, name), other);
      expect(readAttempt(dir, mark)[key], other.slice(0, 20)).toBeNull();
    }
    writeFileSync(join(dir, name), whole[name]);
    expect(readAttempt(dir, mark)[key]).not.toBeNull();
  }
  writeFileSync(
    join(dir, 'runner'),
    `{"v":1,"nonce":"${mark.nonce}","boot":"${bootId()}","pid":1,"start":"1"}\n`,
  );
  expect(readAttempt(dir, mark).identity, 'pid 1 is nobody we started').toBeNull();
});

test('a missing directory, and folders in the place of files, read as nothing', async () => {
  const nothing = { spec: null, claimed: false, identity: null, exit: null, output_mtime_ms: null };
  const mark = { nonce: 'n', record_keys: null };
  expect(readAttempt(join(rig.root, 'none'), mark)).toMatchObject(nothing);
  const dir = join(rig.root, 'odd');
  for (const name of ['spec.json', 'runner', 'exit']) mkdirSync(join(dir, name), { recursive: true });
  expect(readAttempt(dir, mark)).toMatchObject(nothing);
});
