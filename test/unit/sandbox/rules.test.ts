/** Which rule counts where. */
import { expect, test } from 'vitest';
import { arranged, type Wish } from '../../../src/sandbox/rules.ts';

const shown = (wishes: Wish[]) => arranged(wishes).map(({ access, path }) => `${access} ${path}`);

test('the deepest counts, so they are applied from the root down', () => {
  expect(
    shown([
      { path: '/home/u/p/.worktrees/t', access: 'write' },
      { path: '/home/u/p', access: 'hidden' },
      { path: '/home/u/p/.git', access: 'read' },
      { path: '/home/u/p/.git/objects', access: 'write' },
    ]),
  ).toEqual([
    'hidden /home/u/p',
    'read /home/u/p/.git',
    'write /home/u/p/.worktrees/t',
    'write /home/u/p/.git/objects',
  ]);
});

test('what changes nothing is left out', () => {
  expect(
    shown([
      { path: '/etc', access: 'read' },
      { path: '/s', access: 'hidden' },
      { path: '/s/deeper', access: 'hidden' },
      { path: '/w', access: 'write' },
      { path: '/w/a', access: 'write' },
      { path: '/w/b', access: 'read' },
    ]),
  ).toEqual(['hidden /s', 'write /w', 'read /w/b']);
});

test('of two wishes for a path the later one counts, unless the earlier is firm', () => {
  expect(
    shown([
      { path: '/h/.ssh', access: 'hidden' },
      { path: '/h/.ssh', access: 'read' },
      { path: '/state', access: 'hidden', firm: true },
      { path: '/state', access: 'write' },
    ]),
  ).toEqual(['hidden /state']);
});

test('below what is firmly hidden only what is firm is opened', () => {
  expect(
    shown([
      { path: '/state', access: 'hidden', firm: true },
      { path: '/state/tasks', access: 'write' },
      { path: '/state/run/result', access: 'write', firm: true },
      { path: '/state/run/result/x', access: 'read' },
    ]),
  ).toEqual(['hidden /state', 'write /state/run/result', 'read /state/run/result/x']);
});

test('what is another folder’s is opened again by itself', () => {
  expect(
    shown([
      { path: '/tmp', access: 'write', from: '/tmp/own' },
      { path: '/tmp/h', access: 'read' },
      { path: '/tmp/h/w', access: 'write' },
      { path: '/tmp/w', access: 'write' },
    ]),
  ).toEqual(['write /tmp', 'read /tmp/h', 'write /tmp/w', 'write /tmp/h/w']);
});

test('a folder whose name begins like another’s is not below it', () => {
  expect(
    shown([
      { path: '/h/p', access: 'hidden' },
      { path: '/h/p2', access: 'hidden' },
      { path: '/h/p/x', access: 'read' },
    ]),
  ).toEqual(['hidden /h/p', 'hidden /h/p2', 'read /h/p/x']);
});
