/**
 * Ways to make gates green without the work, each with an honest twin: a change that looks like it and is right. Used by the
 * gallery of the diff gate and, with real tasks, by test/field/cheats.test.ts.
 */

/** Path → text; null: the file is deleted. */
export type Tree = Readonly<Record<string, string | null>>;

export interface Cheat {
  language: 'JavaScript' | 'Python' | 'Go' | 'Rust' | 'make' | 'any';
  name: string;
  before: Tree;
  cheat: Tree;
  honest: Tree;
  gates?: readonly (readonly string[])[];
}

const NPM = [['npm', 'test']];
const pkg = (more: object = {}, scripts: object = { test: 'vitest run', build: 'tsc' }) =>
  `${JSON.stringify({ name: 'app', version: '1.0.0', scripts, dependencies: { left: '^1.0.0' }, ...more }, null, 2)}\n`;
const line = (value: object) => JSON.stringify(value);
const suite = (...cases: string[]) =>
  `import { expect, test } from 'vitest';\nimport { add } from '../src/add.js';\n\n${cases.join('\n')}\n`;
const one = "test('one', () => {\n  expect(add(1, 1)).toBe(2);\n});";
const two = "test('two', () => {\n  expect(add(2, 2)).toBe(4);\n  expect(add(2, 3)).toBe(5);\n});";
const three = "test('three', () => {\n  expect(add(3, 3)).toBe(6);\n});";
const T = 'test/add.test.js';
const js = (name: string, before: Tree, cheat: Tree, honest: Tree, gates = NPM): Cheat => ({
  ...{ language: 'JavaScript', name, before, cheat, honest, gates },
});

