/**
 * A stand-in for the user's service manager: `systemd-run` and `systemctl` as scripts on PATH that do what the unit cage
 * asks of the real ones. It starts the unit detached, waits for its main process and runs ExecStopPost. The real ones are
 * used in test/boot.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SYSTEMD_RUN = `#!/usr/bin/env python3
import os, shlex, subprocess, sys
here = os.path.dirname(os.path.abspath(__file__))
answer = os.path.join(here, 'answer')
open(os.path.join(here, 'tries'), 'a').write('.')
if os.path.exists(answer):
    sys.stderr.write(open(answer).read())
    sys.exit(1)
words, post, name = sys.argv[1:], None, None
open(os.path.join(here, 'calls'), 'a').write('\\0'.join(words) + '\\n')
while words and words[0].startswith('-'):
    word = words.pop(0)
    if word.startswith('--unit='): name = word[7:]
    if word == '-p':
        key, value = words.pop(0).split('=', 1)
        if key == 'ExecStopPost': post = value
if os.fork() > 0: sys.exit(0)
os.setsid()
for fd in (0, 1, 2): os.dup2(os.open(os.devnull, os.O_RDWR), fd)
expand = lambda text: text.replace('$$', '$')
main = subprocess.Popen([expand(w) for w in words])
code = main.wait()
how = {'SERVICE_RESULT': 'success' if code == 0 else 'signal' if code < 0 else 'exit-code'}
subprocess.run([expand(w) for w in shlex.split(post)], env={**os.environ, **how})
`;
const SYSTEMCTL = `#!/bin/sh
cat "\${0%/*}/job" 2>/dev/null || echo 0
`;

export class FakeManager {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of [
      ['systemd-run', SYSTEMD_RUN],
      ['systemctl', SYSTEMCTL],
    ] as const) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o755);
    }
  }

  get env(): NodeJS.ProcessEnv {
    return { PATH: `${this.#folder}:${process.env.PATH}`, XDG_RUNTIME_DIR: this.#folder };
  }

  /** From now on systemd-run fails with this text. */
  refuse(text: string): void {
    writeFileSync(join(this.#folder, 'answer'), text);
  }

  /** From now on it does what it is told again. */
  accept(): void {
    rmSync(join(this.#folder, 'answer'));
  }

  /** How often systemd-run was called. */
  get tries(): number {
    const path = join(this.#folder, 'tries');
    return existsSync(path) ? readFileSync(path, 'utf8').length : 0;
  }

  /** Every unit has this job from now on; a stop job has a number. */
  job(text: string): void {
    writeFileSync(join(this.#folder, 'job'), text);
  }

  /** The words of every call of systemd-run. */
  get calls(): string[][] {
    const path = join(this.#folder, 'calls');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => line.split('\0'));
  }
}
