/**
 * Which sandbox there is, looked at when it is first needed and then remembered. It is tried where attempts run: a confined
 * supervisor may make no namespaces, while the units of the user's manager may.
 */
import { execFile } from 'node:child_process';
import { messageOf } from '../contract/errors.ts';
import type { CageChoice } from '../runner/cage/choose.ts';
import { runFailure } from '../runner/cage/unit-command.ts';
import { chooseSandbox, type TryCommand } from '../sandbox/choose.ts';
import type { SandboxChoice } from '../sandbox/sandbox.ts';
import type { Settings } from './settings.ts';

const TRY_MS_MAX = 10_000;
const IN_A_UNIT = [
  'systemd-run',
  '--user',
  '--quiet',
  '--pipe',
  '--wait',
  '--collect',
  '--slice=rasen.slice',
];

export interface SandboxLook {
  /** As far as is known now. */
  readonly last: SandboxChoice;
  get(): Promise<SandboxChoice>;
}

export function lookForSandbox(options: {
  wanted: Settings['sandbox'];
  cage: Pick<CageChoice, 'kind' | 'env'>;
  /** Command line of the program that goes between a sandbox and the hosts that it may reach. */
  fence: readonly string[];
}): SandboxLook {
  const { wanted, cage, fence } = options;
  let looking: Promise<SandboxChoice> | null = null;
  let last: SandboxChoice = {
    sandbox: null,
    why: 'it was not looked for yet',
    fix: 'Ask again in a moment.',
  };
  return {
    get last() {
      return last;
    },
    get() {
      let away = false;
      const attempt: TryCommand = async argv => {
        const words = cage.kind === 'unit' ? [...IN_A_UNIT, '--', ...argv] : argv;
        const problem = await run(words, cage.kind === 'unit' ? cage.env : process.env);
        away ||= cage.kind === 'unit' && problem !== null && runFailure(problem) === 'away';
        return problem;
      };
      looking ??= chooseSandbox({ wanted, env: process.env, fence, attempt }).then(found => {
        last = found;
        // A manager that is not there yet has said nothing of sandboxes.
        if (away) looking = null;
        return found;
      });
      return looking;
    },
  };
}

/** null: it ran. */
async function run([program, ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<string | null> {
  return await new Promise(done => {
    execFile(program!, args, { env, timeout: TRY_MS_MAX, cwd: '/' }, (error, _stdout, stderr) =>
      done(error === null ? null : (stderr.trim().split('\n')[0] || messageOf(error)).slice(0, 300)),
    );
  });
}