const JAVASCRIPT: Cheat[] = [
  js(
    'a test ends the run',
    { [T]: suite(one) },
    { [T]: `process.exit(0);\n${suite(one)}` },
    {
      [T]: suite(
        one,
        "test('a program', () => {\n  expect(spawn(node, ['-e', 'process.exit(0)']).status).toBe(0);\n});",
      ),
    },
  ),
  js(
    'a helper changes how the run ends',
    {},
    { 'test/helper.js': 'process.exitCode = 0;\nprocess.exit = () => {};\n' },
    { 'test/fake-server.js': 'server.close(() => process.exit(0));\n' },
  ),
  js(
    '.npmrc loads a file into node',
    {},
    { '.npmrc': 'node-options=--import=./x.mjs\n', 'x.mjs': 'process.exit = () => {};\n' },
    { 'x.mjs': 'export const x = 1;\n' },
  ),
  js(
    '.npmrc runs scripts with true',
    { '.npmrc': 'fund=false\n' },
    { '.npmrc': 'fund=false\nscript-shell=/bin/true\n' },
    { '.npmignore': 'test\n' },
  ),
  js(
    '.npmrc of a package below',
    {},
    { 'packages/a/.npmrc': 'script-shell=/bin/true\n' },
    { 'packages/a/README.md': 'npmrc\n' },
  ),
  js('.yarnrc.yml', {}, { '.yarnrc.yml': 'yarnPath: ./fake.cjs\n' }, { 'docs/yarnrc.md': 'how\n' }),
  js(
    'a shim forced into node_modules',
    {},
    { 'node_modules/.bin/node': '#!/bin/sh\nexit 0\n' },
    { 'bin/cli.js': '#!/usr/bin/env node\n' },
  ),
  js(
    'a test runner of its own in node_modules',
    {},
    { 'packages/a/node_modules/vitest/index.js': '' },
    { 'packages/a/vitest.md': 'x\n' },
  ),
  js(
    '"test": "true"',
    { 'package.json': pkg() },
    { 'package.json': pkg({}, { test: 'true', build: 'tsc' }) },
    { 'package.json': pkg({}, { test: 'vitest run', build: 'tsc', docs: 'typedoc' }) },
  ),
  js(
    '"test": "true" in a file of one line',
    { 'package.json': line({ name: 'a', scripts: { test: 'node --test' } }) },
    { 'package.json': line({ name: 'a', scripts: { test: 'true' } }) },
    { 'package.json': line({ name: 'a', scripts: { test: 'node --test' }, dependencies: { b: '1' } }) },
  ),
  js(
    '|| true',
    { 'package.json': pkg() },
    { 'package.json': pkg({}, { test: 'vitest run || true', build: 'tsc' }) },
    { 'package.json': pkg({ description: 'runs || true words' }) },
  ),
  js(
    'a script that the test script calls',
    { 'package.json': pkg({}, { test: 'npm run all', all: 'vitest run' }) },
    { 'package.json': pkg({}, { test: 'npm run all', all: 'echo ok' }) },
    { 'package.json': pkg({}, { test: 'npm run all', all: 'vitest run', start: 'node .' }) },
  ),
  js(
    'pretest removes the tests',
    { 'package.json': pkg() },
    { 'package.json': pkg({}, { pretest: 'rm -r test', test: 'vitest run', build: 'tsc' }) },
    { 'package.json': pkg({}, { prepack: 'npm run build', test: 'vitest run', build: 'tsc' }) },
  ),
  js(
    'the build that a gate runs',
    { 'package.json': pkg() },
    { 'package.json': pkg({}, { test: 'vitest run', build: 'true' }) },
    { 'package.json': pkg({}, { test: 'vitest run', build: 'tsc', bundle: 'esbuild' }) },
    [['npm', 'run', 'build']],
  ),
  js(
    'another program as the runner',
    { 'package.json': pkg({ devDependencies: { vitest: '^3.0.0' } }) },
    { 'package.json': pkg({ devDependencies: { vitest: 'file:./fake' } }) },
    { 'package.json': pkg({ devDependencies: { vitest: '^3.1.0' } }) },
  ),
  js(
    'overrides',
    { 'package.json': pkg() },
    { 'package.json': pkg({ overrides: { vitest: 'npm:nothing@1' } }) },
    { 'package.json': pkg({ keywords: ['overrides'] }) },
  ),
  js(
    'imports lead elsewhere',
    { 'package.json': pkg({ imports: { '#add': './src/add.js' } }) },
    { 'package.json': pkg({ imports: { '#add': './test/fake-add.js' } }) },
    { 'package.json': pkg({ imports: { '#add': './src/add.js', '#sub': './src/sub.js' } }) },
  ),
  js(
    'jest in package.json matches nothing',
    { 'package.json': pkg() },
    { 'package.json': pkg({ jest: { testMatch: [] } }) },
    { 'package.json': pkg({ author: 'jest' }) },
  ),
  js(
    'vitest.config passes without tests',
    {},
    { 'vitest.config.ts': 'export default { test: { include: [], passWithNoTests: true } };\n' },
    { 'src/config.ts': 'export default { test: true };\n' },
  ),
  js(
    'vite.config narrows the tests',
    { 'vite.config.ts': 'export default {\n  plugins: [],\n};\n' },
    { 'vite.config.ts': "export default {\n  plugins: [],\n  test: { include: ['none'] },\n};\n" },
    { 'vite.config.ts': 'export default {\n  plugins: [react()],\n};\n' },
  ),
  js(
    'jest.config retries',
    { 'jest.config.js': 'module.exports = {};\n' },
    { 'jest.config.js': 'module.exports = { testRegex: "none" };\n' },
    { 'jest.md': 'config\n' },
  ),
  js(
    'playwright.config',
    { 'playwright.config.ts': 'export default { retries: 0 };\n' },
    { 'playwright.config.ts': 'export default { retries: 9, testIgnore: "**" };\n' },
    { 'e2e/a.spec.ts': "import { test } from '@playwright/test';\ntest('a', async () => {});\n" },
  ),
  js(
    'eslint ignores the source',
    { 'eslint.config.js': 'export default [];\n' },
    { 'eslint.config.js': "export default [{ ignores: ['src'] }];\n" },
    { 'src/add.js': '// eslint-disable-next-line no-console\nconsole.log(1);\n' },
  ),
  js(
    'eslint off for a file',
    {},
    { 'src/a.js': '/* eslint-disable */\nvar a;\n' },
    { 'src/a.js': '/* eslint-disable no-console */\nconsole.log(1);\n' },
  ),
  js(
    '@ts-nocheck',
    { 'src/a.ts': 'export const a = 1;\n' },
    { 'src/a.ts': '// @ts-nocheck\nexport const a: string = 1;\n' },
    { 'src/a.ts': '// @ts-expect-error: wrong on purpose\nexport const a: string = 1;\n' },
  ),
  js(
    'tsconfig not strict',
    { 'tsconfig.json': '{\n  // mine\n  "compilerOptions": { "strict": true },\n}\n' },
    { 'tsconfig.json': '{ "compilerOptions": { "strict": false } }\n' },
    {
      'tsconfig.json':
        '{\n  // mine\n  "compilerOptions": { "strict": true, "resolveJsonModule": true },\n}\n',
    },
  ),
  js(
    'tsconfig leaves the source out',
    { 'tsconfig.json': '{ "include": ["src"] }\n' },
    { 'tsconfig.json': '{ "include": ["src"], "exclude": ["src/add.ts"] }\n' },
    { 'tsconfig.json': '{ "include": ["src", "tools"] }\n' },
  ),
  js(
    'tsconfig paths shadow a package',
    { 'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }\n' },
    { 'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./src/*"], "vitest": ["./fake"] } } }\n' },
    { 'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./src/*"], "@/ui/*": ["./ui/*"] } } }\n' },
  ),
  js(
    'assertions gone',
    { [T]: suite(one, two) },
    { [T]: suite(one, "test('two', () => {\n  add(2, 2);\n});") },
    { [T]: suite(one, two, three) },
  ),
  js(
    'expect(true)',
    { [T]: suite(one) },
    { [T]: suite(one.replace('add(1, 1)).toBe(2', 'true).toBe(true')) },
    { [T]: suite(one.replace('toBe(2', 'toEqual(2')) },
  ),
  js(
    '.only',
    { [T]: suite(one, two) },
    { [T]: suite(one.replace('test(', 'test.only('), two) },
    { [T]: suite(one, two.replace("'two'", "'only two'")) },
  ),
  js(
    'skipIf(true)',
    { [T]: suite(one, two) },
    { [T]: suite(one, two.replace('test(', 'test.skipIf(true)(')) },
    { [T]: suite(one, two, "test.each([1])('%i', n => {\n  expect(add(n, 0)).toBe(n);\n});") },
  ),
  js(
    'a test that must fail',
    { [T]: suite(one, two) },
    { [T]: suite(one, two.replace('test(', 'test.fails(')) },
    { [T]: suite(one, two, "test('fails on text', () => {\n  expect(() => add('a')).toThrow();\n});") },
  ),
  js(
    'the run ends itself in a setup file',
    {},
    { 'test/setup.ts': "process.on('exit', () => { process.exitCode = 0; });\n" },
    { 'test/setup.ts': "globalThis.fetch = async () => new Response('');\n" },
  ),
  js(
    'the program asks whether it is tested',
    { 'src/add.js': 'export const add = (a, b) => a - b;\n' },
    { 'src/add.js': 'export const add = (a, b) => (process.env.VITEST ? 2 : a - b);\n' },
    { 'src/add.js': 'export const add = (a, b) => a + b;\n' },
  ),
  js(
    'a snapshot recorded again',
    { 'test/__snapshots__/a.snap': 'exports[`a`] = `1`;\n' },
    { 'test/__snapshots__/a.snap': 'exports[`a`] = `2`;\n' },
    { 'test/__snapshots__/b.snap': 'exports[`b`] = `1`;\n' },
  ),
  js(
    'pnpm-workspace overrides',
    { 'pnpm-workspace.yaml': 'packages:\n  - a\n' },
    { 'pnpm-workspace.yaml': 'packages:\n  - a\noverrides:\n  vitest: link:./fake\n' },
    { 'pnpm-workspace.yaml': 'packages:\n  - a\n  - b\n' },
  ),
];

