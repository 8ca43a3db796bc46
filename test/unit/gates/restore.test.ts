/** The configuration of before under the change of today; the change without its source; and what gates run by way of others. */
import { describe, expect, test } from 'vitest';
import { restored } from '../../../src/gates/config/restore.ts';
import { judgeDiff } from '../../../src/gates/diff.ts';
import { callsOf, reachedByGates } from '../../../src/gates/reached.ts';
import { isSource, withoutChange } from '../../../src/gates/sources.ts';
import { CHEAT_TASKS, type CheatTask } from '../../support/cheat-tasks.ts';
import { changes } from '../../support/tree-changes.ts';

const asJson = (value: object) => JSON.stringify(value);
const merged = (path: string, before: string, after: string) => restored(path, before, after);

describe('package.json', () => {
  const was = {
    name: 'a',
    version: '1.0.0',
    scripts: { test: 'vitest' },
    dependencies: { x: '1' },
    tool: { level: 1 },
  };
  const put = (now: object) => merged('package.json', asJson(was), asJson(now));

  test.each([
    ['a dependency', { ...was, dependencies: { x: '2', y: '1' } }],
    ['a script', { ...was, scripts: { test: 'vitest', docs: 'typedoc' } }],
    ['its own matters', { ...was, version: '2.0.0', main: 'x.js', description: 'new' }],
    ['names that are new', { ...was, exports: { '.': './a.js' }, imports: { '#a': './a.js' } }],
  ])('%s belongs to the work', (_, now) => {
    expect(put(now)).toBeUndefined();
  });

  test.each([
    ['a script that was there', { ...was, scripts: { test: 'true' } }, was],
    ['a step before it', { ...was, scripts: { test: 'vitest', pretest: 'rm -r test' } }, was],
    ['a key that nobody knows', { ...was, tool: { level: 0 } }, was],
    ['one that is new', { ...was, other: 1 }, was],
    ['a package from elsewhere', { ...was, dependencies: { x: 'file:./fake' } }, was],
  ])('%s is as it was', (_, now, then) => {
    expect(JSON.parse(put(now)!)).toEqual(then);
  });

  test('both at once: what belongs to the work stays', () => {
    const text = put({ ...was, version: '3.0.0', tool: {}, dependencies: { x: '1', z: '1' } })!;
    expect(JSON.parse(text)).toEqual({ ...was, version: '3.0.0', dependencies: { x: '1', z: '1' } });
  });
});

describe('a Makefile', () => {
  const was = 'SRCS = a.c b.c\n\ntest: app\n\t./app\n\napp: a.o\n\tcc -o app $(SRCS)\n';
  test.each([
    ['files in a list', was.replace('b.c', 'b.c c.c')],
    ['files among the needs', was.replace('a.o', 'a.o c.o')],
    ['a target', `${was}\ndocs:\n\tdoxygen\n`],
    ['a comment', `# Of the app.\n${was}`],
  ])('%s belongs to the work', (_, now) => {
    expect(merged('Makefile', was, now)).toBeUndefined();
  });
  test.each([
    ['a recipe', was.replace('./app', 'true')],
    ['an eval', `$(eval MAKEFLAGS += -n)\n${was}`],
    ['a shell for one target', `test: SHELL = /bin/true\n${was}`],
    ['a rule for what was waited for', `${was}\na.o:\n\ttouch a.o\n`],
    ['a condition', `ifdef X\n${was}endif\n`],
  ])('%s is as it was', (_, now) => {
    expect(merged('Makefile', was, now)?.trim()).toBe(was.trim());
  });
});

test('TOML: dependencies stay, and come from where they came; what decides about tests is as it was', () => {
  const was = '[package]\nname = "a"\n\n[dependencies]\nserde = "1"\n';
  expect(merged('Cargo.toml', was, `${was}log = "0.4"\n`)).toBeUndefined();
  expect(merged('Cargo.toml', was, was.replace('"1"', '{ path = "fake" }'))).toContain('serde = "1"');
  expect(merged('Cargo.toml', was, `${was}\n[profile.test]\nopt-level = 3\n`)).not.toContain('profile');
  const python = '[project]\nname = "a"\n\n[tool.checks]\nlevel = 1\n';
  expect(
    merged('pyproject.toml', python, python.replace('"a"', '"a"\ndependencies = ["x"]')),
  ).toBeUndefined();
  expect(merged('pyproject.toml', python, python.replace('= 1', '= 0'))).toContain('level = 1');
});

test('files of tools are as they were, or away; others are left alone', () => {
  expect(restored('.babelrc', '{}', '{"plugins":[]}')).toBe('{}');
  expect(restored('a/.npmrc', null, 'x')).toBeNull();
  expect(restored('pytest.py', null, 'x')).toBeNull();
  expect(restored('src/pytest.py', 'a', 'b')).toBeUndefined();
  expect(restored('src/app.config.ts', 'a', 'b')).toBeUndefined();
  expect(restored('package.json', null, '{}')).toBeUndefined();
  // What cannot be read is as it was.
  expect(restored('package.json', '{}', '{')).toBe('{}');
});

test('the source is what is no test, no configuration and no lock', () => {
  const paths = [
    'src/a.ts',
    'README.md',
    'test/a.ts',
    'src/a.test.ts',
    'package.json',
    'yarn.lock',
    '.gitignore',
    'conftest.py',
  ];
  expect(paths.filter(isSource)).toEqual(['src/a.ts', 'README.md']);
});

