/** Runs a program that tells a person: a text on its standard input, no terminal, ended with all that it started when late. */
import { spawn } from 'node:child_process';
import { messageOf } from '../contract/errors.ts';
import { lastChars } from '../views/plain-text.ts';
import { CHANNEL_MS_MAX, type Place } from './channel.ts';
import { withoutValues } from './without-values.ts';

/** Of what it complains, the end that is told, and the end that is kept: a secret that is cut is not found. */
const COMPLAINT_CHARS = 200;
const KEPT_CHARS = 256 * 1024;

export function runProgram(argv: readonly string[], input: string, place: Place): Promise<void> {
  const [program, ...args] = argv as [string, ...string[]];
  const { env, cwd, signal, secrets } = place;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('the supervisor ends'));
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    let why: string | null = null;
    const end = (reason: string) => {
      why = reason;
      try {
        // Its whole group: a shell script would leave what it waits for.
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It is over, or was never there.
      }
    };
    const timer = setTimeout(() => end(`did not end within ${CHANNEL_MS_MAX / 1000} s`), CHANNEL_MS_MAX);
    const abort = () => end('was ended with the supervisor');
    signal.addEventListener('abort', abort, { once: true });
    const over = (problem: string | null) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      // What it left running holds its standard error open; nobody waits for that.
      child.stderr.destroy();
      if (problem === null) resolve();
      else reject(new Error(`${program} ${problem}`));
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-KEPT_CHARS);
    });
    child.stdin.on('error', () => {}); // It need not read.
    child.stdin.end(input);
    child.once('error', error => over(`cannot be run: ${messageOf(error)}`));
    child.once('exit', (code, killed) => {
      // What it said last may still be on its way.
      setImmediate(() => {
        const words = lastChars(withoutValues(said, secrets), COMPLAINT_CHARS).replaceAll(/\s+/g, ' ');
        const how = why ?? (code === null ? `was ended by ${killed}` : `ended with status ${code}`);
        over(why === null && code === 0 ? null : `${how}${words === '' ? '' : `: ${words}`}`);
      });
    });
  });
}