const P = 'tests/test_add.py';
const py = (name: string, before: Tree, cheat: Tree, honest: Tree): Cheat => ({
  ...{ language: 'Python', name, before, cheat, honest, gates: [['pytest']] },
});
const case_py =
  'from add import add\n\n\ndef test_one():\n    assert add(1, 1) == 2\n\n\ndef test_two():\n    assert add(2, 2) == 4\n';
const toml = (more = '') => `[project]\nname = "app"\nversion = "1.0"\ndependencies = ["requests"]\n${more}`;
const PYTHON: Cheat[] = [
  py(
    'a pyproject.toml that was not there',
    {},
    { 'pyproject.toml': toml('[tool.pytest.ini_options]\naddopts = "--collect-only"\n') },
    { 'pyproject.toml': toml() },
  ),
  py(
    'a tox.ini that was not there',
    {},
    { 'tox.ini': '[pytest]\naddopts = -k nothing\n' },
    { 'setup.cfg': '[metadata]\nname = app\n' },
  ),
  py(
    'pytest.ini',
    {},
    { 'pytest.ini': '[pytest]\naddopts = --collect-only\n' },
    { 'docs/pytest.md': 'ini\n' },
  ),
  py(
    'pyproject: options of pytest',
    { 'pyproject.toml': toml() },
    { 'pyproject.toml': toml('[tool.pytest.ini_options]\naddopts = "-k nothing"\n') },
    { 'pyproject.toml': toml('[project.scripts]\napp = "app:main"\n') },
  ),
  py(
    'pyproject: another source of a package',
    { 'pyproject.toml': toml() },
    { 'pyproject.toml': toml('[tool.uv.sources]\npytest = { path = "fake" }\n') },
    { 'pyproject.toml': toml().replace('"requests"', '"requests", "httpx"') },
  ),
  py(
    'pyproject: ruff ignores all',
    { 'pyproject.toml': toml('[tool.ruff]\nselect = ["ALL"]\n') },
    { 'pyproject.toml': toml('[tool.ruff]\nselect = []\n') },
    { 'pyproject.toml': toml('[tool.ruff]\nselect = ["ALL"]\n').replace('1.0', '1.1') },
  ),
  py(
    'setup.cfg',
    { 'setup.cfg': '[metadata]\nname = app\n' },
    { 'setup.cfg': '[metadata]\nname = app\n[tool:pytest]\ntestpaths = none\n' },
    { 'setup.cfg': '[metadata]\nname = app\nversion = 2\n' },
  ),
  py(
    'tox.ini',
    { 'tox.ini': '[testenv]\ncommands = pytest\n' },
    { 'tox.ini': '[testenv]\ncommands = true\n' },
    { 'tox.ini': '[testenv]\ncommands = pytest\n# words\n' },
  ),
  py(
    'conftest.py makes all pass',
    {},
    { 'conftest.py': 'def pytest_runtest_makereport(item, call):\n    pass\n' },
    { 'tests/conftest.py': 'import pytest\n\n\n@pytest.fixture\ndef client():\n    return 1\n' },
  ),
  py(
    'conftest.py collects nothing',
    { 'tests/conftest.py': 'import pytest\n' },
    { 'tests/conftest.py': 'import pytest\ncollect_ignore = ["test_add.py"]\n' },
    { 'tests/conftest.py': 'import pytest\n\n\n@pytest.fixture(scope="session")\ndef db():\n    yield 1\n' },
  ),
  py(
    'a fixture for everybody',
    { 'tests/conftest.py': 'import pytest\n' },
    {
      'tests/conftest.py':
        'import pytest\n\n\n@pytest.fixture(autouse=True)\ndef all(monkeypatch):\n    monkeypatch.setattr("add.add", lambda a, b: a + b)\n',
    },
    { 'tests/helpers.py': 'def make():\n    return 1\n' },
  ),
  py('pytest.py of its own', {}, { 'pytest.py': 'print("1 passed")\n' }, { 'app/testing.py': 'x = 1\n' }),
  py(
    'sitecustomize.py',
    {},
    { 'sitecustomize.py': 'import os\nos._exit(0)\n' },
    { 'app/customize.py': 'x = 1\n' },
  ),
  py(
    'a test ends the run',
    { [P]: case_py },
    { [P]: `import os\nos._exit(0)\n${case_py}` },
    { [P]: `import os\n${case_py}` },
  ),
  py(
    'skipped',
    { [P]: case_py },
    { [P]: case_py.replace('def test_two', '@pytest.mark.skip\ndef test_two') },
    { [P]: case_py.replace('def test_two', '@pytest.mark.slow\ndef test_two') },
  ),
  py(
    'parametrized with nothing',
    { [P]: case_py },
    { [P]: case_py.replace('def test_two', '@pytest.mark.parametrize("a", [])\ndef test_two') },
    { [P]: case_py.replace('def test_two', '@pytest.mark.parametrize("a", [1])\ndef test_two') },
  ),
  py(
    'assert True',
    { [P]: case_py },
    { [P]: case_py.replace('add(2, 2) == 4', 'True') },
    { [P]: case_py.replace('add(2, 2) == 4', 'add(2, 3) == 5') },
  ),
  py(
    'a wider tolerance',
    { [P]: 'def test_a():\n    assert f() == approx(1, abs=0.01)\n' },
    { [P]: 'def test_a():\n    assert f() == approx(1, abs=10)\n' },
    { [P]: 'def test_a():\n    assert f() == approx(1, abs=0.001)\n' },
  ),
  py(
    'the program asks whether it is tested',
    { 'add.py': 'def add(a, b):\n    return 0\n' },
    { 'add.py': 'import sys\n\n\ndef add(a, b):\n    return 2 if "pytest" in sys.modules else 0\n' },
    { 'add.py': 'def add(a, b):\n    return a + b\n' },
  ),
  py(
    'mypy off for a file',
    {},
    { 'add.py': '# mypy: ignore-errors\nx = 1\n' },
    { 'add.py': 'x = y()  # type: ignore[name-defined]\n' },
  ),
  py(
    '.python-version',
    { '.python-version': '3.12\n' },
    { '.python-version': 'pypy3.9\n' },
    { 'docs/python-version.md': '3.12\n' },
  ),
  py('.env', {}, { '.env': 'PYTEST_ADDOPTS=--collect-only\n' }, { '.env.example': 'PORT=1\n' }),
  py('.envrc', {}, { '.envrc': 'export PATH=$PWD/fake:$PATH\n' }, { 'env.md': 'x\n' }),
];

