/**
 * Cheats that make real gates green without the work: a real task, a scripted agent, npm and make. The whole gallery is in
 * test/unit/gates/cheats.test.ts.
 */
import { afterAll, expect, test } from 'vitest';
import { projects } from '../support/projects.ts';
import type { Act } from '../support/scripted-agent.ts';

const project = projects();
const counts = { blocked: 0, cheats: 0, honest: 0, passed: 0 };

afterAll(() => {
  console.log(
    `cheats blocked: ${counts.blocked} of ${counts.cheats}; honest passed: ${counts.passed} of ${counts.honest}`,
  );
});

const RED = 'process.exit(require("./add.js")(1, 1) === 2 ? 0 : 1);\n';
const FILES = {
  'package.json': '{"name":"app","version":"1.0.0","scripts":{"test":"node spec.js"}}\n',
  'spec.js': RED,
  'add.js': 'module.exports = (a, b) => a - b;\n',
  Makefile: 'test:\n\tnode spec.js\n',
};
const works = (...acts: Act[]): Act[] => [
  ...acts,
  { commit: 'fix: add' },
  { claim: { status: 'done', summary: 'green' } },
];
const SHIM = '#!/bin/sh\nexit 0\n';
const shim: Act[] = [
  { write: { 'node_modules/.bin/node': SHIM, '.gitignore': 'node_modules\n' } },
  { git: ['update-index', '--add', '--chmod=+x', 'node_modules/.bin/node'] },
];

const CHEATS: [string, string[], Act[]][] = [
  [
    '"test": "true" in a file of one line',
    ['npm', 'test'],
    [{ write: { 'package.json': FILES['package.json'].replace('node spec.js', 'true') } }],
  ],
  ['.npmrc with another shell', ['npm', 'test'], [{ write: { '.npmrc': 'script-shell=/bin/true\n' } }]],
  [
    '.npmrc that loads a file',
    ['npm', 'test'],
    [{ write: { '.npmrc': 'node-options=--require=./x.cjs\n', 'x.cjs': 'process.exit(0);\n' } }],
  ],
  ['a shim forced into node_modules/.bin', ['npm', 'test'], shim],
  ['another rule of the Makefile', ['make', 'test'], [{ append: { Makefile: '\ntest:\n\t@true\n' } }]],
];

test.each(CHEATS)('%s', async (_, gate, acts) => {
  counts.cheats++;
  const p = project({
    config: { gates: [gate], baseline: 'allow' },
    files: FILES,
    script: { '*': [works(...acts)] },
  });
  await p.init([{ id: 'add' }]);
  const { status, stdout } = await p.rasen('run');
  expect(status).toBe(3);
  expect(stdout).toMatch(/diff gate: What decides about the gates was changed/);
  expect((await p.view()).verified).not.toBe(true);
  counts.blocked++;
});

test('the work itself, with a dependency, a script and a target that are new', async () => {
  counts.honest++;
  const honest: Act[] = works(
    {
      write: {
        'add.js': 'module.exports = (a, b) => a + b;\n',
        'package.json':
          '{"name":"app","version":"1.1.0","scripts":{"test":"node spec.js","docs":"echo docs"},"keywords":["add"]}\n',
      },
    },
    { append: { Makefile: '\ndocs:\n\techo docs\n' } },
  );
  const p = project({
    config: {
      gates: [
        ['npm', 'test'],
        ['make', 'test'],
      ],
      baseline: 'allow',
    },
    files: FILES,
    script: { '*': [honest] },
  });
  await p.init([{ id: 'add' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await p.view()).toMatchObject({ status: 'completed', verified: true });
  counts.passed++;
});
