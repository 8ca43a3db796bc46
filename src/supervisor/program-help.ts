/**
 * What programs say of their own options, asked once for each program that is installed: the answer holds until another
 * file is in its place. Asked within the sandbox of the session that is about to begin.
 */
import { execFile } from 'node:child_process';
import { delimiter, isAbsolute, join } from 'node:path';
import { stampOf } from '../host/stamp.ts';

/** They load a lot before they say anything. */
const ANSWER_MS_MAX = 20_000;
const ANSWER_BYTES_MAX = 256 * 1024;
/** Programs whose answers are held. */
const PROGRAMS_MAX = 50;

export class ProgramHelp {
  readonly #known = new Map<string, Promise<string | null>>();

  /**
   * null: it does not say, and is asked again the next time.
   * @param argv the program with its arguments; `wrapped`: the same as it is started.
   */
  async of(
    argv: readonly string[],
    wrapped: readonly string[],
    env: Record<string, string>,
  ): Promise<string | null> {
    const stamps = argv.map(word => stampOf(whereIs(word, env.PATH ?? '')));
    const key = JSON.stringify([argv, stamps]);
    const known = this.#known.get(key) ?? ask(wrapped, env);
    this.#known.set(key, known);
    if (this.#known.size > PROGRAMS_MAX) this.#known.delete(this.#known.keys().next().value!);
    const answer = await known;
    if (answer === null) this.#known.delete(key);
    return answer;
  }
}

/** Names of programs, and scripts after an interpreter; of other words nothing is there. */
const whereIs = (word: string, path: string): string[] =>
  isAbsolute(word)
    ? [word]
    : path
        .split(delimiter)
        .filter(isAbsolute)
        .map(folder => join(folder, word));

function ask([program, ...args]: readonly string[], env: Record<string, string>): Promise<string | null> {
  return new Promise(done => {
    const limits = { timeout: ANSWER_MS_MAX, killSignal: 'SIGKILL' as const, maxBuffer: ANSWER_BYTES_MAX };
    const child = execFile(program!, args, { ...limits, env, cwd: '/' }, (error, stdout, stderr) =>
      done(error === null ? `${stdout}\n${stderr}` : null),
    );
    child.stdin?.end();
  });
}