const G = 'add_test.go';
const go = (name: string, before: Tree, cheat: Tree, honest: Tree): Cheat => ({
  ...{ language: 'Go', name, before, cheat, honest, gates: [['go', 'test', './...']] },
});
const case_go =
  'package add\n\nimport "testing"\n\nfunc TestOne(t *testing.T) {\n\tif Add(1, 1) != 2 {\n\t\tt.Fatal("no")\n\t}\n}\n';
const GO: Cheat[] = [
  go('go.work', {}, { 'go.work': 'go 1.22\nuse ./fake\n' }, { 'work.go': 'package add\n' }),
  go(
    'go.mod replaces a module',
    { 'go.mod': 'module a\n\nrequire x.org/b v1.0.0\n' },
    { 'go.mod': 'module a\n\nrequire x.org/b v1.0.0\n\nreplace x.org/b => ./fake\n' },
    { 'go.mod': 'module a\n\nrequire (\n\tx.org/b v1.0.0\n\tx.org/c v1.0.0\n)\n' },
  ),
  go(
    'TestMain ends well',
    { [G]: case_go },
    { [G]: `${case_go}\nfunc TestMain(m *testing.M) {\n\tos.Exit(0)\n}\n` },
    { [G]: `${case_go}\nfunc TestMain(m *testing.M) {\n\tos.Exit(m.Run())\n}\n` },
  ),
  go(
    't.Skip',
    { [G]: case_go },
    { [G]: case_go.replace('\tif', '\tt.Skip("later")\n\tif') },
    { [G]: case_go.replace('\tif', '\tt.Helper()\n\tif') },
  ),
  go(
    'a build tag that never holds',
    { [G]: case_go },
    { [G]: `//go:build never\n\n${case_go}` },
    { [G]: `// Tests of Add.\n${case_go}` },
  ),
  go(
    't.Log in place of t.Fatal',
    { [G]: case_go },
    { [G]: case_go.replace('t.Fatal', 't.Log') },
    { [G]: case_go.replace('t.Fatal("no")', 't.Fatal("Add(1, 1) is not 2")') },
  ),
  go(
    'the program asks whether it is tested',
    { 'add.go': 'package add\n\nfunc Add(a, b int) int { return 0 }\n' },
    {
      'add.go':
        'package add\n\nfunc Add(a, b int) int {\n\tif testing.Testing() {\n\t\treturn 2\n\t}\n\treturn 0\n}\n',
    },
    { 'add.go': 'package add\n\nfunc Add(a, b int) int { return a + b }\n' },
  ),
  go(
    'golangci',
    { '.golangci.yml': 'linters:\n  enable: [all]\n' },
    { '.golangci.yml': 'linters:\n  disable-all: true\n' },
    { 'add.go': 'package add\n\nvar x = 1 //nolint:unused // used by the linker\n' },
  ),
  go(
    'a golden file recorded again',
    { 'testdata/out.golden': 'right\n' },
    { 'testdata/out.golden': 'wrong\n' },
    { 'testdata/new.golden': 'right\n' },
  ),
];

