/** Programs started by the harness, on this computer or (through machine.ts) in a machine: what they said, how they ended. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** What it said until now. */
  stdout(): string;
  stderr(): string;
  ended: Promise<Ran>;
}

export interface StartOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  input?: string | Buffer;
}

export function start(argv: readonly string[], { env, cwd, input }: StartOptions = {}): Running {
  const child = spawn(argv[0]!, argv.slice(1), { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  // A program need not read what it is given.
  child.stdin.on('error', () => {}).end(input ?? '');
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  // Whoever awaits it gets the error; whoever does not must not end the test run by it.
  ended.catch(() => {});
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** Runs a program of this computer that must succeed, and gives its standard output. */
export async function must(argv: readonly string[], options?: StartOptions): Promise<string> {
  const ran = await start(argv, options).ended;
  return expectSuccess(argv.join(' '), ran);
}

export function expectSuccess(what: string, { code, signal, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`${what}: ended with ${code ?? signal}\n${stdout}${stderr}`);
  return stdout;
}
