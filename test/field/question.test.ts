/** Ctrl-C on a terminal asks what it means. Nothing is written over the question, nor on its line, whoever is quicker. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { RASEN, until } from '../support/instance.ts';
import type { SeedProject } from '../support/scripted-agent.ts';
import { shellProject } from '../support/shell-project.ts';

let p: SeedProject;
afterEach(async () => await p?.close());

test.skipIf(!existsSync('/usr/bin/script'))(
  'the task is over before it is answered: what is told of it begins a line',
  async () => {
    p = shellProject({
      agent: 'while ! test -e "$(dirname "$0")/go"; do sleep 0.1; done; echo done >done.txt\n',
    });
    await p.init([{ id: 'one' }]);
    const child = spawn('script', ['-qfec', `${RASEN} run`, '/dev/null'], {
      cwd: p.root,
      env: { ...p.instance.env, TERM: 'xterm' },
    });
    let screen = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      screen += text;
    });
    await until('the session', () => /in_progress +one/.test(screen));
    child.stdin.write('\x03');
    await until('the question', () => screen.includes('[s/d] '));
    const asked = screen.length;
    child.stdin.write('d');
    await until('the key is shown', () => screen.slice(asked).includes('d'));
    p.write({ '../go': '' });
    await once(child, 'close');
    const rest = screen.slice(asked);
    // Neither text nor what moves the cursor stands between the question and the end of its line.
    expect(rest).toMatch(/^d[^\n]*\n/);
    expect(rest.slice(0, rest.indexOf('\n'))).not.toMatch(/completed|\x1b\[\d+A/);
    expect(rest).toMatch(/Status: completed/);
  },
);