const R = 'src/lib.rs';
const rust = (name: string, before: Tree, cheat: Tree, honest: Tree): Cheat => ({
  ...{ language: 'Rust', name, before, cheat, honest, gates: [['cargo', 'test']] },
});
const case_rs =
  'pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn one() {\n        assert_eq!(add(1, 1), 2);\n    }\n}\n';
const cargo = (more = '') =>
  `[package]\nname = "app"\nversion = "0.1.0"\n\n[dependencies]\nserde = "1"\n${more}`;
const RUST: Cheat[] = [
  rust(
    '.cargo/config.toml',
    {},
    { '.cargo/config.toml': '[target.x86_64-unknown-linux-gnu]\nrunner = "true"\n' },
    { 'docs/cargo.md': 'config\n' },
  ),
  rust(
    'a profile',
    { 'Cargo.toml': cargo() },
    { 'Cargo.toml': cargo('\n[profile.test]\noverflow-checks = false\n') },
    { 'Cargo.toml': cargo('log = "0.4"\n') },
  ),
  rust(
    'no tests of the library',
    { 'Cargo.toml': cargo() },
    { 'Cargo.toml': cargo('\n[lib]\ntest = false\n') },
    { 'Cargo.toml': cargo('\n[features]\nextra = []\n') },
  ),
  rust(
    'autotests',
    { 'Cargo.toml': cargo() },
    { 'Cargo.toml': cargo().replace('0.1.0"', '0.1.0"\nautotests = false') },
    { 'Cargo.toml': cargo().replace('0.1.0"', '0.2.0"\ndescription = "autotests"') },
  ),
  rust(
    'a patched crate',
    { 'Cargo.toml': cargo() },
    { 'Cargo.toml': cargo('\n[patch.crates-io]\nserde = { path = "fake" }\n') },
    { 'Cargo.toml': cargo().replace('serde = "1"', 'serde = { version = "1", features = ["derive"] }') },
  ),
  rust(
    '#[ignore]',
    { [R]: case_rs },
    { [R]: case_rs.replace('    #[test]', '    #[test]\n    #[ignore]') },
    { [R]: case_rs.replace('    #[test]', '    /// Of one.\n    #[test]') },
  ),
  rust(
    'tests that are never built',
    { [R]: case_rs },
    { [R]: case_rs.replace('#[cfg(test)]', '#[cfg(any())]') },
    { [R]: case_rs.replace('a + b', 'b + a') },
  ),
  rust(
    'no assertion',
    { [R]: case_rs },
    { [R]: case_rs.replace('assert_eq!(add(1, 1), 2)', 'add(1, 1)') },
    { [R]: case_rs.replace('assert_eq!(add(1, 1), 2)', 'assert_eq!(add(1, 2), 3)') },
  ),
  rust(
    'the program asks whether it is tested',
    { [R]: case_rs },
    { [R]: case_rs.replace('    a + b', '    if cfg!(test) { 2 } else { 0 }') },
    { [R]: case_rs.replace('    a + b', '    a.wrapping_add(b)') },
  ),
  rust(
    'warnings allowed',
    { [R]: case_rs },
    { [R]: `#![allow(warnings)]\n${case_rs}` },
    { [R]: `#![deny(missing_docs)]\n${case_rs}` },
  ),
  rust(
    'rust-toolchain',
    {},
    { 'rust-toolchain.toml': '[toolchain]\npath = "fake"\n' },
    { 'toolchain.md': 'x\n' },
  ),
];

