/** The signature of a record: the runner's own, for the end that there was, and for no other. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecordKeys } from '../../../src/runner/record-key.ts';
import { type Attempt, RunnerRig } from '../../support/runner-rig.ts';

let rig: RunnerRig;
beforeEach(() => {
  rig = new RunnerRig();
});
afterEach(() => rig.close());

const exitOf = ({ dir }: Attempt) => join(dir, 'exit');
const rewritten = (attempt: Attempt, change: (record: Record<string, unknown>) => object) => {
  const record = JSON.parse(readFileSync(exitOf(attempt), 'utf8'));
  writeFileSync(exitOf(attempt), `${JSON.stringify(change(record))}\n`);
  return rig.facts(attempt);
};

test.each([0, 1, 3, 4, 15, 16, 63, 64, 100, 143, 255])('exit code %i is signed', async code => {
  const { facts } = await rig.run(['sh', '-c', `exit ${code}`]);
  expect(facts).toMatchObject({ exit: { result: 'exited', code }, forged: [] });
});

test.each([
  ['not_found', { argv: ['/no/such/program'] }],
  ['no_cwd', { cwd: '/no/such/folder' }],
])('that it was %s is signed', async (result, over) => {
  const { facts } = await rig.run(['true'], over);
  expect(facts).toMatchObject({ exit: { result }, forged: [] });
});

test.each([
  ['another exit code', { code: 0 }],
  ['another result', { result: 'not_found' }],
  ['another nonce', { nonce: 'x' }],
  ['a proof that is cut short', { proof: 'x' }],
  ['no key', { key: undefined }],
])('%s is a forgery', async (_what, over) => {
  const attempt = await rig.run(['sh', '-c', 'exit 3']);
  expect(rewritten(attempt, record => ({ ...record, ...over }))).toMatchObject({
    exit: null,
    forged: ['exit'],
  });
});

test('every other code is a forgery with the words of this one', async () => {
  const attempt = await rig.run(['sh', '-c', 'exit 3']);
  for (let code = 0; code < 256; code++)
    expect(rewritten(attempt, record => ({ ...record, code })).exit?.code, String(code)).toBe(
      code === 3 ? 3 : undefined,
    );
});

test('the record of one job is a forgery as that of another', async () => {
  const good = await rig.run(['true']);
  const bad = await rig.run(['false']);
  const { key, proof } = JSON.parse(readFileSync(exitOf(good), 'utf8'));
  expect(rewritten(bad, record => ({ ...record, code: 0, key, proof })).forged).toEqual(['exit']);
});

test('a key that somebody makes himself is not that of the journal', async () => {
  const attempt = await rig.run(['false']);
  const [words, hashes] = splitOf(new RecordKeys().of(attempt.spec.nonce).secret);
  const proof = [0, 4, 8, 12, 16].map(place => words[place]).join('');
  expect(rewritten(attempt, record => ({ ...record, code: 0, key: hashes, proof })).forged).toEqual(['exit']);
});

test('neither the command nor anybody who looks at the runner is shown the key', async () => {
  const attempt = await rig.make(['sh', '-c', 'set; env; cat; sleep 1000']);
  await rig.start(attempt, { rasen_key: 'mine', rasen_words: 'mine' });
  const { pid } = await rig.identity(attempt);
  const [words, hashes] = splitOf(rig.keys.of(attempt.spec.nonce).secret);
  const seen = ['cmdline', 'environ'].map(name => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
  const files = ['spec.json', 'claim', 'runner', 'output'].map(name =>
    readFileSync(join(attempt.dir, name), 'utf8'),
  );
  for (const text of [...seen, ...files])
    for (const word of [...words, hashes!]) expect(text).not.toContain(word);
  await rig.stop(attempt, { grace_ms: 0 });
});

function splitOf(secret: string): [string[], string | undefined] {
  const words = secret.split(' ');
  return [words.slice(0, -1), words.at(-1)];
}
