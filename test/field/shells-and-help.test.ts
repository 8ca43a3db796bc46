/** What somebody types while they look for the right word: help, and the tab key of bash, zsh and fish. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Instance, RASEN } from '../support/instance.ts';

let instance: Instance;
beforeAll(async () => {
  instance = new Instance({ PATH: `${join(RASEN, '..')}:${process.env.PATH}`, TERM: 'dumb' });
  mkdirSync(instance.home, { mode: 0o700 });
  await instance.start();
  for (const name of ['nightly-build', 'nightly-build', 'two words'])
    instance.rasen(['run', '--name', name, '--', 'true']);
});
afterAll(() => instance.close());

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
function shell(program: string, args: string[]): string {
  const { env, folder: cwd } = instance;
  const { stdout, stderr, error } = spawnSync(program, args, {
    env,
    cwd,
    encoding: 'utf8',
    timeout: 400_000,
  });
  if (error) throw error;
  expect(stderr).toBe('');
  return stdout;
}
const helped = (...args: string[]) => instance.rasen(args);

describe('help', () => {
  test.each([['nosuch'], ['resum'], ['plan', 'edi'], ['config', 'nosuch']])(
    'of no command: %s %s',
    (...words) => {
      for (const ran of [helped('help', ...words), helped(...words, '--help')])
        expect([ran.status, ran.stdout, ran.stderr]).toEqual([
          2,
          '',
          expect.stringContaining('Unknown command'),
        ]);
    },
  );
  test('names the nearest command, and shows that of two words', () => {
    expect(helped('help', 'resum').stderr).toContain('Did you mean: rasen help resume');
    expect(helped('help', 'plan', 'edi').stderr).toContain('Did you mean: rasen help plan edit');
    const { status, stdout } = helped('help', 'plan', 'edit');
    expect([status, stdout]).toEqual([0, expect.stringContaining('Usage: rasen plan edit [options]')]);
    for (const words of [['help'], ['--help'], ['help', 'help']]) expect(helped(...words).status).toBe(0);
    expect(helped('help', 'run').stdout).toBe(helped('run', '--help').stdout);
  });
  test('behind two dashes is for the command there', () => {
    expect(helped('run', '--', 'sh', '-c', 'echo "$1"', 'sh', '--help')).toMatchObject({
      status: 0,
      stdout: '--help\n',
    });
  });
});

describe('the tab key completes', () => {
  const WORDS = {
    commands: ['rasen resu', 'resume'],
    plans: ['rasen plan sh', 'show'],
    help: ['rasen help comp', 'completion'],
  };
  const tasks = (line: string) => line.split(/\s+/).filter(word => word !== '');

  test.skipIf(!has('bash'))('in bash', () => {
    const ask = (line: string) =>
      shell('bash', [
        '--norc',
        '-c',
        `source <(rasen completion bash); COMP_WORDS=(${line.endsWith(' ') ? `${line}''` : line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _rasen; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ]);
    for (const [line, word] of Object.values(WORDS)) expect(tasks(ask(line!))).toEqual([word]);
    expect(tasks(ask('rasen stop nigh'))).toEqual(['nightly-build']);
    expect(tasks(ask('rasen retry --task nigh'))).toEqual(['nightly-build']);
    // One has a name that is no word, the other one that a newer task has.
    const short = tasks(ask('rasen stop ')).filter(word => /^[0-9a-z]{8}$/.test(word));
    expect(short.length).toBeGreaterThanOrEqual(2);
  });

  test.skipIf(!has('zsh'))(
    'in zsh, sourced in a shell that has set up nothing, and as a file of fpath',
    () => {
      const setups = [
        'source <(rasen completion zsh)',
        'fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -D',
      ];
      mkdirSync(join(instance.folder, 'functions'), { recursive: true });
      writeFileSync(join(instance.folder, 'functions/_rasen'), helped('completion', 'zsh').stdout);
      for (const setup of setups)
        for (const [line, word] of [...Object.values(WORDS), ['rasen stop nigh', 'nightly-build']]) {
          // Typed on a terminal of its own, since zsh completes nowhere else.
          const script = `zmodload zsh/zpty
zpty z "exec zsh -f -i"
zpty -w z 'PS1= RPS1=; ${setup}; bindkey "^I" complete-word; print REA""DY'
zpty -r z out '*READY*'
zpty -w -n z $'${line}\\t'
zpty -r z out '*${word}*'
print -r -- $out
zpty -d z`;
          const out = shell('zsh', ['-f', '-c', script]);
          expect(out, `${setup}: ${line}`).toContain(word);
        }
    },
  );

  test.skipIf(!has('fish'))('in fish', () => {
    const ask = (line: string) =>
      shell('fish', ['--no-config', '-c', `rasen completion fish | source; complete -C '${line}'`]);
    for (const [line, word] of Object.values(WORDS)) expect(ask(line!)).toMatch(new RegExp(`^${word}\\b`));
    expect(ask('rasen stop nigh')).toBe('nightly-build\tcompleted\n');
    expect(ask('rasen stop ')).toMatch(/^[0-9a-z]{8}\tcompleted: two words$/m);
  });
});