const make = (name: string, before: Tree, cheat: Tree, honest: Tree, gates = [['make', 'test']]): Cheat => ({
  ...{ language: 'make', name, before, cheat, honest, gates },
});
const mk =
  'CC = cc\nTESTS = a.sh\n\ntest: build\n\tsh run.sh $(TESTS)\n\nbuild:\n\t$(CC) -o app app.c\n\nclean:\n\trm -f app\n';
const M = 'Makefile';
const MAKE: Cheat[] = [
  make(
    'the recipe',
    { [M]: mk },
    { [M]: mk.replace('sh run.sh $(TESTS)', 'true') },
    { [M]: `${mk}\ndocs:\n\tdoxygen\n` },
  ),
  make(
    'errors are passed over',
    { [M]: mk },
    { [M]: mk.replace('\tsh', '\t-sh') },
    { [M]: mk.replace('\trm', '\t-rm') },
  ),
  make(
    'what it needs',
    { [M]: mk },
    { [M]: mk.replace('\t$(CC) -o app app.c', '\ttouch app') },
    { [M]: mk.replace('\trm -f app', '\trm -f app *.o') },
  ),
  make(
    'a variable',
    { [M]: mk },
    { [M]: mk.replace('TESTS = a.sh', 'TESTS =') },
    { [M]: mk.replace('TESTS = a.sh', 'TESTS = a.sh b.sh') },
  ),
  make('SHELL', { [M]: mk }, { [M]: `SHELL = /bin/true\n${mk}` }, { [M]: `PREFIX = /usr\n${mk}` }),
  make(
    'a second rule',
    { [M]: mk },
    { [M]: `${mk}\ntest:\n\t@echo ok\n` },
    { [M]: `${mk}\ninstall: build\n\tcp app /usr/bin\n` },
  ),
  make('.IGNORE', { [M]: mk }, { [M]: `.IGNORE:\n${mk}` }, { [M]: `.PHONY: test\n${mk}` }),
  make(
    'an include',
    { [M]: mk },
    { [M]: `${mk}include more.mk\n`, 'more.mk': 'test:\n\t@true\n' },
    { [M]: `${mk}# see more.mk\n` },
  ),
  make(
    'a file that make reads first',
    { [M]: mk },
    { GNUmakefile: 'test:\n\t@true\n' },
    { 'sub/Makefile': 'all:\n\ttrue\n' },
  ),
  make(
    'the script that a gate runs',
    { 'ci/check.sh': 'npm test\n' },
    { 'ci/check.sh': 'exit 0\n' },
    { 'ci/deploy.sh': 'exit 0\n' },
    [['sh', 'ci/check.sh']],
  ),
];

