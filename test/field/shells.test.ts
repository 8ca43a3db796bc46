/** What a shell user takes for granted of a command holds for `rasen run`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Instance, unpacked, until } from '../support/instance.ts';
import { isAlive } from '../support/scripted-agent.ts';
import { adviceIn, ShellUser } from '../support/shell-user.ts';

let rasen: Instance;
let user: ShellUser;

beforeAll(async () => {
  rasen = new Instance();
  unpacked(rasen);
  user = new ShellUser(rasen);
  await rasen.start();
});
afterAll(() => rasen.close());

const tasks = () => readdirSync(join(rasen.home, 'tasks')).length;
const lines = (file: string) => readFileSync(join(user.folder, file), 'utf8').trim().split('\n');

describe('umask and limits', () => {
  it('are those of the shell', () => {
    const { stdout } = user.types(
      'umask 027; ulimit -S -n 300; ulimit -H -n 400; ulimit -S -c 0; rasen run -- sh -c "umask; ulimit -S -n; ulimit -H -n; ulimit -S -c; touch made"',
    );
    expect(stdout).toBe('0027\n300\n400\n0\n');
    expect(statSync(join(user.folder, 'made')).mode & 0o777).toBe(0o640);
  });

  it('are another task’s own, not those of whoever started the supervisor', () => {
    const both = 'rasen run -- touch open; umask 077; rasen run -- touch closed';
    expect(user.types(both).status).toBe(0);
    expect(statSync(join(user.folder, 'closed')).mode & 0o777).toBe(0o600);
    expect(statSync(join(user.folder, 'open')).mode & 0o777).toBe(0o644);
  });

  it('make no difference to a key: the same order from another shell is the same task', () => {
    const again = user.types(
      'rasen run --key umask -- sh -c "echo ran >>ran"; umask 077; rasen run --key umask -- sh -c "echo ran >>ran"',
    );
    expect(again.status).toBe(0);
    expect(lines('ran')).toEqual(['ran']);
  });

  it('go never above those of the supervisor', async () => {
    const other = new Instance();
    const shell = new ShellUser(other);
    try {
      shell.types('ulimit -n 3000; rasen run -- true');
      const { stdout } = shell.types('ulimit -n; rasen run -- sh -c "ulimit -S -n; ulimit -H -n"');
      const [own, soft, hard] = stdout.trim().split('\n').map(Number);
      expect(own).toBeGreaterThan(3000);
      expect([soft, hard]).toEqual([3000, 3000]);
    } finally {
      await other.close();
    }
  });
});

describe('arguments', () => {
  it.each([
    ['1,100 words', 'x $(seq 1100)', '1100 1'],
    ['100,000 words', 'x $(seq 100000)', '100000 1'],
    ['a word of 130,000 bytes', `x "$(head -c 130000 /dev/zero | tr '\\0' y)"`, '1 130000'],
    ['a word of 60,000 lines', `x "$(yes '' | head -n 60000; echo .)"`, '1 60001'],
  ])('may be %s', (_what, words, counts) => {
    const { stdout, stderr } = user.types(`rasen run -- sh -c 'echo "$# \${#1}"' ${words}`);
    expect(stdout, stderr).toBe(`${counts}\n`);
  });

  it('are bytes, and reach the command as they are', () => {
    user.types(`f=$(printf 'caf\\351 "x".txt'); echo hi >"$f"; rasen run -- cp "$f" copy`);
    expect(readFileSync(join(user.folder, 'copy'), 'utf8')).toBe('hi\n');
    const { stdout } = user.types(`X=$(printf 'a\\377b'); export X; rasen run --env X -- printenv X`);
    expect(stdout).toBe('a\xffb\n');
  });

  it.each([
    ['a name', `rasen run --name "$(printf 'a\\351')" -- true`],
    ['a file of subtasks', `rasen run -f "$(printf 'a\\351')"`],
    ['a task', `rasen stop "$(printf 'a\\351')"`],
    ['the folder', `d=$(printf 'd\\351'); mkdir -p "$d"; cd "$d"; rasen run -- true`],
  ])('of rasen itself are texts: %s that is none is refused', (_what, script) => {
    const before = tasks();
    const { status, stderr } = user.types(script);
    expect(status).toBe(2);
    expect(stderr).toMatch(/not valid UTF-8.*\\xe9|\\xe9.*not valid UTF-8|not valid UTF-8: .*\\xe9/);
    expect(tasks()).toBe(before);
  });

  it('and folders have blanks, quotes and line ends', () => {
    const { stdout } = user.types(`d=$(printf 'a "b\\n$c'); mkdir -p "$d"; cd "$d"; rasen run -- pwd`);
    expect(stdout).toBe(`${user.folder}/a "b\n$c\n`);
  });

  it('and variables of the shell reach it, whatever their names', () => {
    const names = ['name', 'root', 'self', 'here', 'link', 'modules'];
    const set = names.map(name => `${name}=mine`).join(' ');
    const asked = names.map(name => `--env ${name}`).join(' ');
    const { stdout } = user.types(`export ${set}; rasen run ${asked} -- printenv ${names.join(' ')}`);
    expect(stdout).toBe('mine\n'.repeat(names.length));
  });
});

describe('standard input', () => {
  it.each([
    ['a pipe', 'echo hello | rasen run -- cat'],
    ['a file', 'echo hello >in; rasen run -- cat <in'],
    ['a pipe that is filled late', '(sleep 0.7; echo hello) | rasen run -- sleep 1.5'],
    ['a pipe, in the background', 'echo hello | rasen run --background -- true'],
  ])('is not dropped in silence: %s', (_what, script) => {
    const { stderr } = user.types(script);
    expect(stderr).toContain('standard input is not handed to the command');
    expect(stderr).toContain('--stdin');
  });

  it.each(['rasen run -- cat </dev/null', ': | rasen run -- cat', 'rasen run -- true <&-'])(
    'that is empty is no matter: %s',
    script => {
      const { status, stderr } = user.types(script);
      expect(status).toBe(0);
      expect(stderr).not.toContain('standard input');
    },
  );

  it('of a loop around is not eaten', () => {
    const { stdout } = user.types('seq 3 | while read n; do rasen run -- echo "n$n"; done');
    expect(stdout).toBe('n1\nn2\nn3\n');
  });

  it('is kept with the task with --stdin, also for a retry after a crash of the supervisor', async () => {
    const script = `head -c 3000000 /dev/zero | tr '\\0' 'x' | rasen run --key in --stdin -- sh -c 'wc -c; test -f go'`;
    const first = user.types(script);
    expect([first.status, first.stdout.trim()]).toEqual([1, '3000000']);
    expect(readdirSync(join(rasen.home, 'inbox'))).toEqual([]);
    await rasen.kill();
    await rasen.start();
    writeFileSync(join(user.folder, 'go'), '');
    const again = user.types(script.replace('--key in', '--key in --retry'));
    expect(again.status, again.stderr).toBe(0);
    expect(again.stdout).toMatch(/3000000\s*$/);
  });

  it('that was changed meanwhile is not run with', () => {
    const script = `echo right | rasen run --key changed --stdin -- sh -c 'cat; test -f later'`;
    expect(user.types(script).stdout).toBe('right\n');
    const { id } = JSON.parse(rasen.rasen(['list', '--json']).stdout)[0];
    writeFileSync(join(rasen.home, 'tasks', id, 'input'), 'wrong\n');
    const again = user.types(script.replace('--key changed', '--key changed --retry'));
    expect(again.stdout).not.toContain('wrong');
    expect(again.status).not.toBe(0);
    expect(again.stderr).toContain('is not what was piped into the task');
  });

  it('is refused where it is too much, and nothing is left', () => {
    const before = tasks();
    const { status, stderr } = user.types('head -c 68000000 /dev/zero | rasen run --stdin -- wc -c');
    expect(status).toBe(2);
    expect(stderr).toContain('More than 64 MiB came on standard input');
    expect([tasks(), readdirSync(join(rasen.home, 'inbox'))]).toEqual([before, []]);
  });
});

describe('a program', () => {
  const made = (name: string, text: string) => {
    writeFileSync(join(user.folder, name), text, { mode: 0o755 });
    return `rasen run -- ./${name}`;
  };

  it.each([
    ['that is not there', () => 'rasen run -- nosuchprogram', 127, 'no program "nosuchprogram" on PATH'],
    ['of another folder', () => 'rasen run -- ./bin/nothing', 127, 'no program "./bin/nothing"'],
    ['of the shell', () => 'rasen run -- cd /', 127, '"cd" is a command of the shell'],
    ['that is a folder', () => 'rasen run -- /tmp', 126, '"/tmp" is a folder'],
    ['that may not be run', () => 'touch plain; rasen run -- ./plain', 126, 'chmod +x ./plain'],
    ['without its interpreter', () => made('lost', '#!/no/such/sh\n'), 126, 'a script for /no/such/sh'],
    ['with Windows line ends', () => made('crlf', '#!/bin/sh\r\n'), 126, 'Windows line ends'],
    ['on an empty PATH', () => `$(command -v rasen) run --env PATH= -- ls`, 127, 'PATH is empty'],
  ])('%s is named at once, and leaves no task', (_what, script, exit, words) => {
    const before = tasks();
    const { status, stderr, stdout } = user.types(script());
    expect([status, stdout], stderr).toEqual([exit, '']);
    expect(stderr).toContain(words);
    expect(tasks()).toBe(before);
  });

  it.each([
    ['pipe', "rasen run -- 'echo ab | tr a b'", 'bb\n'],
    ['pipe without the dashes', "rasen run 'echo ab | tr a b'", 'bb\n'],
    ['command of the shell', 'rasen run -- umask', '0022\n'],
    ['variable in front', 'rasen run -- X=1 printenv X', '1\n'],
  ])('is no %s, and the advice works where it is printed', (_what, script, printed) => {
    const { status, stderr } = user.types(script);
    expect([2, 127]).toContain(status);
    expect(user.types(adviceIn(stderr)).stdout).toBe(printed);
  });

  it('on the PATH of the shell is found, also by relative entries and where the service has another', () => {
    mkdirSync(join(user.folder, 'tools'), { recursive: true });
    writeFileSync(join(user.folder, 'tools/mine'), '#!/bin/sh\necho found\n', { mode: 0o755 });
    expect(user.types('PATH=$PATH:tools; rasen run -- mine').stdout).toBe('found\n');
    expect(user.types('cd tools; PATH=$PATH:; rasen run -- mine').stdout).toBe('found\n');
  });

  it('that goes before a retry is named by the task', () => {
    const script = made('fleeting', '#!/bin/sh\nexit 1\n');
    const first = user.types(
      `${script.replace('run', 'run --name fleeting')}; rm fleeting; rasen retry --task fleeting; rasen wait fleeting`,
    );
    expect(first.status).toBe(3);
    expect(rasen.rasen(['status', 'fleeting']).stdout).toContain('the program "./fleeting" was not found');
  });
});

describe('the end', () => {
  it.each([
    ['exit 7', 7],
    ['kill -TERM $$', 143],
    ['exit 0', 0],
  ])('of the command is that of rasen with --exit-code: %s', (script, code) => {
    expect(user.types(`rasen run --exit-code -- sh -c '${script}'`).status).toBe(code);
    expect(user.types(`rasen run -- sh -c '${script}'`).status).toBe(code === 0 ? 0 : 1);
  });

  it('of the reader is told, and the task goes on', async () => {
    const script = `{ rasen run --name endless -- sh -c 'while :; do echo y; sleep 0.02; done'; echo "ended with $?" >&2; } | head -1`;
    const { stdout, stderr } = user.types(script);
    expect(stdout).toBe('y\n');
    expect(stderr).toContain('the task goes on in the background');
    expect(stderr).toContain('ended with 141');
    expect(rasen.rasen(['status', 'endless']).stdout).toContain('Status: running');
    const stop = /end it with: (rasen stop \w+)/.exec(stderr)![1]!;
    expect(user.types(stop).status).toBe(0);
  });

  it('of the output is no matter where there is none', () => {
    expect(user.types('rasen run -- sh -c "echo x >ran-without" <&- >&- 2>&-').status).toBe(0);
    expect(lines('ran-without')).toEqual(['x']);
  });
});

describe('a terminal of its own', () => {
  it('is there for a command that wants one, with its exit status', () => {
    const { status, stdout } = user.types(
      `rasen run --pty --exit-code -- sh -c 'test -t 0 && test -t 1 && echo "$1" "$SHELL"; stty size; exit 5' x "it's"`,
      { SHELL: '/bin/odd' },
    );
    expect([status, stdout]).toEqual([5, "it's /bin/odd\r\n24 80\r\n"]);
  });

  it('ends with the task', async () => {
    const { stdout } = user.types(
      `rasen run --pty --background --name drawn -- sh -c 'echo $$ >drawn; exec sleep 600'`,
    );
    await until('the command runs', () => existsSync(join(user.folder, 'drawn')) && lines('drawn')[0]);
    expect(user.types('rasen stop drawn').status).toBe(0);
    expect(isAlive(Number(lines('drawn')[0])), stdout).toBe(false);
  });
});
