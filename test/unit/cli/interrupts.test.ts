/** What Ctrl-C asks while a task is in the foreground, and what is left on the screen where nobody answers. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { onInterrupt } from '../../../src/cli/interrupts.ts';
import type { Output } from '../../../src/cli/output.ts';

function asked() {
  let screen = '';
  const stderr = new PassThrough();
  stderr.on('data', chunk => {
    screen += chunk;
  });
  Object.assign(stderr, { isTTY: true });
  const said: string[] = [];
  const stdin = new PassThrough();
  const release = onInterrupt({
    out: { stderr, note: (text: string) => said.push(text) } as unknown as Output,
    stdin: stdin as unknown as NodeJS.ReadStream,
    before_words: () => {},
    before_question: () => {},
    after_question: () => {},
    stop: async () => void said.push('stopped'),
    alive: async () => true,
    detach: () => void said.push('detached'),
    leave: () => {},
  });
  process.emit('SIGINT');
  return { said, stdin, stderr, release, screen: () => screen };
}

test('the task ends while the question is open: what comes next begins a line', async () => {
  const a = asked();
  await expect.poll(a.screen).toContain('stop the task or detach? [s/d] ');
  a.release();
  a.stderr.write('Feature  completed\n');
  expect(a.screen()).toMatch(/\[s\/d\] .*\nFeature {2}completed\n$/s);
});

test('Ctrl-C once more detaches, and leaves a whole line', async () => {
  const a = asked();
  await expect.poll(a.screen).toContain('[s/d] ');
  process.emit('SIGINT');
  await expect.poll(() => a.said).toEqual(['detached']);
  expect(a.screen()).toMatch(/\n$/);
  a.release();
});

test.each([
  ['s', 'stopped'],
  ['d', 'detached'],
  ['', 'the task goes on'],
])('the answer "%s"', async (answer, outcome) => {
  const a = asked();
  await expect.poll(a.screen).toContain('[s/d] ');
  a.stdin.write(`${answer}\n`);
  await expect.poll(() => a.said).toContain(outcome);
  a.release();
});