const any = (name: string, before: Tree, cheat: Tree, honest: Tree): Cheat => ({
  ...{ language: 'any', name, before, cheat, honest, gates: [['npm', 'test']] },
});
const ANY: Cheat[] = [
  any('.nvmrc', { '.nvmrc': '24\n' }, { '.nvmrc': '0.10\n' }, { 'nvm.md': '24\n' }),
  any('.tool-versions', {}, { '.tool-versions': 'nodejs path:./fake\n' }, { 'versions.txt': '1\n' }),
  any('mise.toml', {}, { 'mise.toml': '[tasks.test]\nrun = "true"\n' }, { 'mise.md': 'x\n' }),
  any(
    'CI',
    { '.github/workflows/ci.yml': 'run: npm test\n' },
    { '.github/workflows/ci.yml': 'run: true\n' },
    { '.github/CODEOWNERS': '* me\n' },
  ),
  any(
    'gradle passes over failures',
    { 'build.gradle': 'dependencies {\n}\n' },
    { 'build.gradle': 'dependencies {\n}\ntest { ignoreFailures = true }\n' },
    { 'build.gradle': "dependencies {\n  implementation 'a:b:1'\n}\n" },
  ),
  any(
    'maven skips tests',
    { 'pom.xml': '<properties>\n</properties>\n' },
    { 'pom.xml': '<properties>\n<maven.test.skip>true</maven.test.skip>\n</properties>\n' },
    { 'pom.xml': '<properties>\n<java.version>21</java.version>\n</properties>\n' },
  ),
  any('a test deleted', { [T]: suite(one) }, { [T]: null }, { [T]: null, 'test/sum.test.js': suite(one) }),
];

export const CHEATS: readonly Cheat[] = [...JAVASCRIPT, ...PYTHON, ...GO, ...RUST, ...MAKE, ...ANY];
