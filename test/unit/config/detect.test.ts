/** Test and lint commands are found in the files that each kind of project has, and nowhere else. */
import { expect, test } from 'vitest';
import { detectCommands } from '../../../src/config/index.ts';
import { project } from './support.ts';

test.each<[string, Record<string, string>, string[] | null, string[] | null]>([
  ['nothing', {}, null, null],
  [
    'npm',
    { 'package.json': '{"scripts":{"test":"vitest","lint":"x"}}' },
    ['npm', 'test'],
    ['npm', 'run', 'lint'],
  ],
  ['npm without a test', { 'package.json': '{"scripts":{"lint":"x"}}' }, null, ['npm', 'run', 'lint']],
  [
    'the stub of npm init',
    { 'package.json': '{"scripts":{"test":"echo \\"Error: no test specified\\" && exit 1"}}' },
    null,
    null,
  ],
  ['a broken package.json', { 'package.json': '{' }, null, null],
  ['odd scripts', { 'package.json': '{"scripts":[1]}' }, null, null],
  ['odd test', { 'package.json': '{"scripts":{"test":3,"lint":""}}' }, null, null],
  ['null', { 'package.json': 'null' }, null, null],
  [
    'pytest',
    { 'pyproject.toml': '[tool.pytest.ini_options]\n[tool.ruff]\n' },
    ['pytest'],
    ['ruff', 'check', '.'],
  ],
  ['pytest.ini', { 'pytest.ini': '' }, ['pytest'], null],
  ['setup.cfg', { 'setup.cfg': '[tool:pytest]' }, ['pytest'], null],
  ['pyproject without pytest', { 'pyproject.toml': '[project]\n' }, null, null],
  [
    'make',
    { Makefile: '.PHONY: test lint\ntest: build\n\tx\nlint :\n\ty\n' },
    ['make', 'test'],
    ['make', 'lint'],
  ],
  ['make with two targets in a line', { Makefile: 'check test:\n\tx\n' }, ['make', 'test'], null],
  ['make without them', { Makefile: 'test-all:\n\tx\ntest := 3\nlint = x\n\ttest: no\n' }, null, null],
  ['a long line', { Makefile: `${'test '.repeat(200_000)}\n` }, null, null],
  ['cargo', { 'Cargo.toml': '' }, ['cargo', 'test'], ['cargo', 'clippy', '--', '-D', 'warnings']],
  ['go', { 'go.mod': '' }, ['go', 'test', './...'], ['go', 'vet', './...']],
  [
    'the first wins, each for itself',
    { 'package.json': '{"scripts":{"test":"x"}}', Makefile: 'test:\nlint:\n' },
    ['npm', 'test'],
    ['make', 'lint'],
  ],
])('%s', (_, files, test, lint) => {
  expect(detectCommands(project(files))).toEqual({ test, lint });
});