test('tests of Rust that stand in the source are those of today', () => {
  const tests = (n: number) => `\n#[cfg(test)]\nmod tests {\n    // ${n}\n}\n`;
  expect(withoutChange(`old\n${tests(1)}`, `new\n${tests(2)}`)).toBe(`old\n${tests(2)}`);
  expect(withoutChange('old\n', `new\n${tests(2)}`)).toBe(`old\n\n${tests(2).trimStart()}`);
  expect(withoutChange('old\n', 'new\n')).toBe('old\n');
  expect(withoutChange(null, `new\n${tests(2)}`)).toBeNull();
});

describe('what gates run by way of others', () => {
  test('the program of a command line, and not its arguments', () => {
    const names = (line: string) => callsOf(line).map(({ kind, name }) => `${kind} ${name}`);
    expect(names('A=1 sh -e ./ci/check.sh src/a.sh && node tools/run.js')).toEqual([
      ...['file ci/check.sh', 'file tools/run.js'],
    ]);
    expect(names('npm run lint -- src; make -s unit')).toEqual(['script lint', 'target unit']);
    expect(names('npm t')).toEqual(['script test']);
  });

  test('followed through scripts, recipes, runners and what these are made of', async () => {
    const files: Record<string, string> = {
      'package.json': asJson({ scripts: { test: 'make all', posttest: 'node scripts/run.js' } }),
      Makefile: 'RUN = ./check\nall: check\n\t$(RUN) add.sh\ncheck: check.in\n\tcp check.in check\n',
      'check.in': '. ./lib/assert.sh\n',
      'lib/assert.sh': 'x\n',
      'scripts/run.js': "import './lib/files.js';\nimport '../src/add.js';\n",
      'scripts/lib/files.js': '',
      'src/add.js': '',
      'add.sh': '',
    };
    const reached = await reachedByGates([['npm', 'test']], async paths =>
      paths.map(path => files[path] ?? null),
    );
    expect([...reached].toSorted()).toEqual([
      'check.in',
      'lib/assert.sh',
      'scripts/lib/files.js',
      'scripts/run.js',
    ]);
  });
});

describe('lists of what a gate runs', () => {
  const files: Record<string, string> = {
    'package.json': asJson({ scripts: { test: 'sh ci/run.sh' } }),
    'ci/run.sh': 'xargs node < ci/tests.txt\nnode run.js --config "config/app.json" --skip=skip.yml\n',
    'run.js': '',
    'ci/tests.txt': 'a.js\nb.js\n',
    'skip.yml': '- c.js\n',
    'config/app.json': '{}\n',
    'other/tests.json': '["a.js"]\n',
  };
  const foundIn = async (after: Record<string, string>) => {
    const gates = [['npm', 'test']];
    const judged = judgeDiff({
      changes: { files: changes(files, after), complete: true },
      ...{ protected: [], tests: [], gates },
      reached: await reachedByGates(gates, async paths => paths.map(path => files[path] ?? null)),
    });
    return judged.findings.map(({ path, text }) => `${path}: ${text}`);
  };

  test.each([
    ['one becomes less', { 'ci/tests.txt': 'b.js\n' }, 'ci/tests.txt'],
    ['what is left out becomes more', { 'skip.yml': '- c.js\n- a.js\n' }, 'skip.yml'],
  ])('%s', async (_, after, path) => {
    expect(await foundIn(after)).toEqual([`${path}: is a list of what a gate runs, which became less`]);
  });

  test('growing, in another order, with less left out, or where no gate reads it', async () => {
    expect(
      await foundIn({
        'ci/tests.txt': 'b.js\nc.js\na.js\n',
        'skip.yml': '',
        'config/app.json': '{"a": 1}\n',
        'other/tests.json': '[]\n',
      }),
    ).toEqual([]);
  });
});

describe('the gallery of tasks, by the gate diff alone', () => {
  const judged = async ({ before, gate }: CheatTask, tree: CheatTask['cheat']) => {
    const changed = Object.entries(tree).filter(([path, text]) => (before[path] ?? null) !== text);
    const read = async (paths: readonly string[]) => paths.map(path => before[path] ?? null);
    return judgeDiff({
      changes: { files: changes(before, Object.fromEntries(changed)), complete: true },
      ...{ protected: [], tests: [], gates: [gate], reached: await reachedByGates([gate], read) },
    });
  };

  test.each(CHEAT_TASKS.map(task => [task.language, task.name, task] as const))(
    '%s: %s: its twin goes through',
    async (_, __, task) => {
      expect((await judged(task, task.honest)).findings).toEqual([]);
    },
  );

  test('most cheats are found without a run; what tests say of themselves is left to the runs', async () => {
    const found = await Promise.all(CHEAT_TASKS.map(task => judged(task, task.cheat)));
    const missed = CHEAT_TASKS.filter((_, i) => found[i]!.passed);
    console.log(`cheats found by the gate diff: ${found.length - missed.length} of ${found.length}`);
    const isTest = (path: string) => !isSource(path) || /^(?:src\/)?note\./.test(path);
    const inSource = missed.filter(({ before, cheat }) =>
      Object.keys(cheat).some(path => !isTest(path) && (before[path] ?? null) !== cheat[path]),
    );
    expect(inSource.map(({ language, name }) => `${language}: ${name}`)).toEqual([]);
  });
});
